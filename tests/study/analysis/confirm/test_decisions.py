from dataclasses import replace

import pandas as pd
import pytest

from agecls.classes import EIGHT
from agecls.intervals import Estimate
from study.analysis.confirm.confirmed import score_confirmed
from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.verdicts import holm
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.importance import ImportanceClaim
from study.asked.claims.learning import LearningClaim
from study.asked.factors import Factor, Range
from tests.study.analysis.confirm.test_confirmed import drawn
from tests.study.analysis.conftest import small_study

VARIANT = Factor(name="variant", role="arm", levels=("org", "bcd"))
RATE = Factor(name="lr", role="tuned", log=True, ranges=(Range(low=1e-3, high=1e-1),))
SEARCHED = pd.DataFrame(
    [{"claim": "better", "estimate": 14.0, "low": 8.0, "high": 20.0}],
    columns=["claim", "estimate", "low", "high"],
)


def better(least=1.0, name="better"):
    return DifferenceClaim(
        name=name, text="BCD wins", factor="variant", better="bcd", worse="org", least=least
    )


def equal(within):
    return EquivalenceClaim(
        name="equal", text="the same", factor="variant", equal=("org", "bcd"), within=within
    )


def decide(accuracies, *claims, **options):
    models, predictions = drawn(accuracies, **options)
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=500)
    study = small_study(VARIANT, RATE, claims=claims)
    return Decisions()(study, found.judged_on(), SEARCHED)


def test_a_planted_advantage_is_supported_and_shown_beside_the_search():
    (row,) = decide({"org": 0.5, "bcd": 0.6}, better()).to_dict("records")
    assert row["verdict"] == "supported"
    assert row["low"] < 10 < row["high"]
    assert (row["stage"], row["n_seeds"], row["n_trials"], row["split"]) == (
        "confirm", 5, 10, "test",
    )  # fmt: skip
    assert row["search_estimate"] == 14
    assert "p = " in row["reason"]


def test_a_planted_disadvantage_is_refuted():
    (row,) = decide({"org": 0.6, "bcd": 0.5}, better()).to_dict("records")
    assert row["verdict"] == "refuted"
    assert row["high"] < 1


def test_a_claim_with_a_metric_of_its_own_is_judged_on_that():
    models, predictions = drawn({"org": 0.5, "bcd": 0.6})
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=500)
    claims = better(), replace(better(name="each"), metric="val_macro_f1")
    study = small_study(VARIANT, RATE, claims=claims)
    decided = Decisions()(study, found.judged_on(), SEARCHED).set_index("claim")
    of_arms = found.estimates[found.estimates["split"] == "test"]
    of_arms = of_arms[(of_arms["images"] == "all") & of_arms["against"].notna()]
    known = of_arms.set_index("metric")["estimate"]  # org minus bcd
    assert decided.loc["better", "estimate"] == pytest.approx(-100 * known["accuracy"])
    assert decided.loc["each", "estimate"] == pytest.approx(-100 * known["macro_f1"])
    assert decided.loc["each", "estimate"] != pytest.approx(decided.loc["better", "estimate"])
    assert decided.loc["each", "metric"] == "val_macro_f1"
    assert "against 1 point of macro F1" in decided.loc["each", "reason"]
    assert "against 1 point (" in decided.loc["better", "reason"]


def of_one_class(models, predictions, idle):
    """The predictions with those models naming class a, sure of it alike on every image."""
    found = predictions.copy()
    is_idle = found["model"].isin(idle)
    found.loc[is_idle, list(EIGHT.columns)] = [0.3, *[0.1] * 7]
    found.loc[is_idle, "predicted"] = "a"
    return models, found


def decide_idle(idle, *claims, accuracies=None, study=None):
    """Verdicts where some models (by name) learned nothing."""
    models, predictions = drawn(accuracies or {"org": 0.5, "bcd": 0.6})
    found = score_confirmed(
        *of_one_class(models, predictions, idle), classes=EIGHT, seed=0, n_draws=500
    )
    study = study or small_study(VARIANT, RATE, claims=claims)
    return Decisions()(study, found.judged_on(), SEARCHED).to_dict("records")


def test_a_claim_about_how_often_nets_learn_counts_them_all():
    learns = LearningClaim(
        name="learns", text="BCD learns", factor="variant", better="bcd", worse="org", least=5.0
    )
    row, other = decide_idle(of_arm("org", 4), learns, better())
    assert row["estimate"] == pytest.approx(80.0)
    assert (row["n_trials"], row["n_seeds"], row["metric"]) == (10, 5, "learned")
    assert row["low"] < 80 < row["high"] <= 100
    assert "against 5 points of nets that learn" in row["reason"]
    assert row["reason"].endswith("4 of 5 nets of org hardly learned")
    assert pd.isna(other["metric"])
    (same,) = decide_idle((), learns)
    assert (same["estimate"], same["verdict"]) == (0.0, "unresolved")
    assert same["low"] == pytest.approx(-same["high"])
    assert same["low"] < -30
    assert same["seeds_needed"] > 20


def of_arm(arm, n=5):
    return [f"{arm}-seed{k}" for k in range(n)]


def test_arms_that_learned_nothing_are_neither_equal_nor_different():
    rows = decide_idle([*of_arm("org"), *of_arm("bcd")], equal(1.0), better())
    assert [row["verdict"] for row in rows] == ["unresolved", "unresolved"]
    assert "no net of org, bcd learned anything" in rows[0]["reason"]
    assert "no net of bcd, org learned anything" in rows[1]["reason"]
    assert all(pd.isna(row[name]) for row in rows for name in ("estimate", "low", "p_value"))


def test_an_arm_that_learned_nothing_does_not_lose_to_one_that_did():
    (row,) = decide_idle(of_arm("org"), better())
    assert row["verdict"] == "unresolved"
    assert "no net of org learned anything" in row["reason"]


def test_nets_that_do_alike_on_every_image_are_not_surely_equal():
    models, predictions = drawn({"org": 0.5})
    twins = predictions.assign(model=predictions["model"].str.replace("org", "bcd"))
    both = models.assign(arm="bcd", model=models["model"].str.replace("org", "bcd"))
    found = score_confirmed(
        pd.concat([models, both]),
        pd.concat([predictions, twins]),
        classes=EIGHT,
        seed=0,
        n_draws=200,
    )
    study = small_study(VARIANT, RATE, claims=(equal(1.0),))
    (row,) = Decisions()(study, found.judged_on(), SEARCHED).to_dict("records")
    assert row["verdict"] == "unresolved"
    assert "nothing varied" in row["reason"]


def test_a_pair_without_a_net_that_learned_is_left_out_and_the_others_decide():
    init = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
    accuracies = {
        "org-scratch": 0.5, "bcd-scratch": 0.5, "org-pretrained": 0.5, "bcd-pretrained": 0.6,
    }  # fmt: skip
    study = small_study(VARIANT, init, RATE, claims=(better(),))
    (row,) = decide_idle(of_arm("org-scratch"), accuracies=accuracies, study=study)
    assert row["verdict"] == "supported"
    assert row["low"] < 10 < row["high"]
    assert row["n_trials"] == 10
    assert "left out with its pair: org-scratch, none of whose nets learned" in row["reason"]


def test_one_net_that_hardly_learned_is_said_beside_the_verdict():
    (row,) = decide_idle(["org-seed3"], better())
    assert "1 of 5 nets of org hardly learned" in row["reason"]


def test_a_claim_about_nets_that_learned_nothing_takes_nothing_from_the_others():
    init = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
    arms = ("org-scratch", "bcd-scratch", "org-pretrained", "bcd-pretrained")
    transfer = DifferenceClaim(
        name="transfer", text="transfer wins", factor="init", better="pretrained",
        worse="scratch", least=0.0,
    )  # fmt: skip
    idle = [*of_arm("org-scratch"), *of_arm("bcd-scratch")]
    study = small_study(VARIANT, init, RATE, claims=(better(), transfer))
    rows = decide_idle(idle, accuracies=dict.fromkeys(arms, 0.5), study=study)
    assert "no net of" in rows[1]["reason"]
    assert "one claim tested" in rows[0]["reason"]


def test_a_null_pair_is_not_called_different_nor_surely_equal():
    rows = decide({"org": 0.5, "bcd": 0.5}, better(0.0), equal(0.5)).to_dict("records")
    assert [row["verdict"] for row in rows] == ["unresolved", "unresolved"]


def test_equal_arms_on_enough_images_are_supported_as_equal():
    (row,) = decide({"org": 0.5, "bcd": 0.5}, equal(6.0)).to_dict("records")
    assert row["verdict"] == "supported"
    (row,) = decide({"org": 0.5, "bcd": 0.65}, equal(6.0)).to_dict("records")
    assert row["verdict"] == "refuted"


def test_the_verdict_follows_from_the_adjusted_interval():
    claims = (better(1.0, "a"), better(9.0, "b"), better(20.0, "c"), equal(1.0))
    for row in decide({"org": 0.5, "bcd": 0.6}, *claims, spread=0.05).to_dict("records"):
        low, high = row["adjusted_low"], row["adjusted_high"]
        assert low <= row["low"] < row["high"] <= high
        if row["claim"] != "equal":
            limit = {"a": 1.0, "b": 9.0, "c": 20.0}[row["claim"]]
            expected = "supported" if low > limit else "refuted" if high < limit else "unresolved"
            assert row["verdict"] == expected


def test_holm_steps_down():
    # of 0.01, 0.04, 0.03: 3 x 0.01, then 2 x 0.03, then 0.04 held up to 0.06
    found = holm([0.01, 0.04, 0.03])
    assert [p for p, _ in found] == pytest.approx([0.03, 0.06, 0.06])
    assert [share for _, share in found] == pytest.approx([1 / 3, 1, 1 / 2])
    assert holm([]) == []


def test_claims_about_tuned_factors_and_shares_stay_with_the_search():
    shares = ImportanceClaim(name="share", text="", factor="lr", more_than="variant")
    assert decide({"org": 0.5, "bcd": 0.6}, shares).empty


def test_a_claim_with_an_arm_that_was_not_confirmed_is_not_decided():
    assert decide({"org": 0.5}, better()).empty


def test_two_arm_factors_average_the_cells_that_have_both_sides():
    init = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
    models, predictions = drawn(
        {"org-scratch": 0.4, "bcd-scratch": 0.5, "org-pretrained": 0.6, "bcd-pretrained": 0.8}
    )
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=500)
    study = small_study(VARIANT, init, RATE, claims=(better(),))
    (row,) = Decisions()(study, found.judged_on(), SEARCHED).to_dict("records")
    means = found.models.set_index("model")["test_accuracy"]
    by_arm = {arm: means[[f"{arm}-seed{k}" for k in range(5)]].mean() for arm in (
        "org-scratch", "bcd-scratch", "org-pretrained", "bcd-pretrained",
    )}  # fmt: skip
    expected = (
        by_arm["bcd-scratch"] - by_arm["org-scratch"]
        + by_arm["bcd-pretrained"] - by_arm["org-pretrained"]
    ) / 2  # fmt: skip
    assert row["estimate"] == pytest.approx(100 * expected)
    assert row["n_trials"] == 20


def test_seeds_that_would_settle_a_claim_reach_it_and_one_fewer_does_not():
    estimate = Estimate(
        value=3.0, by_clusters=0.05, by_seeds=1.0, freedom=4, n_seeds=5, clusters_freedom=500
    )
    rule = Decisions()
    n = rule.seeds_needed(better(1.0), estimate, 0.05)
    assert n is not None
    from agecls.intervals import quantile

    def reach(k):
        error, freedom = estimate.with_seeds(k)
        return error * (quantile(freedom, 0.975) + quantile(freedom, 0.8))

    assert reach(n) <= 2.0 < reach(n - 1)


def test_no_number_of_seeds_outdoes_too_few_images():
    estimate = Estimate(
        value=1.5, by_clusters=1.0, by_seeds=1.0, freedom=4, n_seeds=5, clusters_freedom=500
    )
    assert Decisions().seeds_needed(better(1.0), estimate, 0.05) is None


def test_an_unresolved_claim_says_what_would_settle_it():
    (row,) = decide({"org": 0.5, "bcd": 0.52}, better(1.0), n_seeds=3, spread=0.1).to_dict(
        "records"
    )
    assert row["verdict"] == "unresolved"
    assert "would settle it" in row["reason"]
