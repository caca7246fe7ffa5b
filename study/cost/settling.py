"""`study.settle --dry-run`: rows, blocks, cost and the intervals to expect; trains nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from agecls.data.folded import fold_faces
from study.analysis.settle.expected import Noise, expected_half_widths
from study.analysis.settled import rules_of
from study.asked.factors import Study
from study.cost.estimate import seconds_per_image
from study.folder.folder import Folder
from study.folder.tables import read_study
from study.plan.settle_plan import Settling, read_settling
from study.plan.streams import Stream, stream_seed
from study.running.terminal import describe, duration
from study.stages.settle import drawn
from study.stages.study_faces import study_faces


def describe_settling(
    study: Study, folder: Path, console: Console, *, trainings: int, at_a_time: int
) -> None:
    """Print the design that is on disk, or that would be drawn, and what it would cost.

    Args:
        study: The resolved study.
        folder: Its folder.
        console: Where to print.
        trainings: That may be spent.
        at_a_time: Trainings that will run side by side.

    Raises:
        StudyError: As the stage would.
        AgeclsError: The data cannot be used.
    """
    tables = read_study(folder)
    on_disk = read_settling(Folder(folder).settle.design)
    settling = on_disk or drawn(study, tables, trainings)
    for name, reason in settling.design.unasked.items():
        _say(console, f"{name} is not asked and keeps its answer: {reason}")
    if not settling.design.columns:
        _say(console, "No claim is open that settling can ask: nothing would be trained")
        return
    folded = fold_faces(
        study_faces(study, console), settling.folds, seed=stream_seed(study, Stream.FOLDS)
    )
    _say(console, folded.summary["how"])
    for line in _rows(study, settling):
        _say(console, line)
    n_blocks = settling.blocks_of(trainings)
    _say(
        console,
        f"{n_blocks} blocks of {len(settling.design.rows_of(0))} trainings, "
        f"{settling.trainings(n_blocks)} in all; each block on one of {settling.folds} folds and "
        "from one fresh seed",
    )
    n_images, n_clusters = (sum(folded.summary[what]) for what in ("images", "clusters"))
    _say(console, _cost(study, settling, n_blocks, n_images, at_a_time))
    for line in _intervals(study, settling, n_clusters):
        _say(console, line)
    _say(
        console,
        f"planning figures, which take for granted that a training's luck is {Noise().training:g} "
        f"points (sd) and that clusters differ in an effect by {Noise().cluster:g}",
    )


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False)


def _rows(study: Study, settling: Settling) -> Iterator[str]:
    """A line a row of the design: what it crosses, then what the search sets."""
    crossed = {name for row in settling.design.levels for name in row}
    names = [f.name for f in study.factors if f.role != "fixed"]
    by_search = [name for name in names if name not in crossed]
    for number, recipe in enumerate(settling.recipes):
        line = f"row {number:2}: {describe(recipe, [n for n in names if n in crossed])}"
        yield f"{line}; by the search: {describe(recipe, by_search)}" if by_search else line


def _cost(study: Study, settling: Settling, blocks: int, n_images: int, at_a_time: int) -> str:
    epochs: Sequence[int] = [
        int(settling.recipes[row]["epochs"])
        for number in range(blocks)
        for row in settling.design.rows_of(number)
    ]
    per_image = max(seconds_per_image(study, *structure) for structure in study.structures)
    share = 1 / settling.folds
    # an evaluation is a forward pass, a third of a training step's arithmetic
    seconds = sum(epochs) * n_images * ((1 - share) + share / 3) * per_image
    return (
        f"measured: {1 / per_image:.0f} images/s on one thread; {sum(epochs)} epochs take "
        f"{duration(seconds / at_a_time)} with {at_a_time} trainings at a time, less what is "
        "settled before the end"
    )


def _intervals(study: Study, settling: Settling, n_clusters: int) -> Iterator[str]:
    """A line a claim: half of its interval at the end, plain and as the verdict needs it."""
    expected = expected_half_widths(
        settling.design,
        study.every_claim,
        rules_of(settling),
        clusters=n_clusters,
        n_folds=settling.folds,
    )
    for one in expected:
        yield (
            f"{one.claim.text}: ± {one.half_width:.1f} points to expect at the end, "
            f"± {one.adjusted:.1f} while all claims are open (limit {one.claim.limit})"
        )
