"""Width, height and format of image files, from their first bytes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from agecls.data.decoding import FORMATS, quiet_pillow


def read_sizes(
    root: Path, paths: Sequence[str], *, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """The size of each image as it lies in its file, before any EXIF turn; nothing is decoded.

    Args:
        root: What the paths are relative to.
        paths: Files that were decoded before; one that was removed since has no size.
        progress: Told images done and all images.

    Returns:
        `width`, `height` (Int64, pixels) and `format` (such as "JPEG", or None), in order.
    """
    rows: list[tuple[int | None, int | None, str | None]] = []
    with quiet_pillow():
        for path in paths:
            rows.append(_read_size(root / path))
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


def _read_size(path: Path) -> tuple[int | None, int | None, str | None]:
    try:
        with Image.open(path, formats=FORMATS) as image:
            # phones write MPO, a JPEG with a second picture behind it
            return (*image.size, "JPEG" if image.format == "MPO" else image.format)
    # Pillow raises nearly any kind on damaged bytes
    except Exception:
        return None, None, None
