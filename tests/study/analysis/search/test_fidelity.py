import numpy as np
import pandas as pd
import pytest

from study.analysis.search.fidelity import Fidelity
from study.analysis.search.frames import Frames, tidy
from study.asked.factors import Factor
from tests.study.analysis.conftest import full_trials, small_study

AUGMENT = Factor(name="augment", role="tuned", levels=(False, True))


def frames_of(third: list[float], final: list[float], origin: str = "design") -> Frames:
    """Trials of 9 epochs with these points after epoch 3 and 9; nothing differs before."""
    study = small_study(AUGMENT)
    n = len(final)
    configs = pd.DataFrame({"augment": [False] * n})
    trials = full_trials(configs, np.array(final)).assign(origin=origin)
    epochs = pd.DataFrame(
        [
            {"trial_id": f"t{i}", "epoch": e, "val_accuracy": v / 100}
            for i in range(n)
            for e, v in zip(
                range(1, 10), [20, 20, third[i], *[third[i]] * 5, final[i]], strict=True
            )
        ]
    )
    return tidy(study, trials, epochs)


def test_early_ranks_that_equal_the_last_correlate_fully():
    rungs = Fidelity(reduction=3).rungs(frames_of([30, 31, 32, 33, 34], [50, 51, 52, 53, 54]))
    row = rungs[rungs["rung"] == 1].iloc[0]
    assert row["rank_correlation"] == pytest.approx(1.0)
    assert row["n_trials"] == 5
    assert row["low"] < 1


def test_crossing_curves_correlate_negatively():
    rungs = Fidelity(reduction=3).rungs(frames_of([34, 33, 32, 31, 30], [50, 51, 52, 53, 54]))
    assert rungs[rungs["rung"] == 1].iloc[0]["rank_correlation"] == pytest.approx(-1.0)


def test_equal_early_values_have_no_rank_correlation():
    rungs = Fidelity(reduction=3).rungs(frames_of([30] * 5, [50, 51, 52, 53, 54]))
    row = rungs[rungs["rung"] == 1].iloc[0]
    assert np.isnan(row["rank_correlation"])
    assert (row["low"], row["high"]) == (-1.0, 1.0)


def test_replayed_stops_are_right_where_early_ranks_are_the_last(rng: np.random.Generator):
    third = list(np.arange(30.0, 39.0))
    stops = Fidelity(reduction=3, orders=40).stops(frames_of(third, third), rng).iloc[0]
    assert stops["n_trials"] == 9
    assert stops["n_stopped"] > 2
    assert (stops["best_stopped"], stops["mean_lost"]) == (0, 0)
    # the third best may arrive after the two better ones and find one place only
    assert stops["n_wrong"] < 1
    # at epoch 1 all tie and go on; so each stop saves six of nine epochs
    assert stops["cost_saved"] == pytest.approx(stops["n_stopped"] * 6 / 81)


def test_replayed_stops_lose_the_best_where_curves_cross(rng: np.random.Generator):
    third = np.arange(30.0, 39.0)
    frames = frames_of(list(third), list(90 - third))
    stops = Fidelity(reduction=3, orders=40).stops(frames, rng).iloc[0]
    assert stops["best_stopped"] > 0.5
    assert stops["wrong_share"] > 0.3
    assert stops["mean_lost"] > 0


def test_survivors_of_a_search_say_nothing_of_its_fidelity(rng: np.random.Generator):
    frames = frames_of([30, 31, 32, 33], [50, 51, 52, 53], origin="search")
    assert Fidelity(reduction=3).rungs(frames).empty
    assert Fidelity(reduction=3).stops(frames, rng).empty


def test_the_share_of_wrong_stops_has_an_interval_and_blind_stops_to_compare_with(
    rng: np.random.Generator,
):
    third = np.arange(30.0, 39.0)
    stops = Fidelity(reduction=3, orders=40).stops(frames_of(list(third), list(90 - third)), rng)
    row = stops.iloc[0]
    assert 0 < row["wrong_low"] < row["wrong_share"] < row["wrong_high"] < 1
    assert row["blind_share"] == pytest.approx(3 / 9)


def test_the_interval_of_a_share_is_jeffreys():
    # Brown, Cai & DasGupta 2001: 2 of 10 is (0.044, 0.503)
    low, high = Fidelity(reduction=3)._share_interval(2, 10)
    assert (low, high) == (pytest.approx(0.044, abs=1e-3), pytest.approx(0.503, abs=1e-3))
    assert Fidelity(reduction=3)._share_interval(0, 10)[0] == 0
    assert Fidelity(reduction=3)._share_interval(0, 0) == (0.0, 1.0)


def test_where_nothing_is_stopped_there_is_no_share_of_wrong_stops(rng: np.random.Generator):
    stops = Fidelity(reduction=3).stops(frames_of([30.0] * 4, [50, 51, 52, 53]), rng).iloc[0]
    assert stops["n_stopped"] == 0
    assert np.isnan(stops["wrong_share"])
