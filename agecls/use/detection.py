"""The largest face of a picture as a crop, by OpenCV's cascade, where OpenCV is installed.

OpenCV 4 brings the cascade (Viola and Jones 2001) in its package, so that nothing is downloaded;
OpenCV 5 has dropped it. It finds upright frontal faces, not all of them, and it is looser or
tighter than the crops of a data set: set the margin so that crops look like the training images.
"""

import io
from importlib import import_module
from threading import Lock
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

from agecls.data.decoding import FORMATS, MAX_PIXELS
from agecls.errors import AgeclsError, ImageError
from agecls.use.predictions import CropFace

PACKAGE: Final = "opencv-python-headless<5"
DEFAULT_MARGIN: Final = 1.3
"""Side of the crop in detected boxes. Medians of the crops of two data sets: UTKFace 1.0, the
Korean families 1.5."""

_LONGEST_SIDE: Final = 1024
_SMALLEST_SHARE: Final = 0.05
_SCALE_STEP: Final = 1.1
_AGREEING: Final = 5


def face_cropper(margin: float = DEFAULT_MARGIN) -> CropFace:
    """A function from a picture's bytes to a PNG of the square around its largest face.

    The square is `margin` detected boxes wide; where it passes the picture's border, the border
    pixels are repeated.

    Raises:
        AgeclsError: OpenCV is not installed, or one without the cascade.
    """
    cv2, cascade = _cascade()
    # one cascade holds state of its running search
    lock = Lock()

    def crop(data: bytes) -> bytes:
        picture = _upright(data)
        grey = np.asarray(picture.convert("L"))
        scale = min(1.0, _LONGEST_SIDE / max(grey.shape))
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        smallest = max(24, round(_SMALLEST_SHARE * max(grey.shape)))
        # the cascade wants to see around a face: room for one that fills the picture
        room = max(grey.shape) // 4
        wide = cv2.copyMakeBorder(grey, room, room, room, room, cv2.BORDER_REFLECT)
        with lock:
            boxes = cascade.detectMultiScale(
                wide, _SCALE_STEP, _AGREEING, minSize=(smallest, smallest)
            )
        if len(boxes) == 0:
            raise ImageError("no face was found in it")
        left, top, side, _ = max(boxes.tolist(), key=lambda box: int(box[2]))
        centre = ((left - room + side / 2) / scale, (top - room + side / 2) / scale)
        return _square(picture, centre, margin * side / scale)

    return crop


def _cascade() -> tuple[Any, Any]:
    try:
        cv2 = import_module("cv2")
    except ImportError as error:
        raise AgeclsError(
            f"--detect needs OpenCV, which is not installed; run `pip install '{PACKAGE}'`, or "
            "give pictures that are crops of faces"
        ) from error
    if not hasattr(cv2, "CascadeClassifier"):
        raise AgeclsError(
            f"OpenCV {cv2.__version__} has no face cascade; run `pip install '{PACKAGE}'`"
        )
    cv2.setNumThreads(1)  # pictures are decoded by several threads already
    name = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
    return cv2, cv2.CascadeClassifier(name)


def _upright(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(
                    f"it has {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are "
                    "decoded"
                )
            return ImageOps.exif_transpose(image).convert("RGB")
    except ImageError:
        raise
    # Pillow's decoders raise nearly any kind on damaged bytes; see `agecls.data.decoding`
    except Exception as error:
        raise ImageError(f"it is damaged or no image: {error}") from error


def _square(picture: Image.Image, centre: tuple[float, float], side: float) -> bytes:
    pixels = np.asarray(picture)
    half = max(4, round(side / 2))
    rows = np.arange(-half, half) + round(centre[1])
    columns = np.arange(-half, half) + round(centre[0])
    # clipped coordinates repeat the border
    inside = np.ix_(rows.clip(0, len(pixels) - 1), columns.clip(0, pixels.shape[1] - 1))
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[inside])).save(file, "PNG", compress_level=0)
    return file.getvalue()
