"""Fresh seeds that go where the noise is: two for every arm, the others by what these say."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from study.analysis.pilot import Share
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.folder.record_lines import read_events
from study.running.in_process import InProcess
from study.stages import confirm as stage
from study.stages.confirm import Confirm
from tests.study import folded
from tests.study.staged import session_at
from tests.untrained import Guessing, Killed, KilledBefore, without_checkpoints


@pytest.fixture
def confirm(faces_folder, faces, tmp_path, monkeypatch):
    """Call the stage as a fresh process would, in one study's folder."""
    home = tmp_path / "study"
    folded.search(faces_folder, home)

    def call(*, n_seeds=3, executor=None):
        without_checkpoints(monkeypatch)
        study = replace(folded.asked(faces_folder), confirm_adaptive=True)
        executor = executor or InProcess(trainer=Guessing)
        session, text = session_at(study, home, faces, executor=executor)
        assert Confirm(n_seeds=n_seeds)(session)
        return text.getvalue()

    call.home = home
    return call


def given(**seeds):
    """A decision as the analysis would make it."""
    arms = dict.fromkeys(seeds)
    learned = dict.fromkeys(seeds, (6, 6))
    return Share(seeds=seeds, spread=arms, learned=learned, open=("bcd_better",), closed=())


@pytest.fixture
def decided(monkeypatch):
    """Decisions to come, in turn; each asked with the seeds before it."""
    shares, asked = [], []

    def share_out(study, models, predictions, *, first, n, **_):
        asked.append((dict(first), n, len(models)))
        return shares[len(asked) - 1]

    monkeypatch.setattr(stage, "share_out", share_out)
    return shares, asked


def trainings(home):
    starts = [e for e in read_events(Folder(home).confirm.record) if e["event"] == "start"]
    return [(start["arm"], start["seed"], start["fold"]) for start in starts]


def test_every_arm_has_two_seeds_and_the_others_go_where_the_decision_says(confirm, decided):
    shares, asked = decided
    shares.append(given(org=2, bcd=4))
    said = confirm()
    assert asked == [({"org": 2, "bcd": 2}, 2, 12)]
    done = trainings(confirm.home)
    assert [arm for arm, *_ in done] == ["org", "bcd"] * 6 + ["bcd"] * 6
    seeds = list(dict.fromkeys(seed for _, seed, _ in done))
    assert [seed for _, seed, _ in done[12:]] == [seeds[2]] * 3 + [seeds[3]] * 3
    assert len(set(done)) == 18
    assert "Confirming 2 arms on 2 fresh seeds times 3 folds" in said
    assert "Seeds where the noise is: org 2, bcd 4" in said
    assert "for what is open: bcd_better" in said
    assert "Confirming 2 arms on 2 to 4 fresh seeds times 3 folds" in said
    models = pd.read_parquet(Folder(confirm.home).table("confirm"))
    assert models.groupby("arm")["seed"].nunique().to_dict() == {"bcd": 4, "org": 2}
    (share,) = json.loads(Folder(confirm.home).provenance.read_text())["shares"]
    assert (share["seeds"], share["open"]) == ({"org": 2, "bcd": 4}, ["bcd_better"])
    (read,) = Provenance.read(Folder(confirm.home)).test_reads
    assert (read.n_models, read.n_new_models) == (18, 18)


def test_a_finished_stage_asks_nothing_again_and_more_seeds_are_given_on_top(confirm, decided):
    shares, asked = decided
    shares += [given(org=2, bcd=4), given(org=4, bcd=4)]
    confirm()
    assert "Confirming" not in confirm()
    first = trainings(confirm.home)
    confirm(n_seeds=4)
    assert asked[1:] == [({"org": 2, "bcd": 4}, 2, 18)]
    both = trainings(confirm.home)
    assert both[:18] == first
    assert [arm for arm, *_ in both[18:]] == ["org"] * 6
    assert len(set(both)) == 24
    models = pd.read_parquet(Folder(confirm.home).table("confirm"))
    assert len(models) == 24


PILOT_EPOCHS = 12 * folded.EPOCHS


@pytest.mark.parametrize("epochs", [[5], [PILOT_EPOCHS - 1], [PILOT_EPOCHS - 2, 4]])
def test_a_killed_stage_goes_on_with_what_was_decided(confirm, decided, epochs):
    """Killed in the pilot, at its last epoch, and after the decision too."""
    shares, asked = decided
    shares += [given(org=2, bcd=4), given(org=4, bcd=2)]
    for n in epochs:
        with pytest.raises(Killed):
            confirm(executor=KilledBefore(epochs=n))
    assert len(asked) == len(epochs) - 1
    confirm()
    assert len(asked) == 1
    assert len(trainings(confirm.home)) == len(set(trainings(confirm.home))) == 18
    models = pd.read_parquet(Folder(confirm.home).table("confirm"))
    assert models.groupby("arm")["seed"].nunique().to_dict() == shares[0].seeds
    assert not models["model"].duplicated().any()


def test_a_process_killed_while_it_decides_decides_alike_when_it_goes_on(
    confirm, decided, monkeypatch
):
    shares, asked = decided
    shares.append(given(org=4, bcd=2))
    decide = stage.share_out

    def killed(*_, **__):
        raise Killed

    monkeypatch.setattr(stage, "share_out", killed)
    with pytest.raises(Killed):
        confirm()
    assert len(trainings(confirm.home)) == 12
    monkeypatch.setattr(stage, "share_out", decide)
    confirm()
    assert asked == [({"org": 2, "bcd": 2}, 2, 12)]
    assert len(set(trainings(confirm.home))) == 18


def test_nets_that_guess_leave_all_arms_alike(confirm):
    said = confirm()
    assert "Seeds where the noise is: org 3, bcd 3" in said.replace(" (spread 0.0)", "")
