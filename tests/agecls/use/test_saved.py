import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import agecls
from agecls.classes import DECADES, EIGHT, Classes
from agecls.errors import AgeclsError, WeightsError
from agecls.nets.weights import save_backbone
from agecls.training.loop import predict, start
from agecls.use.inference import tempered
from agecls.use.onnx_model import check_images
from agecls.use.saved import load
from tests.agecls.kept import RECIPE, SIZE, keep, trained
from tests.agecls.tiny import shades

P = list(EIGHT.columns)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def state():
    return trained()


@pytest.fixture(scope="module")
def folder(state, tmp_path_factory):
    return keep(state, tmp_path_factory.mktemp("models") / "bcd")


@pytest.fixture(scope="module")
def images():
    return check_images(SIZE)


@pytest.mark.parametrize("loss", ["cross_entropy", "corn"])
def test_a_reloaded_model_predicts_what_the_trained_one_did(loss, tmp_path, images):
    state = trained(loss)
    classifier = load(keep(state, tmp_path / "model"))
    expected = predict(state, images)
    assert expected.std(axis=0).max() > 1e-3  # the pictures are told apart at all
    np.testing.assert_allclose(classifier.probabilities(images), expected, atol=1e-5)


def test_files_arrays_and_pil_images_of_one_picture_predict_alike(folder, tmp_path):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (50, 41, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    with Image.open(path) as opened:
        table = load(folder).predict([str(path), path, pixels, Image.fromarray(pixels), opened])
    assert table["path"].tolist()[:2] == [str(path), str(path)]
    for row in range(1, 5):
        assert table.loc[row, P].tolist() == table.loc[0, P].tolist()


def test_an_upright_and_a_turned_picture_with_its_orientation_predict_alike(folder):
    pixels = np.random.default_rng(4).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    turned = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # a viewer turns it a quarter clockwise
    table = load(folder).predict([Image.fromarray(pixels), turned])
    assert table.loc[1, P].tolist() == table.loc[0, P].tolist()


def test_the_table_says_class_years_and_expectations_of_the_probabilities(folder, images):
    table = load(folder).predict(images)
    probabilities = table[P].to_numpy(np.float64)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    best = probabilities.argmax(axis=1)
    assert table["class"].tolist() == [EIGHT.names[k] for k in best]
    assert table["years"].iloc[0] == ["0-6", "7-12", "13-19", "20-30", "31-45"][best[0]]
    np.testing.assert_allclose(table["expected_class"], probabilities @ np.arange(8))
    np.testing.assert_allclose(table["expected_years"], probabilities @ np.array(EIGHT.midpoints))
    assert table["error"].isna().all()


def test_an_unusable_picture_has_a_reason_and_shifts_nobody_else(folder, tmp_path, images):
    good = []
    for k in range(2):
        good.append(tmp_path / f"{k}.png")
        Image.fromarray(images[k]).save(good[k])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    table = load(folder).predict([good[0], broken, tmp_path / "absent.png", good[1]])
    assert table["error"].isna().tolist() == [True, False, False, True]
    assert "not an image" in table["error"][1]
    assert table.loc[1, [*P, "class", "years", "expected_years"]].isna().all()
    alone = load(folder).predict(images[:2])
    assert table.loc[3, P].tolist() == alone.loc[1, P].tolist()


def test_nothing_to_predict_is_an_empty_table(folder):
    table = load(folder).predict([])
    assert len(table) == 0
    assert list(table.columns)[:3] == ["path", "class", "years"]


def test_flipping_averages_the_picture_with_its_mirror_image(folder, images):
    classifier = load(folder)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    expected = (classifier.probabilities(images) + classifier.probabilities(mirrored)) / 2
    flipped = classifier.probabilities(images, flip=True)
    np.testing.assert_allclose(flipped, expected, atol=1e-6)
    alone = classifier.probabilities(images)
    assert np.abs(flipped - alone).max() > 1e-5
    # ages are told so unless somebody says otherwise
    np.testing.assert_allclose(classifier.predict(images)[P], flipped, atol=1e-6)
    np.testing.assert_allclose(classifier.predict(images, flip=False)[P], alone, atol=1e-6)


def test_the_temperature_is_that_of_the_logits_for_a_softmax():
    logits = torch.tensor([[1.0, -2.0, 0.5, 0, 0, 0, 3.0, 1.0]])
    found = tempered(logits.softmax(dim=1), 2.5)
    torch.testing.assert_close(found, (logits / 2.5).softmax(dim=1))


def test_a_stored_temperature_calibrates_and_its_absence_is_told(state, tmp_path, images):
    plain = load(keep(state, tmp_path / "plain"))
    calibrated = load(keep(state, tmp_path / "calibrated", temperature=2.0))
    assert (plain.is_calibrated, calibrated.is_calibrated) == (False, True)
    roots = np.sqrt(plain.probabilities(images))
    expected = roots / roots.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated.probabilities(images), expected, atol=1e-5)


def test_a_folder_of_models_is_their_average(state, tmp_path, images):
    keep(state, tmp_path / "seeds" / "one")
    keep(trained(seed=1), tmp_path / "seeds" / "two")
    one, two = load(tmp_path / "seeds" / "one"), load(tmp_path / "seeds" / "two")
    both = load(tmp_path / "seeds")
    assert len(both.members) == 2
    assert len(load(tmp_path / "seeds", tmp_path / "seeds" / "one").members) == 2
    expected = (one.probabilities(images) + two.probabilities(images)) / 2
    np.testing.assert_allclose(both.probabilities(images), expected, atol=1e-6)
    assert np.abs(one.probabilities(images) - two.probabilities(images)).max() > 1e-4


def test_models_of_two_sizes_are_not_averaged(state, tmp_path):
    keep(state, tmp_path / "one")
    keep(state, tmp_path / "two", size=64)
    with pytest.raises(WeightsError, match="only models of one size"):
        load(tmp_path)


@pytest.mark.parametrize("loss", ["cross_entropy", "corn"])
@pytest.mark.parametrize("n", [2, 3, 100])
def test_a_model_of_other_classes_tells_them_apart(n, loss, tmp_path, images):
    names = Classes(tuple(f"kind {k}" for k in range(n)), None, False)
    state = start(replace(RECIPE, loss=loss), shades(size=SIZE, classes=range(2), names=names))
    classifier = load(keep(state, tmp_path / "model", classes=list(names.names)))
    assert classifier.classes == names
    table = classifier.predict(images)
    found = table[list(names.columns)].to_numpy()
    # the picture alone: what is told apart may have a side
    np.testing.assert_allclose(found, predict(state, images), atol=1e-5)
    assert table["class"].tolist() == [names.names[k] for k in found.argmax(axis=1)]


def test_a_model_knows_the_years_and_the_order_of_its_classes(state, tmp_path, images):
    of_age = keep(
        state,
        tmp_path / "decades",
        classes=list(DECADES.names),
        years=[list(pair) for pair in DECADES.years],
        ordered=True,
    )
    classifier = load(of_age)
    assert classifier.classes == DECADES
    table = classifier.predict(images[:2])
    assert set(table["years"]) <= set(DECADES.ranges)
    assert table["expected_years"].between(4.5, 95).all()


def test_a_model_from_before_they_were_written_has_its_names_alone(state, tmp_path):
    old = keep(state, tmp_path / "old", classes=list(DECADES.names))
    assert load(old).classes == Classes(DECADES.names, None, False)


def test_models_of_two_kinds_are_not_averaged(state, tmp_path):
    keep(state, tmp_path / "one")
    keep(state, tmp_path / "two", classes=list("stuvwxyz"))
    with pytest.raises(WeightsError, match="only models of one kind"):
        load(tmp_path)


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_alone_is_one_picture(kind, folder, tmp_path, images):
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    table = load(folder).predict(kind(tmp_path / "a.png"))
    assert table["path"].tolist() == [str(tmp_path / "a.png")]
    assert table.loc[0, P].tolist() == load(folder).predict(images[:1]).loc[0, P].tolist()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "the hashes differ"),
        ({"temperature": 0}, "expected a number above 0"),
        ({"classes": ["old", "old"]}, "classes are .* each once"),
        ({"classes": "abcdefgh"}, "`classes`"),
        ({"classes": [1, 2]}, "`classes`"),
        ({"classes": ["old", "young"]}, "does not fit the recipe"),
        ({"years": [[0, 9]], "ordered": True}, "expected youngest and oldest of 8 classes"),
        ({"years": "young", "ordered": True}, "model.json"),
        ({"recipe": {"depth": 19}}, "recipe field `depth` is 19"),
        ({"mean": [0.5]}, "model.json"),
        ({"recipe": {"variant": "org", "depth": 18}}, "does not fit the recipe"),
    ],
)
def test_a_description_that_cannot_be_is_refused(state, tmp_path, changes, reason):
    with pytest.raises(WeightsError, match=reason):
        load(keep(state, tmp_path / "model", **changes))


def test_missing_and_damaged_files_are_named(state, tmp_path):
    folder = keep(state, tmp_path / "model")
    described = folder / "model.json"
    text = described.read_text()
    described.write_text("{")
    with pytest.raises(WeightsError, match=r"model\.json is no JSON"):
        load(folder)
    described.unlink()
    with pytest.raises(WeightsError, match=r"needs model\.json beside it"):
        load(folder)
    without_size = json.loads(text)
    del without_size["size"]
    described.write_text(json.dumps(without_size))
    with pytest.raises(WeightsError, match="'size' is missing"):
        load(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="is damaged"):
        load(folder)
    with pytest.raises(WeightsError, match="does not exist"):
        load(tmp_path / "nowhere")


def test_a_backbone_is_no_model(state, tmp_path):
    path = tmp_path / "org-18.safetensors"
    save_backbone(
        state.model, path, made_by={}, mean=state.mean, std=state.std, licence="as drawn"
    )
    with pytest.raises(WeightsError, match="a backbone without a head"):
        load(path)


@pytest.mark.parametrize("bad", ["text", np.zeros((4, 4), np.uint8), np.zeros((9, 9, 3))])
def test_elements_that_are_no_pictures_are_refused_or_told(folder, bad):
    if isinstance(bad, str):
        assert "cannot be read" in load(folder).predict([bad])["error"][0]
    else:
        with pytest.raises(AgeclsError, match=r"expected uint8\s+\(H, W, 3\)"):
            load(folder).predict([bad])


def test_probabilities_take_the_models_own_size_only(folder):
    with pytest.raises(AgeclsError, match=r"expected uint8 \(N, 32, 32, 3\)"):
        load(folder).probabilities(np.zeros((1, 16, 16, 3), np.uint8))


def test_the_package_offers_load_without_importing_torch(folder):
    code = "import sys; from agecls import load; print('torch' in sys.modules, load.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "agecls"], done.stderr
    assert agecls.load(folder).size == SIZE


def test_the_averaged_weights_are_the_ones_kept(state, images, folder):
    plain = replace(state, ema=None)
    assert np.abs(predict(plain, images) - predict(state, images)).max() > 1e-4
    np.testing.assert_allclose(
        load(folder).probabilities(images), predict(state, images), atol=1e-5
    )
