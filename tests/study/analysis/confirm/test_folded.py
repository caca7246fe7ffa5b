import numpy as np
import pandas as pd
import pytest

from agecls.classes import EIGHT
from study.analysis.confirm.confirmed import score_confirmed
from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.external import external_frame, score_elsewhere
from study.analysis.confirm.folded import fold_models
from study.analysis.confirm.predicted import describe_predictions
from tests.study.analysis.confirm.test_confirmed import drawn, row
from tests.study.analysis.confirm.test_decisions import (
    RATE,
    SEARCHED,
    VARIANT,
    better,
    of_one_class,
)
from tests.study.analysis.confirm.test_external import elsewhere
from tests.study.analysis.conftest import small_study

ASKED = {"split": "val", "images": "all", "metric": "accuracy"}


def of_folds(models, predictions, k=5):
    """The same predictions as if each model were k trainings, one a fold of clusters."""
    fold = predictions["cluster"] % k
    is_val = predictions["split"] == "val"
    parts = [
        predictions[~is_val | (fold == f)].assign(model=lambda p, f=f: p["model"] + f"-fold{f}")
        for f in range(k)
    ]
    trained = [models.assign(model=models["model"] + f"-fold{f}", fold=f) for f in range(k)]
    return pd.concat(trained, ignore_index=True), pd.concat(parts, ignore_index=True)


def scored(accuracies, *, idle=(), k=5, n_draws=500, **options):
    models, predictions = of_folds(*drawn(accuracies, **options), k=k)
    models, predictions = of_one_class(models, predictions, idle)
    return score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=n_draws)


def decide(found, *claims):
    study = small_study(VARIANT, RATE, claims=claims)
    return Decisions()(study, found.judged_on(), SEARCHED).to_dict("records")


def test_the_nets_of_all_folds_are_scored_as_one_that_saw_every_image():
    models, predictions = drawn({"org": 0.5, "bcd": 0.6}, n_seeds=3)
    whole = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=50)
    folded = score_confirmed(*of_folds(models, predictions), classes=EIGHT, seed=0, n_draws=50)
    for metric in ("accuracy", "qwk", "macro_f1", "nll"):
        for against in (None, "bcd"):
            asked = ASKED | {"arm": "org", "against": against, "metric": metric}
            ours, theirs = row(folded, **asked), row(whole, **asked)
            assert ours["estimate"] == pytest.approx(theirs["estimate"])
            assert ours["n_images"] == theirs["n_images"] == 600
            assert ours["n_clusters"] == theirs["n_clusters"] == 100
            assert (ours["n_seeds"], theirs["n_seeds"]) == (3, 3)
            assert ours["n_trainings"] == (15 if against is None else 30)


def test_of_one_class_images_and_clusters_are_counted():
    found = scored({"org": 0.5}, n_seeds=2)
    one = row(found, arm="org", against=None, metric="recall", **{"class": "b"}, split="val")
    labels = found.judged_on().labels
    assert one["n_images"] == (labels == 1).sum()


def test_a_model_is_scored_on_its_own_fold():
    models, predictions = of_folds(*drawn({"org": 0.5}, n_seeds=2))
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=50)
    one = predictions[
        (predictions["model"] == "org-seed1-fold3") & (predictions["split"] == "val")
    ]
    accuracy = (one["true"] == one["predicted"]).mean()
    models = found.models.set_index("model")
    assert models.loc["org-seed1-fold3", "val_accuracy"] == pytest.approx(accuracy)
    assert len(models) == 10
    assert models["temperature"].notna().all()


def test_the_recipe_is_less_sure_than_its_nets_and_both_are_told():
    one = row(scored({"org": 0.5, "bcd": 0.6}, spread=0.1), arm="org", against="bcd", **ASKED)
    assert one["low"] < one["nets_low"] < one["estimate"] < one["nets_high"] < one["high"]


def test_a_study_without_folds_has_no_word_of_them():
    models, predictions = drawn({"org": 0.5, "bcd": 0.6}, n_seeds=2)
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=50)
    assert found.estimates[["nets_low", "nets_high", "n_trainings"]].isna().all(axis=None)
    without = score_confirmed(
        models.assign(fold=np.nan), predictions, classes=EIGHT, seed=0, n_draws=50
    )
    pd.testing.assert_frame_equal(found.estimates, without.estimates)


def test_the_test_split_is_told_by_seed_and_fold():
    one = row(
        scored({"org": 0.5, "bcd": 0.6}), arm="org", against="bcd", **ASKED | {"split": "test"}
    )
    assert one["n_seeds"] == 5
    assert one["low"] < -0.1 < one["high"]


def test_claims_are_judged_out_of_fold_though_there_is_a_test_split():
    (claim,) = decide(scored({"org": 0.5, "bcd": 0.6}), better())
    assert (claim["split"], claim["verdict"]) == ("val", "supported")
    assert (claim["n_trials"], claim["n_seeds"]) == (50, 5)
    assert claim["low"] < 10 < claim["high"]


def test_a_net_that_hardly_learned_is_left_out_with_its_pair():
    idle = ["org-seed1-fold2"]
    found = scored({"org": 0.5, "bcd": 0.6}, idle=idle)
    models = found.models.set_index("model")["learned"]
    assert models[~models.astype(bool)].index.tolist() == idle
    (claim,) = decide(found, better())
    assert claim["n_trials"] == 48
    assert "1 of 25 nets of org hardly learned, and are left out" in claim["reason"]
    sound = scored({"org": 0.5, "bcd": 0.6})
    among = row(found, arm="bcd", against=None, **ASKED)
    assert among["estimate"] == row(sound, arm="bcd", against=None, **ASKED)["estimate"]
    pair = found.judged_on().told({"bcd": 1.0, "org": -1.0}, "accuracy")
    mixed = found.judged_on().told({"bcd": 1.0, "org": -1.0}, "accuracy", mixture=True)
    assert mixed.n_trainings == 50
    assert mixed.estimate.value > pair.estimate.value + 0.005


def test_the_others_of_a_fold_stand_for_the_one_that_is_left_out():
    found = scored({"org": 0.5, "bcd": 0.6}, n_seeds=3, idle=["org-seed1-fold2"], spread=0.05)
    folded = found.judged_on()
    models = found.models.set_index("model")["val_accuracy"]
    by_fold = [
        np.mean([models[f"bcd-seed{s}-fold{f}"] - models[f"org-seed{s}-fold{f}"] for s in seeds])
        for f, seeds in enumerate([range(3), range(3), (0, 2), range(3), range(3)])
    ]
    told = folded.told({"bcd": 1.0, "org": -1.0}, "accuracy")
    sizes = np.bincount(folded.folds.of_image)
    assert told.estimate.value == pytest.approx(np.average(by_fold, weights=sizes))


def test_seeds_that_one_arm_lacks_count_for_the_other():
    models, predictions = of_folds(*drawn({"org": 0.5, "bcd": 0.6}, n_seeds=4, spread=0.05))
    models = models[(models["arm"] == "bcd") | (models["seed"] < 2)]
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=300)
    scores = found.models.set_index("model")["val_accuracy"]
    sizes = np.bincount(found.judged_on().folds.of_image)
    arms = {
        arm: np.average(
            [scores[[f"{arm}-seed{s}-fold{f}" for s in range(n)]].mean() for f in range(5)],
            weights=sizes,
        )
        for arm, n in (("org", 2), ("bcd", 4))
    }
    pair = row(found, arm="org", against="bcd", **ASKED)
    assert pair["estimate"] == pytest.approx(arms["org"] - arms["bcd"])
    assert (pair["n_trainings"], pair["n_seeds"]) == (30, 4)
    fewer = score_confirmed(
        models[models["seed"] < 2], predictions, classes=EIGHT, seed=0, n_draws=300
    )
    assert pair["high"] - pair["low"] < np.diff(
        row(fewer, arm="org", against="bcd", **ASKED)[["low", "high"]].astype(float)
    )
    (claim,) = decide(found, better())
    assert (claim["n_trials"], claim["n_seeds"]) == (30, 4)


def test_a_fold_in_which_no_net_learned_is_not_counted():
    idle = [f"org-seed{s}-fold4" for s in range(2)]
    found = scored({"org": 0.5, "bcd": 0.6}, n_seeds=2, idle=idle)
    pair = row(found, arm="org", against="bcd", **ASKED)
    assert (pair["n_clusters"], pair["n_images"], pair["n_trainings"]) == (80, 480, 16)
    assert row(found, arm="bcd", against=None, **ASKED)["n_clusters"] == 100


def test_nets_that_learned_in_no_common_folds_are_not_compared():
    idle = [f"org-seed{s}-fold{f}" for s in range(2) for f in (0, 1)]
    idle += [f"bcd-seed{s}-fold{f}" for s in range(2) for f in (2, 3)]
    (claim,) = decide(scored({"org": 0.5, "bcd": 0.6}, n_seeds=2, idle=idle), better())
    assert claim["verdict"] == "unresolved"
    assert "in fewer than two folds nets of all of bcd, org learned" in claim["reason"]


def test_arms_of_which_no_net_learned_are_said_to_be_such():
    idle = [f"{arm}-seed{s}-fold{f}" for arm in ("org", "bcd") for s in range(2) for f in range(5)]
    (claim,) = decide(scored({"org": 0.5, "bcd": 0.6}, n_seeds=2, idle=idle), better())
    assert claim["verdict"] == "unresolved"
    assert "no net of bcd, org learned anything" in claim["reason"]


def test_an_open_claim_counts_seeds_in_each_fold():
    (claim,) = decide(scored({"org": 0.5, "bcd": 0.53}, n_seeds=2, spread=0.15), better(1.0))
    assert claim["verdict"] == "unresolved"
    assert "seeds per arm in each of 5 folds would settle it" in claim["reason"]


def test_with_one_seed_a_fold_a_second_one_is_asked_for():
    (claim,) = decide(scored({"org": 0.5, "bcd": 0.515}, n_seeds=1), better(1.0))
    assert claim["verdict"] == "unresolved"
    assert "a second seed in each fold would tell" in claim["reason"]


def test_images_that_models_of_a_fold_do_not_share_are_refused():
    models, predictions = of_folds(*drawn({"org": 0.5}, n_seeds=2))
    lost = (predictions["model"] == "org-seed1-fold2") & (predictions["split"] == "val")
    first = predictions[lost].index[0]
    with pytest.raises(ValueError, match="org-seed1-fold2 was scored on other val images"):
        fold_models(models, predictions.drop(first), classes=EIGHT, seed=0, n_draws=2)


def test_a_cluster_in_two_folds_is_refused():
    models, predictions = of_folds(*drawn({"org": 0.5}, n_seeds=2))
    torn = (predictions["cluster"] == 7) & (predictions["split"] == "val")
    predictions.loc[torn, "cluster"] = 8
    with pytest.raises(ValueError, match="a cluster of val lies in two folds"):
        fold_models(models, predictions, classes=EIGHT, seed=0, n_draws=2)


def test_what_is_taken_for_what_is_told_of_all_folds_together():
    models, predictions = drawn({"org": 0.5}, n_seeds=2)
    of = models.assign(temperature=1.0)
    whole = describe_predictions(of, predictions, classes=EIGHT, seed=0, n_draws=50)
    of, predictions = of_folds(of, predictions)
    of = of[of["model"] != "org-seed1-fold0"]
    folded = describe_predictions(of, predictions, classes=EIGHT, seed=0, n_draws=50)
    one = predictions[predictions["model"].str.startswith("org-seed0")]
    of_val = folded.confusion.query("split == 'val' and true == 'b' and predicted == 'c'").iloc[0]
    is_b = (one["split"] == "val") & (one["true"] == "b")
    assert of_val["share"] == pytest.approx((one[is_b]["predicted"] == "c").mean())
    assert of_val["n_seeds"] == 1  # the other seed lacks a fold
    assert set(folded.confusion.query("split == 'test'")["n_seeds"]) == {2}
    assert set(whole.confusion["n_seeds"]) == {2}


def test_nets_of_folds_are_compared_with_themselves_on_other_faces():
    models, predictions = drawn({"org": 0.6, "bcd": 0.6}, n_seeds=2)
    models, predictions = of_folds(models, predictions[predictions["split"] == "val"])
    models = models.assign(temperature=1.0)
    museum = elsewhere(models, {"org": 0.5, "bcd": 0.6})
    found = score_elsewhere(models, predictions, [museum], classes=EIGHT, seed=0, n_draws=300)
    frame = external_frame(found)
    org = frame.query("arm == 'org' and against.isna() and metric == 'accuracy'").iloc[0]
    assert org["own_split"] == "val"
    assert org["change_low"] < -0.1 < org["change_high"]
    assert org["change"] == pytest.approx(org["estimate"] - org["own"])
    assert org["n_seeds"] == 2
