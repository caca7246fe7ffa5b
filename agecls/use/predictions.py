"""Pictures of any kind -> pixels, and probabilities -> the table that users get. Without torch."""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from agecls.classes import Classes
from agecls.data.decoding import decode, quiet_pillow, read_image_file
from agecls.errors import AgeclsError, ImageError
from agecls.files import write_whole
from agecls.machine import cores
from agecls.metrics import MOST_WITHOUT_TOP, TOP

Predictions: TypeAlias = pd.DataFrame
Progress = Callable[[int, int], None]
CropFace = Callable[[bytes], bytes]
"""From a picture's bytes to those of the face in it; raises ImageError where there is none."""

TABLE_KINDS: Final = (".csv", ".parquet", ".jsonl")

_PNG_MODES: Final = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA", "F")
_MOST_THREADS: Final = 8


def pixels_of(
    images: Sequence[Any] | NDArray[np.uint8], size: int, *, crop: CropFace | None = None
) -> tuple[NDArray[np.uint8], list[str | None]]:
    """The usable images as (M, size, size, 3) uint8, and for each image why it is not usable.

    Args:
        images: Paths, PIL images, arrays (H, W, 3), or one array (N, H, W, 3).
        size: Side in pixels.
        crop: See `CropFace`.

    Raises:
        AgeclsError: An element is none of these.
    """

    def one(image: Any) -> tuple[NDArray[np.uint8] | None, str | None]:
        try:
            data = _bytes_of(image)
            return decode(data if crop is None else crop(data), size), None
        except ImageError as error:
            return None, str(error)

    # Pillow decodes without the interpreter's lock
    with quiet_pillow(), ThreadPoolExecutor(min(_MOST_THREADS, cores())) as pool:
        found = list(pool.map(one, images))
    usable = [pixels for pixels, _ in found if pixels is not None]
    stacked = np.stack(usable) if usable else np.empty((0, size, size, 3), np.uint8)
    return stacked, [error for _, error in found]


def _bytes_of(image: Any) -> bytes:
    """The picture's file; one is made, without loss, of what is no file.

    Thus every picture passes the decoder that training pictures passed.
    """
    if isinstance(image, str | os.PathLike):
        return read_image_file(os.fspath(image))[0]
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise AgeclsError(
                f"an image is an array of {image.dtype}, shape {image.shape}; expected uint8 "
                "(H, W, 3) in RGB"
            )
        image = Image.fromarray(image)
    if not isinstance(image, Image.Image):
        raise AgeclsError(
            f"an image is a {type(image).__name__}; expected a path, a PIL image or a uint8 array"
        )
    file = io.BytesIO()
    try:
        ready = image if image.mode in _PNG_MODES else image.convert("RGB")
        ready.save(file, "PNG", compress_level=0, exif=image.getexif())
    except (OSError, ValueError) as error:
        raise ImageError(f"it cannot be read: {error}") from error
    return file.getvalue()


def frame_of(
    images: Sequence[Any] | NDArray[np.uint8],
    probabilities: NDArray[np.float32],
    errors: Sequence[str | None],
    classes: Classes,
) -> Predictions:
    """The table of probabilities (n, N), in the order of the images; NaN where there is an error.

    Columns: `path`, `class`, `years` (of the class), `class_2` to `class_5` (the next most
    probable ones), a `p_` of each class (such as `p_a`), `expected_class` (0..N-1) and
    `expected_years` (means over the probabilities, the latter of the classes' midpoints),
    `error`. Those of years are there where classes have years, `expected_class` where they are
    ordered, and the next ones where there are more than ten classes.
    """
    usable = [error is None for error in errors]
    of_usable = probabilities[usable].astype(np.float64)
    # the younger class on a tie, as in the metrics
    best, *others = np.argsort(-of_usable, axis=1, kind="stable")[:, :TOP].T
    columns: dict[str, Any] = {
        "path": pd.Series([_name_of(image) for image in images], dtype=object),
        "class": _spread([classes.names[k] for k in best], usable, object),
    }
    if classes.years is not None:
        columns["years"] = _spread([classes.ranges[k] for k in best], usable, object)
    if len(classes) > MOST_WITHOUT_TOP:
        for place, next_one in enumerate(others, start=2):
            names = [classes.names[k] for k in next_one]
            columns[f"class_{place}"] = _spread(names, usable, object)
    columns |= dict(zip(classes.columns, probabilities.T, strict=True))
    if classes.is_ordered:
        columns["expected_class"] = _spread(of_usable @ np.arange(len(classes)), usable, float)
    if classes.midpoints is not None:
        expected = of_usable @ np.array(classes.midpoints)
        columns["expected_years"] = _spread(expected, usable, float)
    columns["error"] = pd.Series(list(errors), dtype=object)
    return pd.DataFrame(columns)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the table, whole or not at all, in the kind that the path's suffix names.

    Raises:
        AgeclsError: The suffix is none of `TABLE_KINDS`.
    """
    kind = check_table_path(path)
    if kind == ".csv":
        content = as_csv(predictions).encode()
    elif kind == ".parquet":
        file = io.BytesIO()
        predictions.to_parquet(file, index=False)
        content = file.getvalue()
    else:
        text = predictions.to_json(orient="records", lines=True, force_ascii=False)
        content = text.encode()
    write_whole(path, content)


def check_table_path(path: Path) -> str:
    """The table's kind by suffix.

    Raises:
        AgeclsError: The suffix is none of `TABLE_KINDS`.
    """
    kind = path.suffix.lower()
    if kind not in TABLE_KINDS:
        raise AgeclsError(f"{path}: a table is written as {', '.join(TABLE_KINDS)}; change it")
    return kind


def as_csv(predictions: Predictions) -> str:
    """The table as CSV with six decimals."""
    text: str = predictions.to_csv(index=False, float_format="%.6f")
    return text


def _name_of(image: Any) -> str | None:
    if isinstance(image, str | os.PathLike):
        # no table could hold a name that is not Unicode
        return os.fspath(image).encode("utf-8", "backslashreplace").decode()
    return getattr(image, "filename", None) or None


def _spread(values: Sequence[Any] | NDArray[Any], usable: Sequence[bool], kind: type) -> pd.Series:
    """The values at the usable places, null at the others."""
    places = np.flatnonzero(usable)
    return pd.Series(list(values), index=places, dtype=kind).reindex(range(len(usable)))
