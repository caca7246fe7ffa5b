from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from study.analysis.search.best import ExpectedBest, Worth, best_so_far
from study.analysis.search.frames import Frames, tidy
from study.asked.factors import Factor
from tests.study.analysis.conftest import NO_EPOCHS, full_trials, small_study

AUGMENT = Factor(name="augment", role="tuned", levels=(False, True))
ARMS = Factor(name="init", role="arm", levels=("scratch", "pretrained"))


class Said:
    """A surface that says of each trial, in their order, what it is told to."""

    def __init__(self, *points: float) -> None:
        self.points = np.array(points)

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert len(x) == len(self.points)
        return self.points, self.points[:, None] + np.linspace(-2, 2, 101)


def frames_of(points: list[float], **columns: object) -> Frames:
    configs = pd.DataFrame({"augment": [False] * len(points)})
    trials = full_trials(configs, np.array(points, dtype=float)).assign(**columns)
    return tidy(small_study(AUGMENT), trials, NO_EPOCHS)


def test_the_best_rises_in_steps_and_a_stopped_trial_costs_the_part_that_it_ran() -> None:
    frames = frames_of(
        [50, 40, 60, 55],
        status=["completed", "stopped", "completed", "completed"],
        epochs_run=[9, 3, 9, 9],
    )
    steps = best_so_far(frames)
    assert steps["row"].tolist() == [0, 2, -1]
    assert steps["best"].tolist() == pytest.approx([50, 60, 60])
    assert steps["spent"].tolist() == pytest.approx([1, 1 + 1 / 3 + 1, 3 + 1 / 3])


def test_trials_come_in_the_order_of_their_numbers_and_scouts_do_not_count() -> None:
    frames = frames_of([50, 70, 60], number=[2, 0, 1], origin=["design", "scout", "search"])
    assert best_so_far(frames)["row"].tolist() == [2, -1]


def test_an_arm_without_a_full_length_trial_has_no_steps() -> None:
    assert best_so_far(frames_of([50, 60], status="stopped", epochs_run=3)).empty


def test_the_expected_best_is_the_mean_over_all_draws_without_replacement() -> None:
    points = [50.0, 53.0, 41.0, 60.0, 47.0, 52.0]
    found = ExpectedBest()(frames_of(points)).set_index("k")
    assert found.index.tolist() == [1, 2, 3]
    assert set(found["n_trials"]) == {6}
    assert set(found["pool"]) == {"design"}
    for k in found.index:
        bests = np.sort([max(draw) for draw in combinations(points, k)])
        assert found.loc[k, "expected"] == pytest.approx(bests.mean())
        assert found.loc[k, "low"] == np.quantile(bests, 0.025, method="inverted_cdf")
        assert found.loc[k, "high"] == np.quantile(bests, 0.975, method="inverted_cdf")


def test_a_collapsed_trial_is_a_draw_no_better_than_the_worst() -> None:
    frames = frames_of([50, 60, 55, 58], collapsed=[True, False, False, False])
    first = ExpectedBest()(frames).set_index("k").loc[1]
    assert first["n_trials"] == 4
    assert first["expected"] == pytest.approx((50 + 60 + 55 + 58) / 4)
    flattering = frames_of([99, 60, 55, 58], collapsed=[True, False, False, False])
    first = ExpectedBest()(flattering).set_index("k").loc[1]
    assert first["expected"] == pytest.approx((55 + 60 + 55 + 58) / 4)


def test_without_a_design_in_every_arm_all_full_length_trials_are_the_pool() -> None:
    configs = pd.DataFrame({"init": ["scratch", "pretrained"] * 5})
    trials = full_trials(configs, np.arange(10.0) + 50)
    trials["origin"] = np.where(configs["init"] == "scratch", "design", "search")
    frames = tidy(small_study(ARMS), trials, NO_EPOCHS)
    found = ExpectedBest()(frames)
    assert set(found["pool"]) == {"completed"}
    assert found.groupby("arm")["n_trials"].first().to_dict() == {"scratch": 5, "pretrained": 5}


def test_too_few_trials_have_no_expectation() -> None:
    assert ExpectedBest()(frames_of([50, 60, 70])).empty


def test_thousands_of_trials_give_a_few_dozen_finite_points(rng: np.random.Generator) -> None:
    found = ExpectedBest(most=40)(frames_of(list(rng.normal(50, 5, size=5000))))
    assert len(found) <= 40
    assert found["k"].iloc[[0, -1]].tolist() == [1, 2500]
    assert np.isfinite(found[["expected", "low", "high"]].to_numpy(dtype=float)).all()
    assert found["expected"].is_monotonic_increasing


def test_the_worth_of_the_best_recipe_is_drawn_a_twentieth_towards_its_arm() -> None:
    frames = frames_of([50, 70, 40, 45, 46, 44, 43, 42])
    said = Said(50, 56, 51, 51, 51, 51, 51, 55)  # 52 on average
    found = Worth()(frames, said).iloc[0]  # type: ignore[arg-type]
    assert (found["arm"], found["row"], found["n_trials"]) == ("all", 1, 8)
    assert found["estimate"] == pytest.approx(56 - 0.05 * 4)
    assert (found["low"], found["high"]) == pytest.approx((55.8 - 1.9, 55.8 + 1.9))


def test_where_a_search_chose_the_trials_the_interval_of_the_worth_is_half_as_wide_again() -> None:
    frames = frames_of([50.0] * 8, origin=["design"] * 7 + ["search"])
    found = Worth()(frames, Said(*[50.0] * 8)).iloc[0]  # type: ignore[arg-type]
    assert (found["low"], found["high"]) == pytest.approx((50 - 1.5 * 1.9, 50 + 1.5 * 1.9))


def test_of_few_trials_or_without_a_surface_no_recipe_has_a_worth() -> None:
    assert Worth()(frames_of([50.0] * 7), Said(*[50.0] * 7)).empty  # type: ignore[arg-type]
    assert Worth()(frames_of([50.0] * 8), None).empty


def test_collapsed_trials_are_no_part_of_what_a_recipe_is_worth() -> None:
    frames = frames_of([50.0] * 9, collapsed=[True] + [False] * 8)
    found = Worth()(frames, Said(*[51.0] * 8)).iloc[0]  # type: ignore[arg-type]
    assert (found["row"], found["estimate"], found["n_trials"]) == (1, 51.0, 8)
