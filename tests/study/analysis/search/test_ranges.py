import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.analysis import analyse
from study.analysis.search.frames import tidy
from study.analysis.search.ranges import compare_ranges
from study.asked.claims.parts import RangeClaim
from study.asked.factors import Factor, Range
from tests.study.analysis.conftest import small_study

INIT = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
RATE = Factor(name="lr", role="tuned", log=True, ranges=(Range(low=1e-4, high=1.0),))
NO_EPOCHS = pd.DataFrame(columns=["trial_id", "epoch", "val_accuracy"])


def claim(**changes):
    given = {
        "name": "high", "text": "A high rate helps", "factor": "lr", "better": (0.1, 1.0),
        "worse": (1e-4, 1e-3), "least": 1.0,
    }  # fmt: skip
    return RangeClaim(**(given | changes))


def table(*rows):
    """Trials of (init, lr, final points, origin, collapsed)."""
    frame = pd.DataFrame([row[:2] for row in rows], columns=["config/init", "config/lr"])
    frame["val_accuracy"] = [None if row[2] is None else row[2] / 100 for row in rows]
    frame["origin"] = [row[3] for row in rows]
    frame["collapsed"] = [row[4] for row in rows]
    frame["status"] = ["failed" if row[2] is None else "completed" for row in rows]
    frame["error"] = [None if row[2] is not None else "the loss is nan" for row in rows]
    frame["number"] = range(len(rows))
    frame["trial_id"] = [f"t{n:05d}" for n in range(len(rows))]
    frame["epochs_planned"] = frame["epochs_run"] = 9
    return frame


def compare(rows, asked=None):
    study = small_study(INIT, RATE, claims=(asked or claim(),))
    one = asked or claim()
    frames = tidy(study, table(*rows), NO_EPOCHS)
    return compare_ranges(frames, one.factor, (one.better, one.worse), one.when)


HIGH = [26.0, 26.0, 27.0, 26.0, 48.0, 26.0, 26.0, 27.0]
LOW = [40.0, 42.0, 41.0, 44.0, 39.0, 43.0, 42.0, 41.0]


def side(values, rate, init="scratch", origin="design"):
    return [(init, rate, v, origin, v < 30) for v in values]


def test_one_arm_is_welch_s_interval_and_collapsed_trials_count_as_they_ended():
    found = compare(side(HIGH, 0.3) + side(LOW, 5e-4))
    welch = stats.ttest_ind(HIGH, LOW, equal_var=False)
    low, high = welch.confidence_interval(0.95)
    assert found.estimate == pytest.approx(np.mean(HIGH) - np.mean(LOW))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert (found.n_trials, found.n_collapsed) == (8, 7)


def test_arms_count_alike_however_many_trials_each_has():
    rows = side([30.0] * 2 + [32.0] * 2, 0.3) + side([40.0] * 10, 5e-4)
    rows += side([60.0] * 6, 0.3, "pretrained") + side([50.0] * 6, 5e-4, "pretrained")
    found = compare(rows)
    assert found.estimate == pytest.approx(((31 - 40) + (60 - 50)) / 2)
    # pooled within arms: sum of squares 4 over 8 degrees of freedom; the other side has none
    assert (found.high - found.low) / 2 == pytest.approx(
        np.sqrt(4 / 8 * (1 / 4 + 1 / 6) / 4) * stats.t.ppf(0.975, 8)
    )


def test_an_arm_without_both_sides_is_left_out_and_so_are_other_levels():
    rows = side(HIGH, 0.3) + side(LOW, 5e-4) + side([90.0] * 8, 0.3, "pretrained")
    assert compare(rows).estimate == pytest.approx(np.mean(HIGH) - np.mean(LOW))
    rows += side([10.0] * 8, 5e-4, "pretrained")
    assert compare(rows).estimate > 20
    scratch = claim(when={"init": "scratch"})
    assert compare(rows, scratch).estimate == pytest.approx(np.mean(HIGH) - np.mean(LOW))


def test_trials_that_the_search_chose_and_rates_outside_both_ranges_do_not_count():
    rows = side(HIGH, 0.3) + side(LOW, 5e-4)
    more = side([99.0] * 5, 0.3, origin="search") + side([99.0] * 5, 0.01)
    assert compare(rows + more) == compare(rows)


def test_a_trial_that_diverged_before_its_first_epoch_counts_with_the_lowest_value():
    rows = side(HIGH[:-1], 0.3) + side(LOW, 5e-4)
    diverged = [("scratch", 0.3, None, "design", None)]
    found = compare(rows + diverged)
    assert found.estimate == pytest.approx(np.mean([*HIGH[:-1], 26.0]) - np.mean(LOW))
    assert found.n_collapsed == 7


def test_too_few_trials_are_no_answer():
    found = compare(side(HIGH[:7], 0.3) + side(LOW, 5e-4))
    assert np.isnan(found.estimate)
    assert "7 design trials in one of the two ranges" in found.reason
    found = compare(side(HIGH, 0.3) + side(LOW, 5e-4, "pretrained"))
    assert "0 design trials" in found.reason


def test_the_analysis_refutes_a_claim_that_a_high_rate_prevents_failing():
    rows = side(HIGH, 0.3) + side(LOW, 5e-4)
    study = small_study(INIT, RATE, claims=(claim(), claim(name="back", better=(1e-4, 1e-3),
                                                           worse=(0.1, 1.0))))  # fmt: skip
    claims = analyse(study, table(*rows), NO_EPOCHS, seed=0).claims.set_index("claim")
    assert claims["verdict"].to_dict() == {"high": "refuted", "back": "supported"}
    assert "7 collapsed ones counted" in claims.loc["high", "reason"]
    assert (claims["n_trials"] == 8).all()
    assert claims["command"].isna().all()


def test_intervals_cover_where_some_nets_collapse_and_others_train():
    """Eight trials a side, two arms, a third or two thirds of a side collapsed: 400 worlds."""
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(400):
        rows = []
        for init, top in (("scratch", 45.0), ("pretrained", 60.0)):
            for rate, share in ((0.3, 2 / 3), (5e-4, 1 / 3)):
                fails = rng.random(8) < share
                values = np.where(fails, 25.0, top + rng.normal(scale=3.0, size=8))
                rows += side(values.tolist(), rate, init)
        found = compare(rows)
        truth = np.mean([-(top - 25.0) / 3 for top in (45.0, 60.0)])
        hits.append(found.low <= truth <= found.high)
    assert 0.92 <= np.mean(hits) <= 0.98
