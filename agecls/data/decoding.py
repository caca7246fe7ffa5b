"""A file's bytes -> a square uint8 picture, or an ImageError that says why not.

Every picture that the package looks at comes through here: training data and predictions alike.
"""

import hashlib
import io
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError, features

from agecls.data.within import Box, row_bytes, within
from agecls.errors import ImageError

DECODING_VERSION: Final = 1
"""Grows with each change here that alters pixels; packs of another version are built anew."""

MAX_PIXELS: Final = 64_000_000
"""Larger pictures are refused before they are decoded; 64 megapixels take 256 MB in memory."""

MAX_BYTES: Final = 256 * 2**20
"""Larger files are refused before they are read."""

MAX_SCANNED_PIXELS: Final = 2_000_000_000
"""Pixels times scans of a JPEG. A progressive photograph has some ten scans; 75 bytes are enough
for one more, which passes over the whole picture: a megabyte of them keeps a core for minutes."""

MIN_SIDE: Final = 8
"""A picture with fewer pixels on a side shows no face."""

FORMATS: Final = (
    *("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"),
    # Pillow knows it from 11.3 on, and may have been built without it
    *(("AVIF",) if "avif" in features.modules and features.check("avif") else ()),
)
"""Nothing else is tried: Pillow would hand an EPS to Ghostscript. JPEG stands for MPO too."""

_REDUCING_GAP: Final = 2.0
_JPEG_START: Final = b"\xff\xd8"
_START_OF_SCAN: Final = b"\xff\xda"
_NEXT_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""Of a segment with a length: a zero after a byte of 255 makes it data, and 01 and restart numbers
stand alone."""
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Silence Pillow's warnings on damaged metadata, and make its bomb warning an error.

    Warning filters belong to the process, so enter this once, outside worker threads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_image_file(path: Path | str) -> tuple[bytes, tuple[int, int]]:
    """A picture's bytes, and its file's size and mtime_ns when they were read.

    Args:
        path: Of a file, or of a picture in one; see `agecls.data.within`. Of a box, the bytes are
            those of the whole photograph.

    Raises:
        ImageError: The file is not there, not a regular file, empty, too large or unreadable.
    """
    place = within(os.fspath(path))
    if place.row is not None:
        data, size_and_time = row_bytes(place.file, place.row)
        if len(data) > MAX_BYTES:
            raise ImageError(f"its cell has {len(data):,} bytes; at most {MAX_BYTES:,}")
        return data, size_and_time
    return _read_file(place.file)


def _read_file(path: str) -> tuple[bytes, tuple[int, int]]:
    try:
        # a FIFO would block without O_NONBLOCK
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ImageError("it is a folder or a special file, not an image")
            if found.st_size > MAX_BYTES:
                raise ImageError(f"the file has {found.st_size:,} bytes; at most {MAX_BYTES:,}")
            data = file.read(MAX_BYTES)
    except IsADirectoryError as error:
        raise ImageError("it is a folder or a special file, not an image") from error
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"the file cannot be read: {reason}") from error
    return data, (found.st_size, found.st_mtime_ns)


def content_of(data: bytes, box: Box | None = None) -> str:
    """Identity of a file's bytes, or of a box in it: 128 bits of BLAKE2b, in hexadecimal."""
    digest = hashlib.blake2b(data, digest_size=16)
    if box is not None:
        digest.update(f"\n{box}".encode())
    return digest.hexdigest()


def decode(data: bytes, size: int, *, box: Box | None = None) -> npt.NDArray[np.uint8]:
    """The central square of a picture, upright, as (size, size, 3) uint8 RGB.

    Of a box, the square about its middle that holds it whole, moved and, where the picture is
    smaller, cut so that it lies inside; the box is told in pixels of the upright picture.

    The shorter side is resampled to `size` with an antialiasing bicubic filter; a JPEG is first
    decoded, and any large picture box-averaged, at a reduced scale of at least twice `size`. A
    picture of exactly this size is not resampled. Transparency is laid over white, 16 bits are
    scaled to 8, CMYK, greyscale and palettes are converted, and the first frame of an animation
    is taken.

    Raises:
        ImageError: The bytes are no picture of a known format, are truncated or damaged, or the
            picture is too large or too small.
    """
    if not data:
        raise ImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_dimensions(image)
            _check_scans(data, image)
            if box is None:  # a reduced scale would move the box
                image.draft(None, (int(size * _REDUCING_GAP),) * 2)
            image.load()
            upright = _turned(_as_rgb(image), image)
        square = _central(upright.size) if box is None else _about(box, upright.size)
        return np.asarray(_resized(upright, square, size))
    except ImageError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageError(f"it has more than {MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise ImageError("it is not an image of a known format") from error
    # Pillow's decoders raise nearly any kind on damaged bytes: OSError, SyntaxError, ValueError,
    # struct.error, IndexError, MemoryError, ...
    except Exception as error:
        raise ImageError(f"it is damaged: {str(error) or type(error).__name__}") from error


def _check_dimensions(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"it has {width} x {height} pixels; at most {MAX_PIXELS:,} are decoded")
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"it has {width} x {height} pixels; each side needs {MIN_SIDE} or more")


def _check_scans(data: bytes, image: Image.Image) -> None:
    if not data.startswith(_JPEG_START):
        return
    most = MAX_SCANNED_PIXELS // (image.width * image.height)
    # nearly every file has fewer marks than that, also in its metadata, and needs no closer look
    if data.count(_START_OF_SCAN) > most and _scans(data) > most:
        raise ImageError(f"it is a JPEG of more than {most:,} scans, which would take minutes")


def _scans(data: bytes) -> int:
    """Scans of a JPEG's first picture; what its metadata or appended files hold does not count."""
    n, at = 0, len(_JPEG_START)
    while (mark := _NEXT_MARKER.search(data, at)) is not None:
        kind = data[mark.start() : mark.end()]
        if kind == b"\xff\xd9":
            break
        n += kind == _START_OF_SCAN
        # the length counts its own two bytes
        at = mark.end() + max(2, int.from_bytes(data[mark.end() : mark.end() + 2]))
    return n


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.mode == "F":
        raise ImageError("its pixels are floating-point numbers; convert it to 8 bits")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layers).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ImageError("its pixels have 32 bits; convert it to 8 bits")
    # 257 = 65535 / 255, so that white stays white
    return Image.fromarray((values // 257).astype(np.uint8)).convert("RGB")


def _turned(picture: Image.Image, source: Image.Image) -> Image.Image:
    """The picture upright, as the EXIF orientation of its source says."""
    try:
        orientation = source.getexif().get(ExifTags.Base.Orientation)
        turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    except Exception:  # damaged metadata do not spoil the pixels
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _central(picture: tuple[int, int]) -> Box:
    """The largest square in the middle of a picture of this width and height."""
    width, height = picture
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _about(box: Box, picture: tuple[int, int]) -> Box:
    """The square about a box in a picture of this width and height.

    Raises:
        ImageError: The box is empty, too small, or outside.
    """
    (left, top, right, bottom), (width, height) = box, picture
    if not (max(left, 0) < min(right, width) and max(top, 0) < min(bottom, height)):
        raise ImageError(f"its box {box} holds nothing of its {width} x {height} pixels")
    side = min(max(right - left, bottom - top), width, height)
    if side < MIN_SIDE:
        raise ImageError(f"its box {box} has fewer than {MIN_SIDE} pixels a side")
    x = min(max((left + right - side) // 2, 0), width - side)
    y = min(max((top + bottom - side) // 2, 0), height - side)
    return x, y, x + side, y + side


def _resized(picture: Image.Image, square: Box, size: int) -> Image.Image:
    if square[2] - square[0] == size:
        return picture.crop(square)
    return picture.resize(
        (size, size), Image.Resampling.BICUBIC, box=square, reducing_gap=_REDUCING_GAP
    )
