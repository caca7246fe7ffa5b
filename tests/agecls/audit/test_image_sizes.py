from PIL import Image

from agecls.audit.image_sizes import read_sizes
from tests.agecls.pictures import picture_bytes


def test_sizes_are_those_of_the_files_in_order(tmp_path):
    (tmp_path / "a.png").write_bytes(picture_bytes(0, width=20, height=30))
    (tmp_path / "b.jpg").write_bytes(picture_bytes(1, width=17, height=9, kind="JPEG"))
    steps = []
    sizes = read_sizes(tmp_path, ["b.jpg", "a.png"], progress=lambda *step: steps.append(step))
    assert sizes.to_dict("list") == {
        "width": [17, 20],
        "height": [9, 30],
        "format": ["JPEG", "PNG"],
    }
    assert steps == [(1, 2), (2, 2)]


def test_a_turned_picture_is_measured_as_it_is_stored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert read_sizes(tmp_path, ["a.jpg"]).iloc[0].tolist() == [40, 20, "JPEG"]


def test_a_file_that_is_gone_or_damaged_since_has_no_size(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    sizes = read_sizes(tmp_path, ["a.jpg", "b.jpg"])
    assert sizes["width"].isna().all()
    assert sizes["format"].isna().all()
    assert str(sizes["width"].dtype) == "Int64"


def test_no_file_has_no_sizes(tmp_path):
    assert len(read_sizes(tmp_path, [])) == 0
