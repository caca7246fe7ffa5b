"""Pictures beside what a model says of them, on one sheet. It shows faces: only on request."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from agecls.errors import AgeclsError
from agecls.files import write_whole
from agecls.use.predictions import CropFace, Predictions, pixels_of

MOST_PICTURES: Final = 200
SHEET_KINDS: Final = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

_SIDE: Final = 112
_TEXT_HEIGHT: Final = 28
_GAP: Final = 8
_IN_A_ROW: Final = 10


def check_sheet_path(path: Path) -> str:
    """Pillow's name of the kind of picture that the suffix means.

    Raises:
        AgeclsError: It means none.
    """
    if path.suffix.lower() not in SHEET_KINDS:
        raise AgeclsError(f"{path}: a contact sheet is a .png or .jpg; change the suffix")
    return SHEET_KINDS[path.suffix.lower()]


def write_contact_sheet(
    path: Path, images: Sequence[str], predictions: Predictions, *, crop: CropFace | None
) -> int:
    """Write the first `MOST_PICTURES` usable pictures with class and probability; their number.

    Args:
        path: A .png or .jpg.
        images: Paths, in the order of the predictions.
        predictions: From `Classifier.predict`.
        crop: As the model saw them; see `agecls.use.predictions.CropFace`.

    Raises:
        AgeclsError: No picture is usable, or the suffix is another.
    """
    kind = check_sheet_path(path)
    usable = predictions["error"].isna().to_numpy().nonzero()[0][:MOST_PICTURES].tolist()
    if not usable:
        raise AgeclsError(f"{path}: no picture is usable, so there is no contact sheet")
    # a file that has vanished since its prediction has an error and no pixels
    pixels, errors = pixels_of([images[row] for row in usable], _SIDE, crop=crop)
    shown = [row for row, error in zip(usable, errors, strict=True) if error is None]
    n_rows = -(-len(shown) // _IN_A_ROW)
    width = _GAP + min(len(shown), _IN_A_ROW) * (_SIDE + _GAP)
    sheet = Image.new("RGB", (width, _GAP + n_rows * (_SIDE + _TEXT_HEIGHT + _GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (row, picture) in enumerate(zip(shown, pixels, strict=True)):
        left = _GAP + place % _IN_A_ROW * (_SIDE + _GAP)
        top = _GAP + place // _IN_A_ROW * (_SIDE + _TEXT_HEIGHT + _GAP)
        sheet.paste(Image.fromarray(picture), (left, top))
        said = predictions.iloc[row]
        caption = " ".join(filter(None, (said["class"], said.get("years"))))
        share = said[f"p_{said['class']}"]
        pen.text((left, top + _SIDE + 1), f"{caption}: {share:.0%}", "black")
        pen.text((left, top + _SIDE + 13), Path(images[row]).name[:18], "gray")
    file = io.BytesIO()
    sheet.save(file, kind)
    write_whole(path, file.getvalue())
    return len(shown)
