import numpy as np
import pandas as pd
import pytest

from study.analysis.search.chosen import choose
from study.asked.factors import Factor, Range
from tests.study.analysis.conftest import LOSS, small_study

VARIANT = Factor(name="variant", role="arm", levels=("org", "bcd"))
RATE = Factor(name="lr", role="tuned", log=True, ranges=(Range(low=1e-3, high=1e-1),))
NO_EPOCHS = pd.DataFrame(columns=["trial_id", "epoch", "val_accuracy"])


def table(*rows):
    """Trials of (variant, lr, final accuracy, best accuracy, status, collapsed)."""
    names = ["config/variant", "config/lr", "val_accuracy", "best_val_accuracy", "status"]
    frame = pd.DataFrame([row[:5] for row in rows], columns=names)
    frame["collapsed"] = [row[5] for row in rows]
    frame["number"] = range(len(rows))
    frame["trial_id"] = [f"t{n:05d}" for n in range(len(rows))]
    frame["epochs_planned"] = frame["epochs_run"] = 9
    return frame


def done(variant, rate, final, best=None):
    return (variant, rate, final, best or final, "completed", False)


def only(choices):
    assert len(choices) == 1
    return choices[0]


@pytest.fixture
def study():
    return small_study(VARIANT, RATE)


def test_the_luckiest_trial_is_passed_over_for_what_its_neighbours_confirm(study):
    rng = np.random.default_rng(0)
    rates = np.geomspace(1e-3, 1e-1, 40)
    # The truth peaks at 1e-2; one trial at a bad rate was very lucky.
    truth = 0.5 - 0.1 * np.log10(rates / 1e-2) ** 2
    values = truth + rng.normal(scale=0.005, size=40)
    values[1] = 0.53
    trials = table(*(done("org", r, v) for r, v in zip(rates, values, strict=True)))
    choice = only(choose(study, trials, NO_EPOCHS, seed=0))
    assert choice.rule == "surface"
    assert 5e-3 < choice.config["lr"] < 2e-2
    assert choice.best_value == pytest.approx(53)
    assert choice.value < choice.best_value
    assert choice.n_candidates == 40


def test_a_trial_is_not_chosen_for_having_met_an_easy_fold(study):
    rng = np.random.default_rng(0)
    rates = np.geomspace(1e-3, 1e-1, 40)
    truth = 0.5 - 0.03 * np.log10(rates / 1e-2) ** 2
    folds = rng.permutation(np.arange(40) % 5)
    easy = np.array([-0.04, -0.02, 0.0, 0.02, 0.04])
    values = truth + easy[folds] + rng.normal(scale=0.002, size=40)
    trials = table(*(done("org", r, v) for r, v in zip(rates, values, strict=True)))

    choice = only(choose(study, trials.assign(fold=folds), NO_EPOCHS, seed=0))

    assert 5e-3 < choice.config["lr"] < 2e-2
    of_best = truth[int(choice.trial_id[1:])]
    # the trial's own value, as on the average fold
    assert choice.value == pytest.approx(100 * of_best, abs=0.8)
    assert choice.best_value < 100 * values.max() - 2


def test_a_scout_is_never_chosen_however_good_it_was(study):
    trials = table(*(done("org", r, 0.5) for r in (0.01, 0.02, 0.03)), done("org", 0.09, 0.9))
    trials["origin"] = ["design", "design", "search", "scout"]
    choice = only(choose(study, trials, NO_EPOCHS, seed=0))
    assert choice.trial_id != "t00003"
    assert choice.n_candidates == 3
    assert choice.best_value == pytest.approx(50)


def test_each_arm_has_its_own_choice_in_the_order_of_the_arms(study):
    rates = np.geomspace(1e-3, 1e-1, 20)
    rows = [done("bcd", r, 0.4 + 0.1 * (r > 0.02)) for r in rates]
    rows += [done("org", r, 0.4 + 0.1 * (r < 0.005)) for r in rates]
    org, bcd = choose(study, table(*rows), NO_EPOCHS, seed=0)
    assert (org.arm, org.cell, bcd.arm) == ("org", {"variant": "org"}, "bcd")
    assert org.config["lr"] < 0.01 < bcd.config["lr"]
    assert org.trial_id >= "t00020"


def test_few_trials_are_judged_with_their_neighbours(study):
    # 0.50 stands between two bad neighbours, 0.48 between two good ones.
    values = [0.30, 0.50, 0.30, 0.46, 0.48, 0.47]
    rates = [0.001, 0.0012, 0.0014, 0.05, 0.06, 0.07]
    trials = table(*(done("org", r, v) for r, v in zip(rates, values, strict=True)))
    choice = only(choose(study, trials, NO_EPOCHS, seed=0))
    assert (choice.rule, choice.config["lr"]) == ("neighbours", 0.06)
    assert choice.judged == pytest.approx((48 + (48 + 46 + 47) / 3) / 2)


def test_the_value_after_the_last_epoch_counts_and_no_luckier_one(study):
    trials = table(done("org", 0.01, 0.40, 0.60), done("org", 0.02, 0.45, 0.45))
    assert only(choose(study, trials, NO_EPOCHS, seed=0)).config["lr"] == 0.02


@pytest.mark.parametrize("status", ["stopped", "failed", "interrupted"])
def test_only_trials_that_ran_to_their_end_are_chosen(study, status):
    trials = table(done("org", 0.01, 0.40), ("org", 0.02, 0.90, 0.90, status, False))
    assert only(choose(study, trials, NO_EPOCHS, seed=0)).config["lr"] == 0.01


def test_a_collapsed_trial_is_chosen_only_where_every_trial_collapsed(study):
    trials = table(
        done("org", 0.01, 0.20),
        ("org", 0.02, 0.26, 0.26, "completed", True),
        ("bcd", 0.03, 0.25, 0.25, "completed", True),
        ("bcd", 0.04, 0.26, 0.26, "completed", True),
    )
    org, bcd = choose(study, trials, NO_EPOCHS, seed=0)
    assert org.config["lr"] == 0.01
    assert (bcd.rule, bcd.config["lr"]) == ("collapsed", 0.04)


def test_an_arm_without_a_full_length_trial_has_no_choice(study):
    trials = table(done("org", 0.01, 0.4), ("bcd", 0.02, 0.5, 0.5, "stopped", False))
    assert [c.arm for c in choose(study, trials, NO_EPOCHS, seed=0)] == ["org"]


def test_repeats_of_a_configuration_are_one_candidate_named_by_the_first():
    study = small_study(VARIANT, RATE, LOSS)
    trials = table(*(done("org", 0.01, v) for v in (0.4, 0.5, 0.45)))
    trials["config/loss"] = "focal"
    choice = only(choose(study, trials, NO_EPOCHS, seed=0))
    assert choice.n_candidates == 1
    assert choice.config == {"variant": "org", "lr": 0.01, "loss": "focal"}
