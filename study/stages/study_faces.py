"""The images a study trains on, as its study file asks for them."""

from rich.console import Console

from agecls.data.loading import FaceData, load_data
from study.asked.factors import Study
from study.running.terminal import progress


def study_faces(study: Study, console: Console) -> FaceData:
    """Its faces at its size, split by its seed, without duplicates where it says so.

    Args:
        study: The resolved study.
        console: Where progress goes.

    Raises:
        DataLayoutError: No layout is recognised, or too much is unusable.
        AgeclsError: The cache cannot be written.
    """
    with progress("Reading faces", console) as advance:
        return load_data(
            study.data,
            size=study.size,
            seed=study.seed,
            deduplicate=study.deduplicate,
            progress=advance,
        )
