import numpy as np
import pandas as pd
import pytest

from agecls.classes import EIGHT
from agecls.metrics import score
from study.analysis.confirm.confirmed import score_confirmed


def probabilities(labels, is_right, rng):
    """(N, 8): the most probable class is the true one where `is_right`, else the next one."""
    top = np.where(is_right, labels, (labels + 1) % 8)
    p = np.full((len(labels), 8), 0.4 / 7)
    p[np.arange(len(labels)), top] = 0.6
    return p + rng.uniform(0, 1e-6, size=p.shape)


def frame_of(model, split, labels, p, clusters, is_duplicate):
    frame = pd.DataFrame(
        {
            "model": model,
            "split": split,
            "image": [f"{split}/{n:05d}.jpg" for n in range(len(labels))],
            "cluster": clusters,
            "true": [EIGHT.names[c] for c in labels],
            "predicted": [EIGHT.names[c] for c in p.argmax(axis=1)],
            "is_duplicate": is_duplicate,
        }
    )
    frame[list(EIGHT.columns)] = p
    return frame


def drawn(accuracies, *, n_seeds=5, n=600, seed=0, spread=0.0):
    """Models and predictions of arms with these accuracies; a tenth of test are duplicates."""
    rng = np.random.default_rng(seed)
    models, frames = [], []
    luck = {
        split: rng.normal(scale=0.5, size=(n // 6)).repeat(6) + rng.normal(size=n)
        for split in ("val", "test")
    }
    labels = {split: rng.integers(0, 8, size=n) for split in ("val", "test")}
    for arm, accuracy in accuracies.items():
        for k in range(n_seeds):
            name = f"{arm}-seed{k}"
            models.append({"model": name, "arm": arm, "seed": k})
            shift = rng.normal(scale=spread)
            for split in ("val", "test"):
                noise = luck[split] + rng.normal(size=n)
                limit = np.sqrt(2.25) * np.sqrt(2) * _inverse(2 * accuracy - 1) + shift
                p = probabilities(labels[split], noise < limit, rng)
                is_duplicate = (np.arange(n) % 10 == 0) & (split == "test")
                frames.append(
                    frame_of(name, split, labels[split], p, np.arange(n) // 6, is_duplicate)
                )
    return pd.DataFrame(models), pd.concat(frames, ignore_index=True)


def _inverse(x):
    from scipy.special import erfinv

    return float(erfinv(x))


def row(found, **asked):
    frame = found.estimates
    for name, value in asked.items():
        column = frame[name]
        frame = frame[column.isna() if value is None else column == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_scores_of_a_model_equal_agecls_metrics_on_its_predictions():
    models, predictions = drawn({"org": 0.5}, n_seeds=2)
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=50)
    one = predictions[(predictions["model"] == "org-seed1") & (predictions["split"] == "test")]
    labels = np.array([EIGHT.names.index(c) for c in one["true"]])
    expected = score(labels, one[list(EIGHT.columns)].to_numpy())
    ours = found.models.set_index("model").loc["org-seed1"]
    assert ours["test_accuracy"] == pytest.approx(expected.accuracy)
    assert ours["test_qwk"] == pytest.approx(expected.qwk)
    assert ours["test_loss"] == pytest.approx(expected.nll)
    unique = ~one["is_duplicate"].to_numpy(dtype=bool)
    kept = score(labels[unique], one[list(EIGHT.columns)].to_numpy()[unique])
    assert ours["test_unique_accuracy"] == pytest.approx(kept.accuracy)


def test_estimates_are_means_over_the_seeds_with_the_true_value_inside():
    models, predictions = drawn({"org": 0.5, "bcd": 0.6}, spread=0.03)
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=500)
    org = row(found, arm="org", against=None, split="test", images="all", metric="accuracy")
    means = found.models.set_index("model")["test_accuracy"].filter(like="org")
    assert org["estimate"] == pytest.approx(means.mean())
    assert org["low"] < 0.5 < org["high"]
    assert (org["n_seeds"], org["n_images"], org["n_clusters"]) == (5, 600, 100)
    pair = row(found, arm="org", against="bcd", split="test", images="all", metric="accuracy")
    assert pair["low"] < -0.1 < pair["high"] < 0


def test_no_interval_of_an_arm_holds_what_no_score_can_be():
    models, predictions = drawn({"a": 0.02, "b": 0.99}, n=120, n_seeds=3)
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0).estimates
    of_arms = found[found["against"].isna()].set_index("metric")
    shares = of_arms.loc[["accuracy", "accuracy_1off", "macro_f1", "recall", "ece"]]
    assert shares["low"].min() == 0.0
    assert shares["high"].max() == 1.0
    assert of_arms.loc["qwk", ["low", "high"]].abs().to_numpy().max() <= 1
    assert of_arms.loc["mae", ["low", "high"]].to_numpy().min() >= 0
    assert (of_arms["low"] <= of_arms["estimate"]).all()
    assert (of_arms["estimate"] <= of_arms["high"]).all()
    differences = found[found["against"].notna()]
    assert differences["low"].min() < 0


def test_a_recall_counts_the_images_of_its_class_and_is_no_point_at_none_or_all():
    models, predictions = drawn({"org": 0.5})
    is_b = predictions["predicted"] == "b"
    predictions.loc[is_b, list(EIGHT.columns)] = [0.3, 0.05, 0.25, *[0.08] * 5]  # b is never named
    predictions.loc[is_b, "predicted"] = "a"
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=300).estimates
    row = found.query("metric == 'recall' and `class` == 'b' and split == 'test'").iloc[0]
    of_b = predictions.query("split == 'test' and true == 'b' and model == 'org-seed0'")
    assert row["n_images"] == len(of_b)
    assert row["n_clusters"] == of_b["cluster"].nunique()
    assert (row["estimate"], row["low"]) == (0, 0)
    assert row["high"] == pytest.approx(1 - 0.025 ** (1 / row["n_clusters"]))


def test_models_say_whether_they_learned():
    models, predictions = drawn({"org": 0.5})
    is_idle = predictions["model"] == "org-seed2"
    predictions.loc[is_idle, list(EIGHT.columns)] = 1 / 8
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=50).models
    assert found.set_index("model")["learned"].to_dict() == {
        f"org-seed{k}": k != 2 for k in range(5)
    }


def test_pairing_narrows_the_difference_of_arms():
    models, predictions = drawn({"org": 0.5, "bcd": 0.5})
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=500)
    asked = {"split": "test", "images": "all", "metric": "accuracy"}
    pair = row(found, arm="org", against="bcd", **asked)
    alone = row(found, arm="org", against=None, **asked)
    assert pair["low"] < 0 < pair["high"]
    assert pair["high"] - pair["low"] < alone["high"] - alone["low"]


def test_test_results_come_raw_without_duplicates_and_per_class():
    models, predictions = drawn({"org": 0.5})
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=200)
    raw = row(found, split="test", images="all", metric="accuracy")
    unique = row(found, split="test", images="unique", metric="accuracy")
    assert (raw["n_images"], unique["n_images"]) == (600, 540)
    recalls = found.estimates.query("split == 'test' and images == 'all' and metric == 'recall'")
    assert recalls["class"].tolist() == list(EIGHT.names)
    assert (recalls["low"] < recalls["estimate"]).all()


def test_the_temperature_of_validation_is_used_on_test_alone():
    models, predictions = drawn({"org": 0.9})  # right far more often than its 0.6 says
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=200)
    before = row(found, split="test", images="all", metric="nll")
    after = row(found, split="test", images="all", metric="nll_tempered")
    assert after["estimate"] < before["estimate"]
    assert (found.models["temperature"] < 1).all()
    assert "nll_tempered" not in set(found.estimates.query("split == 'val'")["metric"])


def test_arms_are_compared_on_the_seeds_that_both_have():
    models, predictions = drawn({"org": 0.5, "bcd": 0.6})
    models = models[models["model"] != "bcd-seed4"]
    found = score_confirmed(models, predictions, classes=EIGHT, seed=0, n_draws=100)
    asked = {"split": "test", "images": "all", "metric": "accuracy"}
    assert row(found, arm="org", against=None, **asked)["n_seeds"] == 5
    assert row(found, arm="org", against="bcd", **asked)["n_seeds"] == 4


def test_data_without_a_test_split_are_judged_on_validation():
    models, predictions = drawn({"org": 0.5}, n_seeds=2)
    found = score_confirmed(
        models, predictions[predictions["split"] == "val"], classes=EIGHT, seed=0, n_draws=100
    )
    assert found.judged_on().split == "val"
    assert set(found.estimates["split"]) == {"val"}


def test_equal_seeds_give_equal_tables():
    models, predictions = drawn({"org": 0.5, "bcd": 0.6}, n_seeds=2)
    first, second = (
        score_confirmed(models, predictions, classes=EIGHT, seed=3, n_draws=100).estimates
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


def test_models_scored_on_different_images_are_refused():
    models, predictions = drawn({"org": 0.5}, n_seeds=2)
    is_lost = (predictions["model"] == "org-seed1") & (predictions["image"] == "val/00003.jpg")
    with pytest.raises(ValueError, match="org-seed1 was scored on other val images"):
        score_confirmed(models, predictions[~is_lost], classes=EIGHT, seed=0)
