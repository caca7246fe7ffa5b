import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agecls.classes import EIGHT
from agecls.errors import CheckpointError, DataLayoutError
from agecls.faces.face_set import FaceSet
from agecls.pretrain import main
from agecls.recipe import Recipe
from agecls.training import checkpoints, loop, pretraining
from agecls.training.loop import start
from agecls.training.pretraining import (
    Backbone,
    best_of,
    draw_classes,
    train_backbone,
    train_unasked,
    year_classes,
)
from tests.agecls.pictures import draw_zoo, family_rows, write_family_set, write_picture
from tests.agecls.tiny import build_small_net, shades

RECIPE = Recipe(depth=18, epochs=3, batch_size=16, lr=0.02, zero_gamma=True)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_net(monkeypatch):
    monkeypatch.setattr("agecls.training.state.build_net", build_small_net)
    # what a file says of a ResNet, the small net has not
    real = pretraining.save_backbone

    def save(model, path, **rest):
        model.variant, model.depth = "org", 18
        real(model, path, **rest)

    monkeypatch.setattr(pretraining, "save_backbone", save)


@pytest.fixture(scope="module")
def data():
    return shades(64, 16)


@pytest.fixture
def backbone(tmp_path):
    return Backbone(
        recipe=RECIPE,
        out=tmp_path / "org-18.safetensors",
        device="cpu",
        source={"path": "shades", "fingerprint": "f00d"},
        licence="free",
    )


def write_utkface(root: Path, n: int = 48) -> Path:
    """Noise under UTKFace names, every age class in it."""
    for k in range(n):
        years = (k * 7) % 81
        write_picture(root / f"{years}_0_2_20170116{k:09}.jpg.chip.jpg", k)
    return root


def test_the_best_epoch_is_kept_and_not_the_last(backbone, data, small_net, monkeypatch):
    accuracies = iter([0.25, 0.75, 0.5])
    kept = {}
    real = pretraining.fit

    def fit(state, arrays, **how):
        for metrics in real(state, arrays, **how):
            state.history[-1] = replace(metrics, val_accuracy=next(accuracies))
            kept[metrics.epoch] = state.model.fc.weight.detach().clone()
            kept[metrics.epoch, "conv1"] = state.model.conv1.weight.detach().clone()
            yield state.history[-1]

    monkeypatch.setattr(pretraining, "fit", fit)
    best = train_backbone(backbone, data, resume=False)
    assert best.epoch == 2
    tensors = load_file(backbone.out)
    torch.testing.assert_close(tensors["conv1.weight"], kept[2, "conv1"])
    assert not torch.equal(kept[2, "conv1"], kept[3, "conv1"])
    card = json.loads(backbone.out.with_suffix(".json").read_text())
    assert card["made_by"]["metrics"]["epoch"] == 2
    assert card["made_by"]["data"] == {"path": "shades", "fingerprint": "f00d"}
    assert card["made_by"]["classes"]["names"] == list("abcdefgh")
    assert not backbone.unfinished.exists()


def test_of_equal_accuracies_the_lower_loss_and_then_the_earlier_is_the_best(data, small_net):
    state = start(RECIPE, data)
    first = next(pretraining.fit(state, data))
    same = replace(first, epoch=2)
    better = replace(first, epoch=3, val_loss=first.val_loss - 0.1)
    assert best_of([first, same]) is first
    assert best_of([first, same, better]) is better


@pytest.mark.parametrize("target", ["classes", "years"])
def test_a_run_stopped_after_each_epoch_ends_as_the_unbroken_one(
    backbone, data, small_net, tmp_path, target
):
    if target == "years":
        years = np.array([EIGHT.years[label][0] for label in data.train_labels])
        backbone = replace(backbone, years=years)
    unbroken = train_backbone(backbone, data, resume=False)
    again = replace(backbone, out=tmp_path / "again" / "org-18.safetensors")

    class Stop(Exception):
        pass

    def stop(metrics):
        raise Stop

    for _ in range(RECIPE.epochs):
        with pytest.raises(Stop):
            train_backbone(again, data, resume=True, report=stop)
        assert not again.out.exists()
    resumed = train_backbone(again, data, resume=True)
    assert resumed.val_loss == unbroken.val_loss
    for name, tensor in load_file(backbone.out).items():
        assert torch.equal(tensor, load_file(again.out)[name]), name


@pytest.mark.parametrize("target", ["classes", "years"])
def test_the_images_go_to_the_device_once_and_not_every_epoch(
    backbone, data, small_net, monkeypatch, target
):
    if target == "years":
        years = np.array([EIGHT.years[label][0] for label in data.train_labels])
        backbone = replace(backbone, years=years)
    sent = []
    real = loop.image_tensor
    monkeypatch.setattr(loop, "image_tensor", lambda a: sent.append(a is data.images) or real(a))
    assert train_backbone(backbone, data, resume=False) is not None
    assert sent == [True]


def test_out_of_time_nothing_is_published_and_the_run_can_go_on(backbone, data, small_net):
    assert train_backbone(backbone, data, resume=False, deadline=0.0) is None
    assert not backbone.out.exists()
    assert train_backbone(backbone, data, resume=True) is not None
    assert backbone.out.exists()


def test_an_unfinished_run_is_not_overwritten_unasked(backbone, data, small_net):
    checkpoints.save(backbone.unfinished / "state.pt", start(RECIPE, data))
    with pytest.raises(CheckpointError, match="go on with --resume or delete it"):
        train_backbone(backbone, data, resume=False)


def test_a_publication_that_was_cut_short_is_completed(backbone, data, small_net):
    train_backbone(backbone, data, resume=False)
    weights = backbone.out.read_bytes()
    state = start(RECIPE, data)
    list(pretraining.fit(state, data))
    checkpoints.save(backbone.unfinished / "state.pt", state)
    backbone.out.with_suffix(".json").rename(backbone.unfinished / "org-18.json")
    train_backbone(backbone, data, resume=True)
    assert backbone.out.read_bytes() == weights
    assert backbone.out.with_suffix(".json").exists()
    assert not backbone.unfinished.exists()


def test_soft_classes_are_sure_in_the_middle_and_even_at_a_border():
    table = year_classes(EIGHT.years)
    assert table.shape == (81, 8)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    # at 38, deviation 2.9, borders at 31 and 46: 7.5 years from both
    assert table[38, 4] == pytest.approx(0.9903, abs=1e-4)
    # in the year before a border the older class has the share beyond half a year
    assert table[30, 4] == pytest.approx(0.4207, abs=1e-4)  # 1 - Phi(0.5 / 2.5)
    assert (table.argmax(axis=1) == [EIGHT.of_years(y) for y in range(81)]).all()


def test_drawn_classes_follow_the_soft_ones_and_repeat_by_seed_and_epoch():
    years = np.full(20_000, 30)
    drawn = draw_classes(years, EIGHT.years, seed=3, epoch=1)
    shares = np.bincount(drawn, minlength=8) / len(drawn)
    np.testing.assert_allclose(shares, year_classes(EIGHT.years)[30], atol=0.015)
    assert (drawn == draw_classes(years, EIGHT.years, seed=3, epoch=1)).all()
    assert (drawn != draw_classes(years, EIGHT.years, seed=3, epoch=2)).any()
    assert (drawn != draw_classes(years, EIGHT.years, seed=4, epoch=1)).any()


def test_the_task_of_a_study_goes_on_and_forgets_a_run_of_another_recipe(
    backbone, data, small_net
):
    other = start(replace(RECIPE, seed=9), data)
    checkpoints.save(backbone.unfinished / "state.pt", other)
    best = train_unasked(backbone, data)
    card = json.loads(backbone.out.with_suffix(".json").read_text())
    assert card["made_by"]["recipe"]["seed"] == 0
    assert card["made_by"]["metrics"] == asdict(best)


def test_the_command_makes_a_backbone_per_variant_that_a_model_starts_from(tmp_path, capsys):
    faces = write_utkface(tmp_path / "utk")
    out = tmp_path / "source" / "{variant}-{depth}.safetensors"
    words = [str(faces), "--out", str(out), "--variant", "org,bcd", "--depth", "18"]
    words += ["--size", "16", "--epochs", "1", "--threads", "1", "--target", "years"]
    assert main([*words, "--images", "32"]) == 0
    assert "32 images to train on" in capsys.readouterr().out
    for variant in ("org", "bcd"):
        path = tmp_path / "source" / f"{variant}-18.safetensors"
        card = json.loads(path.with_suffix(".json").read_text())
        assert card["made_by"]["target"] == "years"
        assert "non-commercial" in card["licence"]
        recipe = Recipe(variant=variant, depth=18, init="pretrained", epochs=1)
        state = start(recipe, shades(16, 8), weights=str(path))
        assert set(state.weights.new) == {"fc.weight", "fc.bias"}
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert "every backbone is there already" in capsys.readouterr().out


def test_a_backbone_may_learn_classes_of_its_own(tmp_path, capsys):
    draw_zoo(tmp_path / "zoo", n=8)
    out = tmp_path / "zoo.safetensors"
    words = [str(tmp_path / "zoo"), "--out", str(out), "--depth", "18", "--size", "16"]
    words += ["--epochs", "1", "--threads", "1"]
    assert main(words) == 2  # folders that are none of the eight
    assert main([*words, "--classes", "folders"]) == 0
    assert "identical files stay together" in capsys.readouterr().out
    recipe = Recipe(variant="org", depth=18, init="pretrained", epochs=1)
    assert set(start(recipe, shades(16, 8), weights=str(out)).weights.new) == {
        "fc.weight",
        "fc.bias",
    }


def test_a_time_budget_ends_with_130_and_the_way_to_go_on(tmp_path, capsys):
    faces = write_utkface(tmp_path / "utk")
    out = tmp_path / "org.safetensors"
    words = [str(faces), "--out", str(out), "--depth", "18", "--size", "16", "--epochs", "2"]
    assert main([*words, "--threads", "1", "--time-budget", "0.001s"]) == 130
    assert "--resume" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("kind", ["class folders", "family csv"])
def test_years_are_asked_of_sets_that_have_them_only(tmp_path, capsys, kind):
    faces = tmp_path / "faces"
    if kind == "family csv":
        write_family_set(faces, "train", family_rows(12))
    else:
        for k in range(16):
            write_picture(faces / "abcd"[k % 4] / f"{k}.png", k)
    out = str(tmp_path / "org.safetensors")
    assert main([str(faces), "--out", out, "--size", "16", "--target", "years"]) == 2
    err = capsys.readouterr().err
    assert "use --target classes" in err
    assert err.count("\n") == 1


def test_drawn_faces_have_years_to_learn(tmp_path, monkeypatch):
    source = FaceSet(families=3, val_families=1, test_families=0, size=16)
    monkeypatch.setattr("agecls.faces.face_set.SOURCE", source)
    out = tmp_path / "org.safetensors"
    words = ["--size", "16", "--depth", "18", "--epochs", "1", "--threads", "1"]
    assert main(["synthetic-source", "--out", str(out), "--target", "years", *words]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["made_by"]["target"] == "years"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--out", "org.pt"], "written as .safetensors"),
        (["--out", "x.safetensors", "--variant", "org,bcd"], "need {variant} in the name"),
        (["--out", "{size}.safetensors"], "only {variant} and {depth}"),
        (["--out", "x.safetensors", "--variant", "vgg"], "`variant` is 'vgg'"),
        (["--out", "x.safetensors", "--lr", "100"], "`lr` is 100.0"),
        (["--out", "x.safetensors", "--seed", "-1"], "--seed is -1"),
        (["--out", "x.safetensors"], "nowhere does not exist"),
        (["--out", "x.safetensors", "--device", "abacus"], "--device abacus"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    assert main(["nowhere", *words]) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1


def test_years_of_the_records_are_those_of_the_images(tmp_path):
    from agecls.data.loading import Reading, load_data

    faces = write_utkface(tmp_path / "utk")
    data = load_data(faces, Reading(size=16))
    years = pretraining.years_of(data, faces)
    names = data.train.frame["image_path"]
    assert years.tolist() == [int(name.partition("_")[0]) for name in names]
    with pytest.raises(DataLayoutError):
        pretraining.years_of(data, tmp_path / "nowhere")
