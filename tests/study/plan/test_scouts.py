import os
import tomllib
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.asked.study import in_box
from study.asked.study_file import dump_study, is_safe_change, load_study, study_diff
from study.asked.study_text import lasting
from study.errors import StudyError, StudyFileError
from study.folder.folder import Folder
from study.folder.record import Record, TrialRecord
from study.plan.scouts import edge_of, find_ranges, scout_plan, scout_study, scouted
from study.plan.trials import plan_trials
from study.running.search_state import Search
from study.stages.scout import check_box, scout_search, scout_trials
from tests.small_studies import RANGE_BY_OPTIMIZER
from tests.strategies import studies, study_of_tables

STUDY = f"""
[study]
question = "Does it work?"
metric = "val_accuracy"
trials = 24
epochs = 9
[data]
path = "synthetic"
size = 32
[scout]
trials = 8
epochs = 2
widen = 10
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
{RANGE_BY_OPTIMIZER}[factors.epochs]
role = "tuned"
levels = [3, 9]
[weights]
source = "weights.safetensors"
"""

LIMITS = {
    ("scratch", "sgd"): 0.5,  # above the declared range
    ("scratch", "adamw"): 0.004,  # inside it
    ("pretrained", "sgd"): 0.05,
    ("pretrained", "adamw"): 0.0004,  # just above the declared low end
}
"""Rates above which training diverges, by arm and optimizer: the planted truth."""


LENGTH = """when = { optimizer = "sgd", epochs = 3 }
low = 0.02
high = 0.3
[[factors.lr.range]]
when = { optimizer = "sgd" }"""


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "scouted.toml"
    path.write_text(STUDY)
    return load_study(path)


def cell_of(config):
    return config["init"], config["optimizer"]


def scout(study, folder, *, stop_after=None):
    """Run the scouts on paper: above its limit a rate diverges; the ranges, None if stopped."""
    home = Folder(folder).scout.path
    home.mkdir(exist_ok=True, parents=True)
    with Record(home) as record:
        search = scout_search(study, record, home)
        events = 0
        while (task := search.next()) is not None:
            diverges = task.config["lr"] > LIMITS[cell_of(task.config)]
            for epoch in range(task.epochs_done + 1, task.epochs_planned + 1):
                events += 1
                if events == stop_after:
                    return None
                if diverges:
                    search.failed(task.number, "loss is nan", "diverged")
                    break
                # a slow net names one class: it has not begun to learn
                slow = task.config["lr"] < LIMITS[cell_of(task.config)] / 300
                metrics = {"epoch": epoch, "val_accuracy": 0.3, "collapsed": slow}
                search.finished_epoch(task.number, metrics)
        assert search.is_over
        return find_ranges(study, record.trials.values())


def test_the_box_of_every_cell_excludes_what_diverges(study, tmp_path):
    found = {cell_of(f.when): f for f in scout(study, tmp_path)}
    assert set(found) == set(LIMITS)
    for cell, limit in LIMITS.items():
        high = found[cell].range.high
        # 8 rates over a widened range of 3.5 powers of ten: the edge is met within two steps
        assert limit / 10**0.9 < high <= limit
        assert found[cell].n_trials == 8
        assert found[cell].n_diverged >= 1
    assert found["scratch", "sgd"].range.high > 0.3
    assert found["scratch", "adamw"].range.low == 0.0003
    # the edge came too near to the declared low end: half the range stays, in powers of ten
    near = found["pretrained", "adamw"].range
    assert near.low < 0.0003
    assert near.high / near.low == pytest.approx((0.01 / 0.0003) ** 0.5, rel=0.02)


def test_scouts_are_short_balanced_drawn_before_and_the_same_for_the_same_seed(study):
    plan = scout_plan(study)
    assert plan == scout_plan(replace(study))
    assert plan != scout_plan(replace(study, seed=1))
    assert Counter(cell_of(p.config) for p in plan) == dict.fromkeys(LIMITS, 8)
    assert {(p.origin, p.config["epochs"]) for p in plan} == {("scout", 2)}
    assert all(in_box(scout_study(study), p.config) for p in plan)
    rates = [p.config["lr"] for p in plan if p.config["optimizer"] == "sgd"]
    assert min(rates) < 0.01 / 3
    assert max(rates) > 0.3 * 3
    assert [p.arm for p in plan[:4]] == ["scratch", "pretrained"] * 2


@pytest.mark.parametrize("stop_after", [1, 5, 20, 33])
def test_scouts_that_were_killed_go_on_to_the_same_box(study, tmp_path, stop_after):
    expected = scout(study, tmp_path / "unbroken")
    assert scout(study, tmp_path / "broken", stop_after=stop_after) is None
    assert scout(study, tmp_path / "broken") == expected


def test_the_search_and_a_reload_see_the_box_and_what_was_declared(study, tmp_path):
    new = scouted(study, scout(study, tmp_path))
    assert new.factor("lr").ranges != study.factor("lr").ranges
    assert new.as_declared == study
    path = tmp_path / "study.toml"
    path.write_text(dump_study(new))
    assert load_study(path) == new
    assert not load_study(path).is_to_be_scouted
    for planned in plan_trials(new):
        if planned.config is not None:
            assert planned.config["lr"] <= LIMITS[cell_of(planned.config)]
            assert in_box(new, planned.config)
    with Record(tmp_path) as record:
        proposed = Search(new, record, tmp_path, plan=plan_trials(new)[-4:])
        assert in_box(new, proposed.next().config)


def test_what_scouts_found_is_no_change_of_the_study(study, tmp_path):
    new = scouted(study, scout(study, tmp_path))
    assert lasting(new) == lasting(study)
    assert is_safe_change(new, study)
    assert study_diff(new, study) == []
    assert not is_safe_change(new, replace(study, seed=1))


def test_a_box_that_the_scouts_did_not_find_is_refused(study, tmp_path):
    check_box(study, tmp_path)  # nothing was found yet
    new = scouted(study, scout(study, tmp_path))
    check_box(new, tmp_path)
    rate = new.factor("lr")
    wider = replace(rate, ranges=(replace(rate.ranges[0], high=9.0), *rate.ranges[1:]))
    forged = replace(new, factors=tuple(wider if f is rate else f for f in new.factors))
    with pytest.raises(StudyError, match="not those that follow from"):
        check_box(forged, tmp_path)


def test_tables_list_scouts_before_the_plan_without_their_length(study, tmp_path):
    assert scout_trials(tmp_path) == []
    scout(study, tmp_path)
    trials = scout_trials(tmp_path)
    assert [t.number for t in trials] == list(range(-32, 0))
    assert len({t.trial_id for t in trials}) == 32
    assert not any("epochs" in t.config for t in trials)
    assert {t.epochs_planned for t in trials} == {2}


@settings(max_examples=40, deadline=None)
@given(study=studies().filter(lambda study: study.scout is not None), chance=st.randoms())
def test_whatever_scouts_show_the_box_is_a_valid_study_below_what_diverged(study, chance):
    plan = scout_plan(study)
    trials = [
        TrialRecord(
            number=p.number,
            arm=p.arm,
            origin=p.origin,
            config=p.config,
            seed=p.seed,
            epochs_planned=study.scout.epochs,
            started_at=0.0,
            epochs=[{"collapsed": chance.random() < 0.4}] * study.scout.epochs,
        )
        for p in plan
    ]
    found = find_ranges(study, trials)
    assert sum(f.n_trials for f in found) == len(plan)
    new = scouted(study, found)
    assert study_of_tables(tomllib.loads(dump_study(new))) == new
    assert new.as_declared == study
    for cell in found:
        low, high = cell.range.low, cell.range.high
        if cell.edge is not None and (low, high) != (cell.declared.low, cell.declared.high):
            assert 0.99 * cell.edge <= high <= cell.edge
    assert all(p.config is None or in_box(new, p.config) for p in plan_trials(new))


@pytest.mark.parametrize(
    ("failed", "edge"),
    [
        ("......", 6),
        ("....xx", 4),
        ("xx..xx", 4),  # too slow, then too fast
        ("..x..xx", 5),  # one unlucky scout below the edge
        ("..x.xx", 2),  # two cuts with one scout on the wrong side: the lower one
        ("xxxxxx", None),
        ("", None),
    ],
)
def test_the_edge_is_the_highest_rate_that_trains_below_the_divergence(failed, edge):
    rates = [float(n) for n in range(1, len(failed) + 1)]
    assert edge_of(rates, [mark == "x" for mark in failed]) == edge


def test_machine_failures_say_nothing_about_the_rate(study, tmp_path):
    home = Folder(tmp_path).scout.path
    home.mkdir()
    with Record(home) as record:
        search = scout_search(study, record, home)
        first = search.next()
        for epoch in (1, 2):
            search.finished_epoch(first.number, {"epoch": epoch, "val_accuracy": 0.3})
        second = search.next()
        search.failed(second.number, "no such weights", "refused")
        found = find_ranges(study, record.trials.values())
    assert sum(f.n_trials for f in found) == 1
    silent = next(f for f in found if f.n_trials == 0)
    assert silent.edge is None
    assert (silent.range.low, silent.range.high) == (silent.declared.low, silent.declared.high)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "epochs = 2\nwiden",
            "epochs = 10\nwiden",
            r"\[scout\] epochs: 10 is more than \[study\]",
        ),
        ('role = "tuned"\nlevels = [3, 9]', 'role = "arm"\nlevels = [3, 9]', r"hang on `epochs`"),
        ("widen = 10", "wide = 10", r"\[scout\] wide: .* did you mean `widen`"),
        ("widen = 10", "widen = 0.5", r"\[scout\] widen: 0.5 .* expected 1"),
        ('when = { optimizer = "sgd" }', LENGTH, r"hang on `epochs`"),
    ],
)
def test_a_scout_that_cannot_work_is_refused(tmp_path, old, new, complaint):
    path = tmp_path / "wrong.toml"
    path.write_text(STUDY.replace(old, new, 1))
    with pytest.raises(StudyFileError, match=complaint):
        load_study(path)
