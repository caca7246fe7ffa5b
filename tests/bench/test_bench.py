"""The bench's own arithmetic; the measurements themselves are run by hand."""

import math
import os
import subprocess
import sys
import time
from itertools import count

import numpy as np
import pandas as pd
import pytest

from agecls.faces.face_set import FaceSet, draw_face_set
from study.plan.stopping import Rungs
from tests.bench import deployment
from tests.bench.peer_loop import train
from tests.bench.ratios import machine, ratios, rounds
from tests.bench.searching import (
    BRACKETS,
    OURS,
    STRATEGIES,
    Bracketed,
    arms_in_order,
    repeated,
    summary,
)
from tests.bench.starting import MARK, _cpu_seconds
from tests.bench.studies import STUDY, Job


def test_ratios_are_paired_by_round():
    table = pd.DataFrame(
        {
            "round": [0, 0, 1, 1, 2, 2],
            "contestant": ["us", "them"] * 3,
            "rate": [4.0, 2.0, 1.0, 1.0, 9.0, 3.0],  # the machine's speed drifts
        }
    )
    (row,) = ratios(table, "rate", ours="us").to_dict("records")
    assert (row["median"], row["min"], row["max"], row["rounds"]) == (2.0, 1.0, 3.0, 3)


def test_every_contestant_has_its_turn_and_none_is_always_first():
    ticks = count()
    table = rounds({name: lambda: {"at": next(ticks)} for name in "abc"}, 3)
    order = table.sort_values("at").groupby("round")["contestant"].agg("".join)
    assert order.tolist() == ["abc", "bca", "cab"]
    assert (table["load"] >= 0).all()


def test_figures_come_with_the_machine_and_the_versions():
    found = machine()
    assert {"processor", "cores", "torch", "ray", "optuna", "date"} <= found.keys()
    assert all(found.values())


def test_arms_are_in_order_pair_by_pair():
    # pairs that differ: (0,1), (0,2), (1,2), (0,3), (1,3); 2 and 3 are equal
    true = [60.0, 55.0, 50.0, 50.2]
    assert arms_in_order([0.9, 0.8, 0.7, 0.6], true) == 1.0
    assert arms_in_order([0.6, 0.7, 0.8, 0.9], true) == 0.0
    # arm 1 has no completed trial: its three pairs count half
    assert arms_in_order([0.9, math.nan, 0.7, 0.6], true) == pytest.approx((3 * 0.5 + 2) / 5)
    assert math.isnan(arms_in_order([0.9, 0.8], [50.0, 50.1]))


def test_a_bracket_passes_its_rungs_unjudged():
    rungs = Bracketed(3)
    judge = dict(planned=9, value=0.1, may_stop=True)
    assert rungs.judge(arm="0", epoch=1, **judge) is not None
    assert rungs.judge(arm="1", epoch=1, **judge) is None
    assert rungs.judge(arm="1", epoch=3, **judge) is not None
    assert rungs.judge(arm="2", epoch=3, **judge) is None
    assert Rungs(3).judge(arm="2", epoch=3, **judge) is not None


def test_hyperband_s_brackets_are_those_of_its_paper():
    # s_max = 2, eta = 3: ceil(3 / (s + 1) * 3**s) trials begin in bracket s
    trials = [math.ceil(3 / (s + 1) * 3**s) for s in (2, 1, 0)]
    assert [BRACKETS.count(passed) for passed in (0, 1, 2)] == trials


def test_every_strategy_spends_its_budget_and_finds_no_more_than_there_is():
    rows = repeated(3, budgets=(60,))
    assert [row["strategy"] for row in rows] == list(STRATEGIES)
    for row in rows:
        assert 60 <= float(str(row["epochs"])) < 60 + 12
        assert float(str(row["regret"])) > -0.5  # the best that is known is itself a search's
    assert len({row["found"] for row in rows}) > 1


def test_differences_are_paired_by_repeat_and_their_interval_is_worked_by_hand():
    table = pd.DataFrame(
        {
            "repeat": [0, 0, 1, 1],
            "budget": 100,
            "strategy": [OURS, "random"] * 2,
            "found": [3.0, 1.0, 10.0, 6.0],
            "arms_right": [1.0, 0.5, math.nan, math.nan],
        }
    )
    found = summary(table, ours=OURS).set_index(["figure", "strategy"])
    row = found.loc[("found", "random")]
    half = 1.96 * np.std([2.0, 4.0], ddof=1) / np.sqrt(2)
    assert row["ours_minus_it"] == 3.0
    assert row["difference_low"] == pytest.approx(3.0 - half)
    assert found.loc[("arms_right", "random"), "n"] == 1


def test_the_bench_s_study_trains_every_trial_to_its_end(tmp_path):
    from study.asked.study_file import load_study
    from study.plan.trials import plan_trials

    path = tmp_path / "bench.toml"
    path.write_text(
        STUDY.format(trials=8, epochs=2, precision="mixed", data=tmp_path, size=48, batch=32)
    )
    plan = plan_trials(load_study(path))
    assert len(plan) == 8
    assert {planned.config["epochs"] for planned in plan if planned.config} == {2}
    assert all(planned.config is not None for planned in plan)  # a design: nobody is stopped


def test_the_peer_trains_on_the_same_files_and_counts_its_images(tmp_path):
    faces = FaceSet(families=1, val_families=1, test_families=0, size=32)
    draw_face_set(tmp_path / "faces", faces)
    n = len(pd.read_csv(tmp_path / "faces/custom_train_dataset.csv"))
    told = []

    def report(epoch: int, accuracy: float) -> bool:
        told.append((epoch, accuracy))
        return epoch == 1

    job = Job(folder=tmp_path, trials=1, epochs=2, images=n, size=32, batch=8)
    trained = train(
        job.faces,
        {"lr": 0.01, "weight_decay": 0.0},
        size=job.size,
        epochs=job.epochs,
        batch=job.batch,
        workers=0,
        report=report,
    )
    assert trained == n // 8 * 8  # one epoch, then the pruner said stop
    assert len(told) == 1
    assert 0 <= told[0][1] <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_cpu_seconds_are_of_the_processes_that_bear_the_mark_and_of_no_others():
    busy = [sys.executable, "-c", "while True: pass"]
    marked, other = (subprocess.Popen(busy, env={**os.environ, MARK: mark}) for mark in "ab")
    try:
        until = time.monotonic() + 20
        while not (found := _cpu_seconds(f"{MARK}=a".encode())).get(marked.pid):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert set(found) == {marked.pid}
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_a_planted_gain_of_telling_otherwise_is_found_and_none_is_none() -> None:
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(200), 3)
    parts = []
    for _ in range(4):
        luck = rng.choice([-1.0, 0.0, 1.0], size=600, p=[0.1, 0.8, 0.1])
        helped = np.where((luck == 0) & (rng.random(600) < 0.1), 1.0, luck)
        parts.append(({"none": luck, "eight points": helped}, clusters))
    none, planted = deployment.summary(parts).to_dict("records")
    assert none["low"] < 0 < none["high"]
    assert none["high"] < planted["low"] < 8 < planted["high"] < 13
    assert (planted["nets"], planted["images"], planted["clusters"]) == (4, 600, 200)
