"""The judge itself, small enough for every run; the hundred-study run is slow."""

import numpy as np
import pytest

from study.analysis.box import build_box
from tests.simulate.judging import judge_many, judge_one, measure
from tests.simulate.searches import plain_study
from tests.simulate.worlds import KINDS, draw_world, make_study


@pytest.mark.parametrize("kind", KINDS)
def test_the_variance_that_a_world_states_is_that_of_its_surface(kind: str):
    rng = np.random.default_rng(7)
    world = draw_world(kind, rng)  # type: ignore[arg-type]
    box = build_box(make_study(trials=1, design_share=0, seed=0))
    x = box.sample(100_000, rng)
    surface = world.surface({a.name: x[:, i] for i, a in enumerate(box.axes)})
    assert surface.var() == pytest.approx(world.total_variance, rel=0.05)
    assert surface.mean() == pytest.approx(world.base, abs=0.1)
    assert all(world.involving(name) == 0 for name in world.nulls)


def test_the_plain_search_concentrates_and_stops_most_trials():
    rng = np.random.default_rng(1)
    world = draw_world("power", rng)
    trials, _ = plain_study(make_study(trials=80, design_share=0, seed=0), world, rng)
    stopped = trials["status"] == "stopped"
    assert stopped.mean() > 0.5
    late = trials.loc[trials.index >= 40, "config/init"].value_counts(normalize=True)
    early = trials.loc[trials.index < 10, "config/init"].value_counts(normalize=True)
    assert late.max() > early.max()


def test_a_few_studies_with_a_design_are_judged_well():
    measured = measure(judge_many(range(2), scenario="design", trials=100), n_boot=2)
    values = measured[measured["world"] == "all"].set_index("measure")["value"]
    assert values["studies"] == 2
    assert values["l1_main"] < 0.7
    assert values["coverage_share"] > 0.85
    assert values["coverage_average"] > 0.85
    assert values["false_matters"] < 0.3
    assert values["power"] > 0.5


def test_a_plain_search_is_not_believed():
    scored = judge_one(0, scenario="plain", trials=80)
    assert set(scored.factors["verdict"]) == {"unresolved"}
    assert scored.contrasts["estimate"].isna().mean() > 0.5
    assert scored.contrasts.loc[scored.contrasts["estimate"].isna(), "reason"].str.len().min() > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_studies_meet_the_targets():
    design = measure(judge_many(range(105), scenario="design", trials=200), n_boot=5)
    values = design[design["world"] == "all"].set_index("measure")["value"]
    assert values["l1_main"] <= 0.25
    assert values["coverage_share"] >= 0.93
    assert values["coverage_average"] >= 0.93
    assert values["false_matters"] <= 0.05
    assert values["power"] >= 0.85
    assert values["wrong_negligible"] <= 0.03
    plain = measure(judge_many(range(105), scenario="plain", trials=200), n_boot=5)
    values = plain[plain["world"] == "all"].set_index("measure")["value"]
    assert values["coverage_share"] >= 0.90
    assert values["false_matters"] <= 0.05
    assert values["unresolved"] > 0.5
    assert values["withheld"] > 0.5
