import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agecls.classes import EIGHT, Classes
from agecls.errors import AgeclsError
from agecls.use.predictions import frame_of, pixels_of, write_predictions

ONE_HOT = np.eye(8, dtype=np.float32)


def test_the_class_is_the_most_probable_and_the_younger_on_a_tie():
    tie = (ONE_HOT[2] + ONE_HOT[5]) / 2
    frame = frame_of(["x", "y"], np.stack([ONE_HOT[7], tie]), [None, None], EIGHT)
    assert frame["class"].tolist() == ["h", "c"]
    assert frame["years"].tolist() == ["67-80", "13-19"]
    assert frame["expected_class"].tolist() == [7, 3.5]
    assert frame["expected_years"].tolist() == [73.5, (16 + 50.5) / 2]


def test_a_name_that_is_not_unicode_can_be_written_in_every_kind(tmp_path):
    frame = frame_of(["\udcff.png"], ONE_HOT[:1], [None], EIGHT)
    for kind in (".csv", ".parquet", ".jsonl"):
        write_predictions(tmp_path / f"t{kind}", frame)
    assert pd.read_parquet(tmp_path / "t.parquet")["path"][0] == "\\udcff.png"


def test_a_table_without_a_usable_picture_keeps_its_columns(tmp_path):
    frame = frame_of(["x"], np.full((1, 8), np.nan, np.float32), ["it is damaged"], EIGHT)
    write_predictions(tmp_path / "t.parquet", frame)
    read = pd.read_parquet(tmp_path / "t.parquet")
    letters = [f"p_{letter}" for letter in "abcdefgh"]
    ages = ["expected_class", "expected_years", "error"]
    assert list(read.columns) == ["path", "class", "years", *letters, *ages]
    assert read["error"].tolist() == ["it is damaged"]
    assert read.drop(columns=["path", "error"]).isna().all(axis=None)


def test_classes_that_are_no_ages_have_no_years_and_those_without_order_no_middle():
    p = np.array([[0.2, 0.5, 0.3]], np.float32)
    nominal = frame_of(["x"], p, [None], Classes(("cat", "dog", "emu"), None, False))
    assert list(nominal.columns) == ["path", "class", "p_cat", "p_dog", "p_emu", "error"]
    assert nominal["class"].tolist() == ["dog"]
    sizes = frame_of(["x"], p, [None], Classes(("s", "m", "l"), None, True))
    assert list(sizes.columns)[-2:] == ["expected_class", "error"]
    assert sizes["expected_class"].tolist() == pytest.approx([1.1])


def test_of_more_than_ten_classes_the_next_most_probable_ones_are_named_too():
    classes = Classes(tuple("abcdefghijk"), None, False)
    p = np.array([0.05, 0.3, 0.05, 0.2, 0.05, 0.05, 0.05, 0.1, 0.05, 0.05, 0.05], np.float32)
    frame = frame_of(
        ["x", "y"], np.stack([p, np.full(11, np.nan, np.float32)]), [None, "no"], classes
    )
    names = ["class", "class_2", "class_3", "class_4", "class_5"]
    assert frame[names].to_numpy().tolist()[0] == ["b", "d", "h", "a", "c"]
    assert frame.loc[1, names].isna().all()


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(AgeclsError, match=r"\.csv, \.parquet, \.jsonl"):
        write_predictions(
            tmp_path / "t.xlsx", frame_of([], np.empty((0, 8), np.float32), [], EIGHT)
        )


def test_pil_images_of_every_mode_become_pixels_or_have_a_reason():
    red = Image.new("RGB", (20, 12), (204, 0, 51))
    modes = ["RGB", "RGBA", "P", "CMYK", "YCbCr", "L", "1", "I;16", "F"]
    images = [red.convert(mode) if mode != "I;16" else Image.new(mode, (9, 9)) for mode in modes]
    pixels, errors = pixels_of(images, 8)
    assert errors[:-1] == [None] * (len(modes) - 1)
    assert "cannot be read" in errors[-1]
    for picture in pixels[:5]:
        np.testing.assert_allclose(picture, np.broadcast_to([204, 0, 51], (8, 8, 3)), atol=8)


def test_a_crop_is_decoded_in_the_place_of_the_picture(tmp_path):
    path, other = tmp_path / "picture.png", tmp_path / "face.png"
    Image.new("RGB", (16, 16), "white").save(path)
    Image.new("RGB", (16, 16), "black").save(other)
    pixels, errors = pixels_of([path], 8, crop=lambda data: other.read_bytes())
    assert errors == [None]
    assert pixels.max() == 0
