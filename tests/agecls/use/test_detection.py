import io
from random import Random

import numpy as np
import pytest
from PIL import Image

from agecls.errors import AgeclsError, ImageError
from agecls.faces.drawing import draw_face
from agecls.faces.people import POPULATIONS, draw_person
from agecls.use import detection


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def drawn(seed, years=30.0, size=128):
    population = POPULATIONS["home"]
    person = draw_person(Random(seed), Random(seed), population, male=True)
    with Image.open(
        io.BytesIO(draw_face(person, years, population, Random(seed), size=size))
    ) as face:
        return face.convert("RGB")


def needs_opencv():
    cv2 = pytest.importorskip(
        "cv2", reason="face detection is optional: pip install 'opencv-python-headless<5'"
    )
    if not hasattr(cv2, "CascadeClassifier"):
        pytest.skip("OpenCV 5 has no face cascade: pip install 'opencv-python-headless<5'")


def test_the_crop_is_the_square_around_the_larger_face_wherever_it_is():
    needs_opencv()
    picture = Image.new("RGB", (640, 400), (90, 120, 110))
    picture.paste(drawn(1, size=96), (20, 30))
    picture.paste(drawn(3, size=200), (380, 150))
    with Image.open(io.BytesIO(detection.face_cropper(1.0)(png(picture)))) as crop:
        assert crop.width == crop.height
        assert 80 < crop.width <= 200
        found = np.asarray(crop).astype(float)
    whole = np.asarray(picture).astype(float)
    side = found.shape[0]
    # an exact copy of a window whose centre lies within the larger face
    places = [
        (top, left)
        for top in range(whole.shape[0] - side + 1)
        for left in range(whole.shape[1] - side + 1)
        if (whole[top, left] == found[0, 0]).all() and (whole[top, left + 9] == found[0, 9]).all()
        if np.array_equal(whole[top : top + side, left : left + side], found)
    ]
    assert len(places) == 1
    assert abs(places[0][0] + side / 2 - 250) < 50
    assert abs(places[0][1] + side / 2 - 480) < 50


def test_a_wider_margin_shows_more_and_repeats_the_border():
    needs_opencv()
    face = png(drawn(3))
    sides = []
    for margin in (1.0, 2.0):
        with Image.open(io.BytesIO(detection.face_cropper(margin)(face))) as crop:
            sides.append(crop.width)
    assert sides[1] == pytest.approx(2 * sides[0], abs=2)
    assert sides[1] > 128


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png(Image.new("RGB", (200, 200), "gray")), "no face was found"),
        (b"no picture", "damaged or no image"),
    ],
)
def test_a_picture_without_a_face_is_an_image_error(data, reason):
    needs_opencv()
    with pytest.raises(ImageError, match=reason):
        detection.face_cropper()(data)


def test_a_missing_package_is_one_line_with_the_command(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(detection, "import_module", missing)
    with pytest.raises(AgeclsError, match=r"pip install 'opencv-python-headless<5'"):
        detection.face_cropper()
