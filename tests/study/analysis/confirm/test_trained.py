import numpy as np
import pytest

from agecls.classes import EIGHT
from study.analysis.confirm.confirmed import score_confirmed
from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.trained import describe_trainings, fragile, influence, is_fragile
from tests.study.analysis.confirm.test_confirmed import drawn
from tests.study.analysis.confirm.test_decisions import RATE, SEARCHED, VARIANT, better
from tests.study.analysis.confirm.test_folded import of_folds, of_one_class
from tests.study.analysis.conftest import small_study

STUDY = small_study(VARIANT, RATE, claims=(better(),))


def folded(accuracies, *, idle=(), **options):
    models, predictions = of_folds(*drawn(accuracies, **options))
    models, predictions = of_one_class(models, predictions, list(idle))
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=300)
    return found.judged_on()


def decided(scored):
    (row,) = Decisions()(STUDY, scored, SEARCHED).to_dict("records")
    return row


def failing(arm, n, *, seeds=5):
    """The first n of an arm's trainings, by fold and seed."""
    return [f"{arm}-seed{s}-fold{f}" for f in range(5) for s in range(seeds)][:n]


def test_a_better_arm_that_surely_learns_less_often_does_not_beat():
    scored = folded({"org": 0.5, "bcd": 0.6}, idle=failing("bcd", 12))
    row = decided(scored)
    assert row["verdict"] == "unresolved"
    assert row["low"] > 1.0  # among nets that learn it is far better
    assert "differs for sure (13 of 25 against 25 of 25)" in row["reason"]


@pytest.mark.parametrize(
    ("arm", "n"), [("bcd", 1), ("bcd", 4), ("org", 12)]
)  # few failures, or the other side's
def test_a_better_arm_that_does_not_learn_less_often_for_sure_beats(arm, n):
    row = decided(folded({"org": 0.5, "bcd": 0.6}, idle=failing(arm, n)))
    assert row["verdict"] == "supported"
    assert "differs for sure" not in row["reason"]


def test_an_arm_that_is_worse_among_nets_that_learn_is_refuted_however_often_it_learns():
    row = decided(folded({"org": 0.6, "bcd": 0.5}, idle=failing("bcd", 12)))
    assert row["verdict"] == "refuted"


def test_a_set_without_a_training_is_the_set_that_never_had_it():
    models, predictions = of_folds(*drawn({"org": 0.5, "bcd": 0.6}, n_seeds=2))
    whole = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=100).judged_on()
    gone = ("bcd", (1, 3))
    rest = models[models["model"] != "bcd-seed1-fold3"]
    never = score_confirmed(rest, predictions, classes=EIGHT, seed=0, n_draws=100).judged_on()
    weights = {"org": 1.0, "bcd": -1.0}
    first = whole.told(weights, "accuracy")  # fills what is pooled
    left_out = whole.without(*gone).told(weights, "accuracy")
    assert left_out == never.told(weights, "accuracy")
    assert left_out != first
    assert whole.told(weights, "accuracy") == first


def test_the_influence_of_a_training_is_what_its_leaving_out_moves():
    scored = folded({"org": 0.5, "bcd": 0.6}, n_seeds=2)
    moved = influence(STUDY, scored)
    assert len(moved) == 20
    one = moved[(moved["arm"] == "org") & (moved["seed"] == 1) & (moved["fold"] == 2)].iloc[0]
    without = decided(scored.without("org", (1, 2)))
    assert one["shift"] == pytest.approx(without["estimate"] - decided(scored)["estimate"])
    assert one["verdict"] == without["verdict"]


@pytest.mark.parametrize(
    ("of_bcd", "verdict", "is_turned"),
    [(0.56, "supported", True), (0.6, "supported", False), (0.53, "unresolved", None)],
)
def test_a_verdict_is_fragile_where_leaving_out_one_training_turns_it(of_bcd, verdict, is_turned):
    scored = folded({"org": 0.5, "bcd": of_bcd}, n_seeds=2)
    moved = influence(STUDY, scored)
    assert {decided(scored)["verdict"], *moved["stands"]} == {verdict}
    assert fragile(moved) == {better().name: is_turned}


@pytest.mark.parametrize(
    ("verdict", "others", "found"),
    [
        ("supported", ["supported", "supported"], False),
        ("supported", ["supported", "unresolved"], True),
        ("refuted", ["supported"], True),
        ("unresolved", ["supported"], None),
        ("supported", [], False),
    ],
)
def test_fragile_is_a_settled_verdict_that_one_left_out_turns(verdict, others, found):
    assert is_fragile(verdict, others) is found


def test_effects_stand_among_nets_that_learn_and_as_they_came_and_failures_are_counted():
    scored = folded({"org": 0.5, "bcd": 0.6}, idle=failing("bcd", 5))
    found = describe_trainings(STUDY, scored)
    (effect,) = found.effects.to_dict("records")
    assert effect["estimate"] == pytest.approx(10, abs=3)
    assert effect["all_estimate"] < effect["estimate"] - 3
    counted = found.counted.set_index("level")
    assert counted.loc["bcd", ["k", "n"]].to_numpy().tolist() == [[20, 25], [20, 25]]
    assert (counted["low"] <= counted["k"] / counted["n"]).all()
    assert (~found.each["learned"]).sum() == 5
    assert np.isfinite(found.each["score"]).all()
