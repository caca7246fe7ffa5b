import json
import re
import sys
import time

import numpy as np
import pytest

from agecls.data.folds import Clustered, draw_folds
from study.asked.plans import Trainable
from study.measure import Scale
from study.running.steps import FAILURE, KIND, METRICS
from study.trainables import steps
from study.trainables.found import fingerprint
from study.trainables.steps import FunctionSteps
from tests.study.trainable import forgotten

HEAD = "def train(config, *, seed, fold, report):\n"


@pytest.fixture
def trial(tmp_path):
    """Begin a trial of a function's text; what it leaves is ended with the test."""
    begun = []

    def begin(body, *, head=HEAD, epochs=3, done=0, config=None, folds=None, **told):
        (tmp_path / "mine.py").write_text(head + "".join(f"    {x}\n" for x in body.split("\n")))
        asked = Trainable(function="mine:train", scale=Scale(), folder=str(tmp_path))
        made = FunctionSteps(asked, fingerprint(asked), "score", folds)
        made.begin(
            {
                "config": {"rate": 0.5, "epochs": epochs, **(config or {})},
                "seed": 7,
                "epochs": epochs,
                "epochs_done": done,
                "fold": None,
                "trial_id": "t00000",
                "storage": str(tmp_path),
                "threads": 1,
                "wants_gpu": False,
                **told,
            }
        )
        begun.append(made)
        return made

    with forgotten("mine"):
        yield begin
        for made in begun:
            made.end()


def again(trial, *words, **told):
    """The same in another process: the module is imported anew."""
    sys.modules.pop("mine", None)
    return trial(*words, **told)


LOOP = """\
for epoch in range(1, config["epochs"] + 1):
    report(epoch, {"score": config["rate"] * epoch, "loss": 1 / epoch})"""


def test_each_step_is_an_epoch_with_its_metrics_and_its_place(trial):
    run = trial(LOOP)
    found = [run.step()[METRICS] for _ in range(3)]
    assert [line["epoch"] for line in found] == [1, 2, 3]
    assert [line["score"] for line in found] == [0.5, 1.0, 1.5]
    assert found[1]["loss"] == 0.5
    assert found[0].keys() >= {"seconds", "node", "device", "peak_memory_mib"}
    assert all(json.loads(json.dumps(line)) == line for line in found)


NOTING = """\
import pathlib
def note(text):
    path = pathlib.Path(__file__).with_name("log")
    path.write_text((path.read_text() if path.exists() else "") + text)
"""


def test_an_epoch_does_not_start_before_the_study_asks_for_it(trial, tmp_path):
    body = LOOP.replace("    report(", "    note(str(epoch))\n    report(")
    run = trial('note("x")\n' + body, head=NOTING + HEAD)
    run.step()
    time.sleep(0.05)
    assert (tmp_path / "log").read_text() == "x1"
    run.step()
    assert (tmp_path / "log").read_text() == "x12"


def test_a_stopped_trial_cleans_up_and_no_except_exception_keeps_it_alive(trial, tmp_path):
    body = """\
try:
    for epoch in range(1, 4):
        try:
            report(epoch, {"score": 1.0})
        except Exception:
            pass
finally:
    note("closed")"""
    run = trial(body, head=NOTING + HEAD)
    run.step()
    assert not (tmp_path / "log").exists()
    run.end()
    assert (tmp_path / "log").read_text() == "closed"
    run.end()  # nothing is left to end


def test_a_function_that_does_not_come_back_is_left_alone(trial, monkeypatch, caplog):
    monkeypatch.setattr(steps, "CLEANING_UP", 0.05)
    run = trial("""\
import threading
try:
    report(1, {"score": 1.0})
finally:
    threading.Event().wait(1)""")
    run.step()
    run.end()
    assert "did not end within 0.05 s" in caplog.text


def test_a_trial_is_over_once_the_function_has_returned(trial):
    run = trial(LOOP + "\nraise RuntimeError('too late')", epochs=2)
    assert METRICS in run.step()
    assert run.step() == {FAILURE: "RuntimeError: too late (mine.py:4)", KIND: "raised"}


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("1 / 0", "raised", r"ZeroDivisionError: division by zero \(mine.py:2\)"),
        ("import sys; sys.exit(3)", "raised", r"SystemExit: 3 \(mine.py:2\)"),
        ("import numpy; numpy.zeros(2).reshape(3)", "raised", r"\(mine.py:2\)"),
        ("pass", "refused", "train returned after 0 of 3 epochs; report every epoch"),
        ('report(1, {"score": 1})', "refused", "train returned after 1 of 3 epochs"),
        ('report(2, {"score": 1})', "refused", r"epoch 2 was .* expected epoch 1.* \(mine.py:2\)"),
        ('report("1", {"score": 1})', "refused", "epoch '1' was reported"),
        ("report(1, 0.5)", "refused", "metrics are a float; expected a dictionary"),
        ('report(1, {"acc": 1})', "refused", r"metric `score` was not reported, but acc \(mine"),
        ("report(1, {})", "refused", "was not reported, but nothing"),
        ('report(1, {"score": "a"})', "refused", "metric `score` is a str; expected a number"),
        ('import numpy; report(1, {"score": numpy.bool_(1)})', "refused", "`score` is a bool"),
        ('report(1, {"score": None})', "refused", "metric `score` is a NoneType"),
        ('report(1, {"score": 1, "rung": 2})', "refused", "cannot be called 'rung'; rename it"),
        ('report(1, {"score": 1, "Block": 2})', "refused", "cannot be called 'Block'; rename it"),
        (
            'report(1, {"score": 1, "a": 2, "A": 3})',
            "refused",
            "metrics are called 'a' but for",
        ),
        ('report(1, {"score": 1, "": 2})', "refused", "cannot be called ''; rename it"),
        ('report(1, {"score": 1, "\\ud800": 2})', "refused", r"cannot be called '.ud800'"),
        ('report(1, {"score": float("nan")})', "diverged", "diverged: score is nan in epoch 1"),
        ('report(1, {"score": -float("inf")})', "diverged", "diverged: score is -inf in epoch 1"),
        ("raise __import__('study.trainables').trainables.TrialStopped", "raised", "TrialStopped"),
        ("raise OSError(28, 'No space left', 'f')", "disk", "No space left: f"),
        ("raise OSError(2, 'No such file', 'f')", "raised", "FileNotFoundError: .*No such file"),
    ],
)
def test_what_goes_wrong_is_the_trial_s_failure_in_a_line(trial, body, kind, says):
    run = trial(body)
    found = run.step()
    if METRICS in found:
        found = run.step()
    assert found[KIND] == kind
    assert re.search(says, found[FAILURE]), found[FAILURE]
    assert "\n" not in found[FAILURE]


def test_an_epoch_too_many_is_a_mistake(trial):
    run = trial(LOOP + '\nreport(4, {"score": 1.0})')
    run.step(), run.step()
    assert "epoch 4 was reported after the last of 3" in run.step()[FAILURE]


def test_a_function_that_is_over_has_no_further_epoch(trial):
    run = trial(LOOP, epochs=1)
    run.step()
    assert "no epoch is left" in run.step()[FAILURE]


def test_numbers_of_numpy_and_torch_are_numbers(trial):
    run = trial(
        """\
import numpy, torch
report(numpy.int64(1), {"score": numpy.float32(0.5), "loss": torch.tensor(0.25)})""",
        epochs=1,
    )
    line = run.step()[METRICS]
    assert (line["score"], line["loss"], type(line["epoch"])) == (0.5, 0.25, int)


@pytest.mark.parametrize("loss", ['float("nan")', "10**400"])
def test_another_metric_that_is_no_number_is_not_known(loss, trial):
    run = trial(f'report(1, {{"score": 1, "loss": {loss}}})', epochs=1)
    assert run.step()[METRICS]["loss"] is None


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (
            "def other(config, *, seed, fold, report):\n",
            "no function `train`; there are other",
        ),
        ("def train(config):\n", r"cannot be called as a trial calls it \(got an unexpected"),
        ("def train(config, lr, *, seed, fold, report):\n", "missing a required argument: 'lr'"),
        ("import nothing_of_this_name\n" + HEAD, r"cannot be imported \(ModuleNotFoundError"),
        ("def (\n" + HEAD, r"cannot be imported \(SyntaxError: .*\(mine\.py, line 1\)\);"),
    ],
)
def test_a_function_that_cannot_be_called_is_told_with_the_form_that_can(trial, head, says):
    found = trial("pass", head=head).step()
    assert found[KIND] == "refused"
    assert re.search(says, found[FAILURE]), found[FAILURE]


def test_what_is_never_looked_at_is_on_record(trial):
    run = trial('report(1, {"score": config["rate"]})', epochs=1, config={"width": 3})
    assert run.step()[METRICS]["unread"] == ["epochs", "width"]
    run = again(trial, 'dict(config)\nreport(1, {"score": 1})', epochs=1, config={"width": 3})
    assert run.step()[METRICS]["unread"] == []


def test_a_fold_is_the_places_of_what_is_trained_on_and_what_is_held_out(trial):
    folds = draw_folds(Clustered(np.arange(12) % 2, np.arange(12), "ab"), 3, seed=0)
    run = trial(
        """\
train, held_out = fold
assert fold.train is train
assert sorted([*train, *held_out]) == list(range(12))
report(1, {"score": len(held_out)})""",
        epochs=1,
        folds=folds,
        fold=2,
    )
    assert run.step()[METRICS]["score"] == 4


KEEPING = """\
import numpy
class Net:
    def __init__(self):
        self.weights, self.seen = numpy.zeros(2, numpy.float32), [0, ("a", None)]
    def state_dict(self):
        return {"weights": self.weights, "seen": self.seen, "step": numpy.int64(3)}
    def load_state_dict(self, state):
        assert state["step"] == 3 and state["seen"][1] == ("a", None)
        self.weights, self.seen = state["weights"], state["seen"]
net = Net()
done = report.keep(net=net)
for epoch in range(done + 1, config["epochs"] + 1):
    net.weights = net.weights + seed
    net.seen[0] += 1
    report(epoch, {"score": net.weights.sum(), "seen": net.seen[0], "done": done})"""


def test_a_trial_goes_on_from_what_it_keeps(trial):
    run = trial(KEEPING, epochs=4)
    first = [run.step()[METRICS] for _ in range(2)]
    run.end()
    run = again(trial, KEEPING, epochs=4, done=2)
    came = [run.step()[METRICS]]
    while came[-1]["epoch"] < 4:
        came.append(run.step()[METRICS])
    # an epoch that the record has comes again where writing its checkpoint was not yet due
    last = [line for line in came if line["epoch"] > 2]
    scores = [line["score"] for line in first + last]
    assert scores == [14.0, 28.0, 42.0, 56.0]
    assert [line["seen"] for line in first + last] == [1, 2, 3, 4]
    assert last[0]["done"] >= 1  # at least the first epoch's checkpoint was there


def test_epochs_that_the_record_lacks_come_from_the_checkpoint(trial):
    """The study was killed after the checkpoint and before its record."""
    run = trial(KEEPING, epochs=2)
    known = [run.step()[METRICS] for _ in range(2)]
    run.end()
    run = again(trial, KEEPING, epochs=2, done=1)
    line = run.step()[METRICS]
    assert {**line, "unread": []} == {**known[1], "unread": []}


def test_a_damaged_checkpoint_is_not_gone_on_from(trial, tmp_path, caplog):
    run = trial(KEEPING, epochs=2)
    run.step()
    run.end()
    (tmp_path / "t00000.pt").write_bytes(b"nothing")
    run = again(trial, KEEPING, epochs=2, done=1)
    assert [run.step()[METRICS]["epoch"] for _ in range(2)] == [1, 2]
    assert "the trial begins again" in caplog.text


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (KEEPING.replace("net=net", "model=net"), "refused", "keeps net, not model"),
        (KEEPING + "\nreport.keep(net=net)", "refused", "keep.. was called twice, or after"),
    ],
)
def test_what_cannot_be_kept_is_told(trial, body, kind, says):
    run = trial(KEEPING, epochs=1)
    run.step()
    run.end()
    found = again(trial, body, epochs=1).step()
    assert found.get(KIND) == kind, found
    assert re.search(says, found[FAILURE]), found[FAILURE]


def test_a_state_that_could_not_be_read_again_is_not_written(trial):
    body = KEEPING.replace('"step": numpy', '"x": {1}, "step": numpy')
    assert re.search(r"the state of net\['x'\] is a set, .*mine.py", trial(body).step()[FAILURE])


def test_a_full_disk_is_not_the_trial_s_fault(trial, monkeypatch):
    import torch

    def full(content, file):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            raise RuntimeError("unexpected pos 64 vs 0")  # noqa: B904 - as torch does

    monkeypatch.setattr(torch, "save", full)
    found = trial(KEEPING).step()
    assert found[KIND] == "disk"
    assert re.search(r"No space left on device: .*t00000.pt", found[FAILURE])


def test_pickled_code_in_a_checkpoint_is_never_run(trial, tmp_path):
    import torch

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    run = trial(KEEPING, epochs=2)
    run.step()
    run.end()
    torch.save({"format": "agecls-study trainable 1", "x": Evil()}, tmp_path / "t00000.pt")
    run = again(trial, KEEPING, epochs=2)
    assert METRICS in run.step()
    assert not (tmp_path / "ran").exists()
