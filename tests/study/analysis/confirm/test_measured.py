"""Arms whose trainings are one score each, in a record."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.measured import measured_confirmed
from study.analysis.confirm.trained import describe_trainings
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor
from study.asked.plans import Trainable
from study.measure import Measure, Scale
from tests.study.analysis.conftest import small_study

NET = Factor(name="net", role="arm", levels=("deep", "wide"))
WIDTH = Factor(name="width", role="tuned", levels=(1, 2))
LOSS = Scale(smallest=0.01, unit="nats", is_minimised=True)
SHARE = Scale(unit="share")
NO_SEARCH = pd.DataFrame(columns=["claim", "estimate", "low", "high"])


def models(**arms):
    """Scores by arm (seeds, folds) or (seeds,)."""
    rows = []
    for arm, scores in arms.items():
        for place in np.ndindex(np.shape(scores)):
            fold = {"fold": place[1]} if len(place) > 1 else {}
            name = f"{arm}-{'-'.join(map(str, place))}"
            value = float(np.asarray(scores)[place])
            rows.append({"model": name, "arm": arm, "seed": place[0], **fold, "loss": value})
    return pd.DataFrame(rows)


def study_of(scale, *claims):
    claims = tuple(replace(claim, scale=scale) for claim in claims)
    trainable = Trainable(function="a:b", scale=scale, examples=None, folder="")
    return replace(small_study(NET, WIDTH, claims=claims), metric="loss", trainable=trainable)


def deep_wins(least=0.1):
    return DifferenceClaim(
        name="deep", text="Deep wins", factor="net", better="deep", worse="wide", least=least
    )


def decided(scale, least=0.1, **arms):
    study = study_of(scale, deep_wins(least))
    found = measured_confirmed(models(**arms), study.measure)
    (row,) = Decisions()(study, found.judged_on(), NO_SEARCH).to_dict("records")
    return row


def test_arms_are_compared_seed_by_seed():
    deep, wide = np.array([1.0, 2.0, 3.5, 4.0]), np.array([1.5, 2.6, 3.9, 4.6])
    found = measured_confirmed(models(deep=deep, wide=wide), Measure("loss", LOSS)).estimates
    one = found.set_index(["arm", "against"]).loc[("deep", "wide")]
    expected = stats.t.interval(0.95, 3, loc=(deep - wide).mean(), scale=stats.sem(deep - wide))
    assert (one["low"], one["high"]) == pytest.approx(expected)
    assert pd.isna(one["n_images"])
    assert one["n_seeds"] == 4


def test_of_a_minimised_metric_the_lower_one_wins_in_its_own_unit():
    row = decided(LOSS, deep=[1.0, 1.1, 1.05, 0.98], wide=[2.0, 2.12, 2.03, 2.0])
    assert row["verdict"] == "supported"
    assert row["estimate"] == pytest.approx(1.005)
    assert row["unit"] == "nats"
    assert (
        decided(LOSS, wide=[1.0, 1.1, 1.05, 0.98], deep=[2.0, 2.12, 2.03, 2.0])["verdict"]
        == "refuted"
    )


def test_a_share_counts_in_points():
    row = decided(SHARE, 1.0, deep=[0.92, 0.93, 0.94, 0.93], wide=[0.90, 0.90, 0.92, 0.91])
    assert row["estimate"] == pytest.approx(2.25)
    assert row["unit"] == "points"


def test_an_interval_of_a_share_stays_one():
    found = measured_confirmed(models(deep=[0.99, 0.95]), Measure("loss", SHARE)).estimates
    assert found["high"].max() == 1
    assert measured_confirmed(models(deep=[0.99, 0.95]), Measure("loss", LOSS)).estimates[
        "high"
    ].max() > 1  # fmt: skip


def test_a_training_that_failed_is_counted_and_left_out_with_its_pair():
    row = decided(LOSS, deep=[1.0, np.nan, 1.05, 0.98], wide=[2.0, 2.12, 2.03, 2.0])
    assert row["n_seeds"] == 3
    assert row["n_trials"] == 6
    assert "1 of 4 trainings of deep failed or diverged, and are left out" in row["reason"]


def test_better_scores_do_not_make_good_that_trainings_fail_more_often():
    deep = np.where(np.arange(12) < 9, np.nan, 1.0 + 0.01 * np.arange(12))
    row = decided(LOSS, deep=deep, wide=2.0 + 0.01 * np.arange(12) ** 1.1)
    assert row["verdict"] == "unresolved"
    assert (
        "how often trainings end with a score differs for sure (3 of 12 against 12"
        in (row["reason"])
    )


@pytest.mark.parametrize(
    ("deep", "wide", "why"),
    [
        ([1.0], [2.0], "one seed tells nothing of what another would do"),
        ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], "does the function use its seed?"),
        ([np.nan, np.nan], [2.0, 2.1], "no training of deep ended with a score"),
        ([np.nan, 1.0], [2.0, np.nan], "on no seed, or in fewer than two folds, trainings of all"),
        ([[np.nan, 1.0]], [[2.0, 2.5]], "in fewer than two folds, trainings of all of deep, wide"),
    ],
)
def test_what_cannot_be_told_is_withheld_and_says_why(deep, wide, why):
    row = decided(LOSS, deep=deep, wide=wide)
    assert row["verdict"] == "unresolved"
    assert pd.isna(row["estimate"])
    assert why in row["reason"]


def test_further_seeds_are_named_where_they_would_settle_and_folds_where_these_are_in_the_way():
    deep, wide = np.array([1.0, 1.6, 1.2]), np.array([1.3, 1.5, 1.7])
    assert "seeds per arm would settle it" in decided(LOSS, 0.05, deep=deep, wide=wide)["reason"]
    of_folds = np.array([0.0, 0.5, 1.0, 1.5, 2.0]) + np.array([[0.0], [0.01], [0.02]])
    wavy = of_folds + 0.01 * np.array([[1, -1, 0, 1, -1], [0, 1, -1, 1, 0], [1, 0, 0, -1, 1]])
    row = decided(LOSS, 0.05, deep=np.zeros((3, 5)), wide=wavy)
    assert "no number of seeds would settle it: what 5 folds leave open" in row["reason"]


def test_each_training_is_left_out_once():
    study = study_of(LOSS, deep_wins())
    scores = {"deep": [1.0, 1.1, 1.05, 0.98], "wide": [2.0, 2.12, 2.03, 2.0]}
    found = describe_trainings(study, measured_confirmed(models(**scores), study.measure).sets[0])
    assert len(found.influence) == 8
    assert found.each["fold"].isna().all()
    assert (found.influence["verdict"] == found.influence["stands"]).all()
    one = found.influence.iloc[0]
    assert one["shift"] == pytest.approx(np.mean([1.02, 0.98, 1.02]) - 1.005)
