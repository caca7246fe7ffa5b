"""Width, height and format of image files, from their first bytes."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from agecls.data.decoding import FORMATS, quiet_pillow, read_image_file
from agecls.data.within import within


def read_sizes(
    root: Path, paths: Sequence[str], *, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """The size of each image as it lies in its file, before any EXIF turn; nothing is decoded.

    Args:
        root: What the paths are relative to.
        paths: Pictures that were decoded before; one that was removed since has no size, and a
            box that of its photograph.
        progress: Told images done and all images.

    Returns:
        `width`, `height` (Int64, pixels) and `format` (such as "JPEG", or None), in order.
    """
    rows: list[tuple[int | None, int | None, str | None]] = []
    with quiet_pillow():
        for path in paths:
            rows.append(_read_size(str(root / path)))
            if progress is not None:
                progress(len(rows), len(paths))
    width, height, kind = zip(*rows, strict=True) if rows else ((), (), ())
    return pd.DataFrame(
        {
            "width": pd.Series(width, dtype="Int64"),
            "height": pd.Series(height, dtype="Int64"),
            "format": pd.Series(kind, dtype=object),
        }
    )


def _read_size(path: str) -> tuple[int | None, int | None, str | None]:
    place = within(path)
    try:
        source = place.file if place.row is None else io.BytesIO(read_image_file(path)[0])
        with Image.open(source, formats=FORMATS) as image:
            # phones write MPO, a JPEG with a second picture behind it
            return (*image.size, "JPEG" if image.format == "MPO" else image.format)
    # Pillow raises nearly any kind on damaged bytes
    except Exception:
        return None, None, None
