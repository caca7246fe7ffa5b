import json
import logging

import numpy as np
import pytest
import torch

from agecls.classes import EIGHT
from agecls.errors import AgeclsError
from agecls.export import main
from agecls.training.loop import predict
from agecls.use import onnx_model
from agecls.use.onnx_model import PACKAGES, TOLERANCE, check_images, export_onnx
from agecls.use.saved import load
from tests.agecls.kept import SIZE, keep, trained

WHY = "exporting is optional: pip install onnx onnxruntime onnxscript"


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
    return keep(state, tmp_path_factory.mktemp("models") / "bcd", temperature=1.5)


@pytest.fixture(scope="module")
def exported(folder):
    """The command's files: ONNX and card beside the model."""
    for name in PACKAGES:
        pytest.importorskip(name, reason=WHY)
    assert main([str(folder)]) == 0
    return folder / "model.onnx"


def run(path, images):
    runtime = pytest.importorskip("onnxruntime", reason=WHY)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images})[0]


def test_pytorch_onnx_and_a_reload_predict_the_same_images_alike(exported, folder, state):
    images = np.concatenate([check_images(SIZE), check_images(SIZE)[:, ::-1]])
    reloaded = load(folder).probabilities(images)
    np.testing.assert_allclose(run(exported, images), reloaded, atol=TOLERANCE)
    roots = predict(state, images).astype(np.float64) ** (1 / 1.5)
    in_training = roots / roots.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(reloaded, in_training, atol=TOLERANCE)
    assert in_training.std(axis=0).max() > 100 * TOLERANCE


@pytest.mark.parametrize("n", [1, 3])
def test_the_batch_axis_is_free(exported, folder, n):
    images = check_images(SIZE)[-n:]
    assert run(exported, images).shape == (n, 8)


def test_the_file_says_what_a_caller_needs_and_no_path_of_this_machine(exported, folder):
    onnx = pytest.importorskip("onnx", reason=WHY)
    model = onnx.load(exported)
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(found["classes"]) == list(EIGHT.names)
    assert json.loads(found["mean"]) == [0.5, 0.5, 0.5]
    assert found["size"] == str(SIZE)
    assert (found["colour"], found["layout"], found["range"]) == ("RGB", "NHWC", "0..255, uint8")
    assert found["temperature"] == "1.5"
    assert found["weights_sha256"] == load(folder).members[0].sha256
    assert found["data_fingerprint"] == "f00d"
    assert b"agecls/" not in exported.read_bytes()
    card = exported.with_suffix(".md").read_text()
    assert "from PyTorch on 18 images" in card


def test_corn_is_exported_too(tmp_path):
    for name in PACKAGES:
        pytest.importorskip(name, reason=WHY)
    [member] = load(keep(trained("corn"), tmp_path / "corn")).members
    check = export_onnx(member, tmp_path / "corn.onnx")
    assert check.largest <= TOLERANCE
    images = check_images(SIZE)
    np.testing.assert_allclose(
        run(tmp_path / "corn.onnx", images),
        member.inference(torch.from_numpy(images)).numpy(),
        atol=TOLERANCE,
    )


def test_the_corn_of_the_export_is_the_corn_of_the_training():
    outputs = torch.randn(64, 7, generator=torch.Generator().manual_seed(0)) * 6
    torch.testing.assert_close(
        onnx_model._CornByLogs(8).probabilities(outputs),
        onnx_model.Corn(8).probabilities(outputs),
        atol=1e-6,
        rtol=0,
    )


def test_a_model_that_differs_is_not_written(folder, tmp_path, monkeypatch):
    for name in PACKAGES:
        pytest.importorskip(name, reason=WHY)
    [member] = load(folder).members
    converted = onnx_model._converted(member)
    member.inference.temperature = 3.0  # what the conversion had not seen
    monkeypatch.setattr(onnx_model, "_converted", lambda _: converted)
    with pytest.raises(AgeclsError, match=r"differs from PyTorch's by .* nothing was written"):
        export_onnx(member, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_checked_pictures_are_noise_plain_ones_and_faces_of_all_ages():
    images = check_images(48)
    assert images.shape == (18, 48, 48, 3)
    assert images.dtype == np.uint8
    assert {int(images[8].max()), int(images[9].min())} == {0, 255}
    assert len(np.unique(images[10:].reshape(8, -1), axis=0)) == 8


def test_the_card_alone_needs_no_package(folder, tmp_path, monkeypatch, capsys):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(onnx_model, "import_module", missing)
    card = tmp_path / "card.md"
    assert main([str(folder), "--card-only", "--card", str(card)]) == 0
    assert "# Age classes from faces: bcd of study tiny" in card.read_text()
    capsys.readouterr()
    assert main([str(folder)]) == 2
    err = capsys.readouterr().err
    assert "pip install onnx onnxruntime onnxscript" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere", "--card-only"], "does not exist"),
        (["MODEL", "--card-only", "--out", "model.bin"], "ends in .onnx"),
        (["MODEL", "--card-only", "--card", "card.txt"], "ends in .md"),
        (["SEVERAL", "--card-only"], "holds several models"),
    ],
)
def test_bad_input_is_one_line_and_status_2(folder, state, tmp_path, capsys, words, reason):
    for name in ("one", "two"):
        keep(state, tmp_path / name)
    names = {"MODEL": str(folder), "SEVERAL": str(tmp_path)}
    assert main([names.get(word, word) for word in words]) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1


def test_the_exporters_advice_is_silent_only_while_it_works():
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    with onnx_model._quiet_exporter():
        assert not logger.isEnabledFor(logging.WARNING)
    assert logger.level == before
