import numpy as np
import pytest
from PIL import Image

from agecls.classes import EIGHT
from agecls.errors import AgeclsError
from agecls.use import contact_sheet
from agecls.use.contact_sheet import write_contact_sheet
from agecls.use.predictions import frame_of


@pytest.fixture
def pictures(tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path, colour in zip(paths, ["red", "lime", "blue"], strict=True):
        Image.new("RGB", (16, 16), colour).save(path)
    return [str(path) for path in paths]


def predictions(paths, errors):
    return frame_of(paths, np.tile(np.eye(8, dtype=np.float32)[3], (len(paths), 1)), errors, EIGHT)


def test_unusable_pictures_leave_no_gap_and_the_number_is_bounded(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(contact_sheet, "MOST_PICTURES", 1)
    table = predictions(pictures, ["damaged", None, None])
    assert write_contact_sheet(tmp_path / "s.png", pictures, table, crop=None) == 1
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.convert("RGB").getpixel((60, 60)) == (0, 255, 0)
        assert sheet.width < 200


def test_a_sheet_of_nothing_and_another_suffix_are_refused(pictures, tmp_path):
    table = predictions(pictures, ["damaged"] * 3)
    with pytest.raises(AgeclsError, match="no picture is usable"):
        write_contact_sheet(tmp_path / "s.png", pictures, table, crop=None)
    with pytest.raises(AgeclsError, match=r"is a \.png or \.jpg"):
        write_contact_sheet(tmp_path / "s.gif", pictures, table, crop=None)
