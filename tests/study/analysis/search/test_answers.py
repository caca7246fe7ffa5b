from dataclasses import replace
from time import process_time

import numpy as np
import pandas as pd
import pytest

from study.analysis import Analysis, analyse
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.learning import LearningClaim
from study.asked.factors import Factor, Range
from study.folder.columns import SCHEMAS
from study.plan.stopping import Rungs, rung_epochs
from study.quantities import count
from tests.simulate.large import large_tables
from tests.simulate.worlds import draw_world, make_study
from tests.study.analysis.conftest import (
    GAMMA,
    INIT,
    LOSS,
    NO_EPOCHS,
    RATE,
    planted_trials,
    small_study,
)

STUDY = small_study(INIT, RATE, GAMMA, LOSS)


def test_claims_are_judged_by_the_model_and_withheld_where_nothing_varies(planted: Analysis):
    claims = planted.claims.set_index("claim")
    assert claims["verdict"].to_dict() == {
        "init": "supported",
        "loss": "supported",
        "lr": "supported",
        "fixed": "unresolved",
    }
    assert claims.loc["init", "average"] == pytest.approx(4.0, abs=0.4)
    assert np.isnan(claims.loc["fixed", "estimate"])
    assert claims.loc["fixed", "reason"] == "`batch_size` is not varied in this study"
    assert claims["unit"].tolist() == ["points", "points", "share", "share"]


def test_after_a_look_and_more_of_a_design_verdicts_are_given_at_a_stricter_level(
    planted: Analysis,
):
    trials = planted_trials(120, np.random.default_rng(5))
    study = replace(planted.frames.study, added=20, added_design=((100, 20),))
    twice = analyse(study, trials, NO_EPOCHS, seed=1).claims.set_index("claim")
    once = planted.claims.set_index("claim")
    pd.testing.assert_frame_equal(twice[["low", "high"]], once[["low", "high"]])
    asked = ["init", "loss", "lr"]
    assert (twice.loc[asked, "adjusted_low"] < twice.loc[asked, "low"]).all()
    assert (twice.loc[asked, "adjusted_high"] > twice.loc[asked, "high"]).all()
    assert once["adjusted_low"].isna().all()
    assert "judged at 97.5%" in twice.loc["init", "reason"]
    assert twice.loc["init", "verdict"] == "supported"
    # between the two ends the one look supports what the second of two does not
    least = float(twice.loc["init", ["low", "adjusted_low"]].mean())
    claims = (replace(study.claims[0], least=least),)
    verdicts = [
        analyse(replace(one, claims=claims), trials, NO_EPOCHS, seed=1).claims["verdict"][0]
        for one in (planted.frames.study, study)
    ]
    assert verdicts == ["supported", "unresolved"]


def test_a_claim_with_a_metric_of_its_own_is_judged_on_the_epochs_of_that():
    """Pretrained: 4 points more accuracy, but 6 points less macro F1."""
    rng = np.random.default_rng(5)
    claim = DifferenceClaim(
        name="plain", text="", factor="init", better="pretrained", worse="scratch", least=1.0
    )
    own = replace(claim, name="own", metric="val_macro_f1")
    study = small_study(INIT, RATE, GAMMA, LOSS, claims=(claim, own))
    trials = planted_trials(60, rng)
    is_pretrained = trials["config/init"] == "pretrained"
    macro = trials["val_accuracy"] - np.where(is_pretrained, 0.10, 0)
    last = trials[["trial_id", "val_accuracy"]].assign(epoch=9, val_macro_f1=macro)
    before = last.assign(epoch=8, val_macro_f1=0.9)  # what counts is the last epoch
    epochs = pd.concat([before, last])
    claims = analyse(study, trials, epochs, seed=1).claims.set_index("claim")
    assert claims.loc["plain", "verdict"] == "supported"
    assert claims.loc["own", "verdict"] == "refuted"
    assert claims.loc["own", "average"] == pytest.approx(-6, abs=0.6)
    assert claims["metric"].dropna().to_dict() == {"own": "val_macro_f1"}
    without = analyse(study, trials, epochs[["trial_id", "epoch", "val_accuracy"]], seed=1).claims
    told = without.set_index("claim")
    assert np.isnan(told.loc["own", "estimate"])
    assert told.loc["own", "reason"] == "not asked here: the table of epochs has no val_macro_f1"
    assert told.loc["plain", "average"] == claims.loc["plain", "average"]


def test_a_claim_about_how_often_nets_learn_counts_design_trials_where_its_factor_exists():
    trials = planted_trials(120, np.random.default_rng(5))
    gamma = trials["config/zero_gamma"]
    without = (gamma == False).fillna(False).to_numpy(bool)  # noqa: E712
    trials["collapsed"] = without & (np.arange(120) % 3 == 0)
    learns = LearningClaim(
        name="learns", text="", factor="zero_gamma", better=True, worse=False, least=5.0
    )
    study = small_study(INIT, RATE, GAMMA, LOSS, claims=(learns,))
    row = analyse(study, trials, NO_EPOCHS, seed=1).claims.iloc[0]
    k, n = int((without & ~trials["collapsed"]).sum()), int(without.sum())
    other = int(gamma.notna().sum()) - n
    assert n + other == 60  # from scratch
    assert row["estimate"] == pytest.approx(100 * (1 - k / n))
    assert (row["verdict"], row["metric"]) == ("supported", "learned")
    assert f"{other} of {other} against {k} of {n} design trials learned" in row["reason"]
    few = analyse(study, trials.iloc[:20], NO_EPOCHS, seed=1).claims.iloc[0]
    assert few["reason"].startswith("withheld: ")
    # design_share and trials of a study that has begun are what they are: more are added
    assert few["reason"].endswith(
        "of one level (at least 8 are needed); resume the study with more --trials and --by-design"
    )


def test_the_fit_is_checked_on_held_out_trials(planted: Analysis):
    fit = planted.fit.iloc[0]
    assert fit["noise_sd"] == pytest.approx(0.5, abs=0.12)
    assert fit["r2"] > 0.9
    assert 0.88 <= fit["coverage"] <= 1.0
    assert fit["spread_sd"] == pytest.approx(np.sqrt(8.46), abs=0.3)


def test_the_checked_trials_are_there_one_by_one(planted: Analysis):
    held, fit = planted.held_out, planted.fit.iloc[0]
    assert held["row"].tolist() == list(range(120))
    seen = planted.frames.trials["value"].to_numpy()
    np.testing.assert_allclose(held["seen"], seen)
    error = held["seen"] - held["predicted"]
    assert np.sqrt((error**2).mean()) == pytest.approx(fit["rmse"])
    assert error.abs().mean() < 1.0  # noise 0.5 about a surface that spreads over 15 points
    assert (error.abs() <= 1.96 * held["sd"]).mean() == pytest.approx(fit["coverage"])


def test_the_contracts_tables_have_the_contracts_columns(planted: Analysis):
    for kind in ("importance", "interactions", "marginals", "claims"):
        expected = [column.name for column in SCHEMAS[kind]]
        assert planted.table(kind).columns.tolist() == expected
        assert len(planted.table(kind)) > 0


def test_equal_seeds_give_equal_answers_and_other_seeds_other_draws(rng: np.random.Generator):
    trials = planted_trials(40, rng)
    first, second, other = (analyse(STUDY, trials, NO_EPOCHS, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first.importance, second.importance)
    pd.testing.assert_frame_equal(first.contrasts, second.contrasts)
    assert not first.importance["share"].equals(other.importance["share"])


def test_the_order_of_the_rows_does_not_matter(rng: np.random.Generator):
    trials = planted_trials(40, rng)
    first = analyse(STUDY, trials, NO_EPOCHS, seed=1)
    second = analyse(STUDY, trials.iloc[::-1], NO_EPOCHS, seed=1)
    np.testing.assert_allclose(
        first.importance["p_value"], second.importance["p_value"], rtol=1e-3
    )


@pytest.mark.parametrize("n", [0, 1, 6])
def test_too_few_trials_leave_everything_unresolved_and_say_so(n: int, rng: np.random.Generator):
    analysis = analyse(STUDY, planted_trials(12, rng).iloc[:n], NO_EPOCHS, seed=0)
    assert set(analysis.importance["verdict"]) == {"unresolved"}
    few = f"only {count(n, 'full-length trial')} in the study's ranges"
    assert analysis.importance["reason"].str.startswith(few).all()
    assert analysis.contrasts.empty
    assert analysis.fit["noise_sd"].isna().all()


def test_trials_that_all_end_alike_settle_nothing(planted: Analysis, rng: np.random.Generator):
    trials = planted_trials(40, rng).assign(val_accuracy=375 / 1539)
    analysis = analyse(planted.frames.study, trials, NO_EPOCHS, seed=0)
    reason = "nothing varied: all 40 full-length trials ended alike"
    assert set(analysis.importance["verdict"]) == {"unresolved"}
    assert set(analysis.importance["reason"]) == {reason}
    assert set(analysis.claims["verdict"]) == {"unresolved"}
    assert set(analysis.claims["reason"]) == {reason, "`batch_size` is not varied in this study"}
    assert analysis.claims["estimate"].isna().all()


def test_a_study_in_which_every_trial_collapsed_has_no_effects(rng: np.random.Generator):
    trials = planted_trials(30, rng).assign(collapsed=True)
    analysis = analyse(STUDY, trials, NO_EPOCHS, seed=0)
    assert set(analysis.importance["verdict"]) == {"unresolved"}
    assert (
        analysis.importance["reason"]
        .str.endswith("30 collapsed: change the ranges in which training fails")
        .all()
    )
    assert analysis.collapse["probability"].min() > 0.5
    assert "30 trials collapsed or diverged" in " ".join(analysis.notes)


def test_a_study_that_varies_nothing_is_answered_with_empty_tables():
    study = small_study(Factor(name="loss", role="fixed", levels=("ce",)))
    trials = planted_trials(20, np.random.default_rng(0))
    analysis = analyse(study, trials, NO_EPOCHS, seed=0)
    assert analysis.importance.empty
    assert analysis.interactions.empty


def test_collapsed_trials_never_enter_effects(rng: np.random.Generator):
    trials = planted_trials(60, rng)
    worse = trials.iloc[:10].assign(collapsed=True, val_accuracy=0.2)
    worse["trial_id"] = [f"c{i}" for i in range(10)]
    clean = analyse(STUDY, trials, NO_EPOCHS, seed=0)
    mixed = analyse(STUDY, pd.concat([trials, worse]), NO_EPOCHS, seed=0)
    pd.testing.assert_frame_equal(clean.importance, mixed.importance)


def test_a_study_without_a_design_share_is_told_the_cure(rng: np.random.Generator):
    trials = planted_trials(40, rng).assign(origin="search")
    notes = " ".join(analyse(STUDY, trials, NO_EPOCHS, seed=0).notes)
    assert "No trial was drawn by design" in notes
    assert "Resume the study with more --trials and --by-design." in notes


def toy(n: int, design_share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """acc(e) = (0.5 + 0.3 ceil) (1 - exp(-(0.2 + 1.2 speed) e)) under TPE-like search and ASHA."""
    rng = np.random.default_rng(seed)
    rungs, epochs = Rungs(3), np.arange(1, 13)
    places, values, rows, curves = [], [], [], []
    for i in range(n):
        x = rng.uniform(size=2)
        if i >= max(design_share * n, 10):
            best = np.argsort(values)[::-1][: max(1, i // 5)]
            x = np.clip(places[rng.choice(best)] + rng.normal(scale=0.15, size=2), 0, 1)
        speed, ceil = x
        curve = (0.5 + 0.3 * ceil) * (1 - np.exp(-(0.2 + 1.2 * speed) * epochs))
        curve = curve + rng.normal(scale=0.01, size=12)
        run = 12
        for rung in rung_epochs(12, 3):
            decision = rungs.judge(
                arm="all",
                planned=12,
                epoch=rung,
                value=curve[rung - 1],
                may_stop=i >= design_share * n,
            )
            if decision is not None and not decision.promoted:
                run = rung
                break
        places.append(x)
        values.append(curve[run - 1])
        rows.append(
            {
                "trial_id": f"t{i}",
                "origin": "design" if i < design_share * n else "search",
                "status": "completed" if run == 12 else "stopped",
                "epochs_planned": 12,
                "epochs_run": run,
                "val_accuracy": curve[run - 1],
                "config/speed": speed,
                "config/ceil": ceil,
            }
        )
        curves.append(
            pd.DataFrame({"trial_id": f"t{i}", "epoch": epochs[:run], "val_accuracy": curve[:run]})
        )
    return pd.DataFrame(rows), pd.concat(curves, ignore_index=True)


def unit(name: str) -> Factor:
    return Factor(name=name, role="tuned", ranges=(Range(low=0.0, high=1.0),))


def test_the_end_value_comes_before_early_speed():
    study = replace(small_study(unit("speed"), unit("ceil"), epochs=12), design_share=0.4)
    analysis = analyse(study, *toy(80, 0.4, 1), seed=0)
    shares = analysis.importance.set_index("factor")["share"]
    # over the box at epoch 12 the ceiling takes 0.99 of the variance
    assert shares["ceil"] == pytest.approx(0.99, abs=0.05)
    assert analysis.imputation["naive_bias"].min() < -5
    assert analysis.imputation["bias"].abs().max() < 1


def test_without_a_design_share_the_toy_is_unresolved():
    study = small_study(unit("speed"), unit("ceil"), epochs=12)
    analysis = analyse(study, *toy(80, 0.0, 1), seed=0)
    assert set(analysis.importance["verdict"]) == {"unresolved"}
    assert analysis.importance.set_index("factor").loc["ceil", "high"] > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("n", "limit"), [(5_000, 30), (100_000, 30)])
def test_large_tables_are_analysed_in_half_a_minute(n: int, limit: float):
    rng = np.random.default_rng(0)
    world = draw_world("power", rng)
    study = make_study(trials=n, design_share=0.2, seed=0)
    tables = large_tables(study, world, n, rng)
    # of the processor, so that a busy machine says the same as an idle one
    begin = process_time()
    analysis = analyse(study, *tables, seed=0)
    seconds = process_time() - begin
    assert seconds < limit
    true = [world.variance(f) / world.total_variance for f in analysis.importance["factor"]]
    assert np.abs(analysis.importance["share"] - true).sum() < 0.15
