import os
import random
import resource
from dataclasses import replace

import pytest
import torch

from agecls.errors import CheckpointError
from agecls.nets.families import build_net
from agecls.nets.kernels import convolution
from agecls.nets.kernels.choice import Choice
from agecls.nets.kernels.convolution import choices_of
from agecls.nets.weights import save_backbone
from agecls.recipe import Recipe
from agecls.training import checkpoints
from agecls.training.loop import fit, start
from tests.agecls.tiny import build_our_small_net, build_small_net, shades

TINY = Recipe(depth=18, epochs=4, batch_size=16, lr=0.02)
RECIPES = {
    "sgd": TINY,
    "adamw": replace(TINY, optimizer="adamw", lr=1e-3, variant="bcd"),
    "ema": replace(TINY, ema=0.9, loss="corn", schedule_per="epoch"),
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data():
    return shades(64, 16)


@pytest.fixture(scope="module")
def written(tmp_path_factory, data):
    """Bytes of a checkpoint after one epoch of TINY, with the small net."""
    path = tmp_path_factory.mktemp("checkpoint") / "one.pt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agecls.training.state.build_net", build_small_net)
        state = start(TINY, data)
        next(fit(state, data))
        checkpoints.save(path, state)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, written, monkeypatch):
    monkeypatch.setattr("agecls.training.state.build_net", build_small_net)
    path = tmp_path / "trial.pt"
    path.write_bytes(written)
    return path


def tensors(state):
    found = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    if state.ema is not None:
        found |= {f"ema.{k}": v for k, v in state.ema.state_dict().items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        found |= {f"optimizer.{index}.{k}": v for k, v in moments.items() if v is not None}
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_broken_after_each_epoch_is_the_unbroken_run_bit_for_bit(name, tmp_path, data):
    recipe, path = RECIPES[name], tmp_path / "trial.pt"
    unbroken = start(recipe, data)
    list(fit(unbroken, data))

    broken = start(recipe, data)
    while broken.epoch < recipe.epochs:
        next(fit(broken, data))
        checkpoints.save(path, broken)
        torch.manual_seed(os.getpid())  # a new process has another global generator
        broken = checkpoints.restore(path, recipe, data)

    def without_clock(state):
        return [replace(m, seconds=0.0, images_per_second=0.0) for m in state.history]

    assert without_clock(broken) == without_clock(unbroken)
    assert len(broken.history) == 4
    ours, theirs = tensors(broken), tensors(unbroken)
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []


def test_a_run_goes_on_with_the_kernels_that_it_began_with(tmp_path, data, monkeypatch):
    """The cache may have been emptied meanwhile, and other ones been found to be the fastest."""
    small, path = replace(TINY, epochs=2), tmp_path / "trial.pt"
    monkeypatch.setattr("agecls.training.state.build_net", build_our_small_net)
    unbroken = start(small, data)
    for _ in fit(unbroken, data):
        if unbroken.epoch == 1:
            checkpoints.save(path, unbroken)

    def another(shape):
        return Choice("unfolded", "unfolded", "unfolded")

    monkeypatch.setattr(convolution, "choose", another)
    resumed = checkpoints.restore(path, small, data)
    list(fit(resumed, data))
    assert choices_of(resumed.model) == choices_of(unbroken.model) != {}
    expected = tensors(unbroken)
    assert all(torch.equal(value, expected[name]) for name, value in tensors(resumed).items())


def test_a_checkpoint_of_before_kernels_were_chosen_goes_on(path, data):
    content = torch.load(path, weights_only=True)
    del content["kernels"]
    state = start(TINY, data)
    state.load_state_dict(content)
    assert state.epoch == 1
    list(fit(state, data))


def test_a_finished_run_has_nothing_left_to_do(path, data):
    recipe = replace(TINY, epochs=1)
    state = start(recipe, data)
    list(fit(state, data))
    checkpoints.save(path, state)

    restored = checkpoints.restore(path, recipe, data)

    assert restored.last == state.last
    assert list(fit(restored, data)) == []


def test_a_pretrained_run_goes_on_without_its_weights(tmp_path, data):
    source, path = tmp_path / "backbone.safetensors", tmp_path / "trial.pt"
    normal = {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    save_backbone(start(TINY, data).model, source, made_by={}, licence="none", **normal)
    recipe = replace(TINY, init="pretrained")
    state = start(recipe, data, weights=str(source))
    checkpoints.save(path, state)
    source.unlink()

    restored = checkpoints.restore(path, recipe, data)

    assert restored.weights == state.weights
    assert (restored.mean, restored.std) == (normal["mean"], normal["std"])


def test_a_checkpoint_of_another_recipe_names_the_field(path, data):
    with pytest.raises(CheckpointError, match=r"another recipe: `lr` was 0\.02 and is 0\.03"):
        checkpoints.restore(path, replace(TINY, lr=0.03), data)


def test_a_checkpoint_of_other_data_is_refused(path):
    with pytest.raises(CheckpointError, match="is of other data"):
        checkpoints.restore(path, TINY, shades(64, 16, seed=1))


def test_a_checkpoint_that_is_not_there_is_an_error(tmp_path, data):
    with pytest.raises(CheckpointError, match=r"none\.pt does not exist"):
        checkpoints.restore(tmp_path / "none.pt", TINY, data)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.99, 0.9999])
def test_a_cut_off_checkpoint_is_an_error(path, data, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        checkpoints.restore(path, TINY, data)


@pytest.mark.parametrize("tensor", ["conv1.weight", "bn1.running_var"])
def test_one_wrong_bit_of_one_weight_is_noticed(path, data, tensor):
    storage = torch.load(path, weights_only=True)["model"][tensor].untyped_storage()
    content = bytearray(path.read_bytes())
    content[content.index(bytes(storage))] ^= 1
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        checkpoints.restore(path, TINY, data)


def test_a_wrong_byte_anywhere_is_noticed(path, data):
    good = path.read_bytes()
    rng = random.Random(0)
    for _ in range(300):
        content = bytearray(good)
        at = rng.randrange(len(good))
        content[at] ^= rng.randrange(1, 256)
        path.write_bytes(content)

        with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
            checkpoints.restore(path, TINY, data)


def write_sealed(path, content):
    """A whole file, as a program other than ours could write it."""
    with path.open("w+b") as file:
        torch.save(content, file)
        checkpoints._seal(file)


def test_a_pickle_that_runs_code_is_refused_without_running_it(tmp_path, data):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    write_sealed(tmp_path / "trial.pt", {"format": 1, "model": Trap()})

    with pytest.raises(CheckpointError, match=r"trial\.pt is no checkpoint"):
        checkpoints.restore(tmp_path / "trial.pt", TINY, data)
    assert not (tmp_path / "sprung").exists()


def test_torchs_own_file_is_not_taken_for_a_checkpoint(tmp_path, data):
    torch.save({"format": 1}, tmp_path / "trial.pt")

    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        checkpoints.restore(tmp_path / "trial.pt", TINY, data)


@pytest.mark.parametrize("content", [[1, 2], {"format": 0}, {"model": {}}])
def test_a_file_of_another_format_is_refused(tmp_path, data, content):
    write_sealed(tmp_path / "trial.pt", content)

    with pytest.raises(CheckpointError, match="is not a checkpoint of format 2"):
        checkpoints.restore(tmp_path / "trial.pt", TINY, data)


def test_of_the_first_format_the_model_can_be_read_and_not_trained_on(path, data):
    expected = checkpoints.read_model(path).tensors
    content = torch.load(path, weights_only=True)
    write_sealed(path, {**content, "format": 1})

    with pytest.raises(CheckpointError, match="of format 1, from which training cannot go on"):
        checkpoints.restore(path, TINY, data)
    found = checkpoints.read_model(path).tensors
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_checkpoint_whose_tensors_do_not_fit_is_an_error(path, data):
    content = torch.load(path, weights_only=True)
    del content["model"]["conv1.weight"]
    write_sealed(path, content)

    with pytest.raises(CheckpointError, match=r"does not hold what its recipe needs"):
        checkpoints.restore(path, TINY, data)


def test_another_torch_version_is_told_and_not_refused(path, data, caplog):
    content = torch.load(path, weights_only=True)
    write_sealed(path, content | {"torch": "2.6.0"})

    restored = checkpoints.restore(path, TINY, data)

    assert restored.epoch == 1
    assert "was written by torch 2.6.0" in caplog.text


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_model_that_is_read_is_the_one_that_was_evaluated(path, data, ema):
    state = start(replace(TINY, ema=ema), data)
    next(fit(state, data))
    checkpoints.save(path, state)

    model = checkpoints.read_model(path)

    expected = state.evaluated.state_dict()
    assert model.tensors.keys() == expected.keys()
    assert all(torch.equal(model.tensors[name], expected[name]) for name in expected)
    assert (model.mean, model.std) == (state.mean, state.std)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_disk_that_fills_up_leaves_the_old_checkpoint_and_no_rest(
    path, data, monkeypatch, share
):
    before = path.read_bytes()
    monkeypatch.setattr("agecls.training.state.build_net", build_net)
    state = start(TINY, data)
    size = 4 * sum(p.numel() for p in state.model.parameters())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * size), hard))
    try:
        with pytest.raises(OSError, match=rf"File too large: '{path}'"):
            checkpoints.save(path, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_write_that_fails_at_the_end_leaves_the_old_checkpoint(path, data, monkeypatch):
    before = path.read_bytes()

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full_disk)
        with pytest.raises(OSError, match=rf"No space left on device: '{path}'"):
            checkpoints.save(path, start(TINY, data))

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
