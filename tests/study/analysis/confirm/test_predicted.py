import numpy as np
import pandas as pd
import pytest

from agecls.classes import EIGHT, Classes
from study.analysis.confirm.predicted import FEWEST_IMAGES, describe_predictions
from study.report.confirm.confusion import confusion_data


def predictions(
    model: str, split: str, true: list[str], p: np.ndarray, clusters: list[int] | None = None
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "model": model,
            "split": split,
            "image": [f"{i:04d}" for i in range(len(true))],
            "cluster": clusters or list(range(len(true))),
            "true": true,
            "predicted": [EIGHT.names[k] for k in p.argmax(axis=1)],
        }
    )
    frame[list(EIGHT.columns)] = p
    return frame


def sure_of(names: list[str], confidence: float) -> np.ndarray:
    p = np.full((len(names), 8), (1 - confidence) / 7)
    p[np.arange(len(names)), [EIGHT.names.index(c) for c in names]] = confidence
    return p


def models(*names: str, temperature: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        {"arm": "org", "model": list(names), "temperature": [temperature] * len(names)}
    )


def test_confusion_is_the_mean_share_over_seeds_of_each_true_class() -> None:
    true = ["a", "a", "b", "b"]
    frame = pd.concat(
        [
            predictions("m1", "val", true, sure_of(["a", "b", "b", "b"], 0.6)),
            predictions("m2", "val", true, sure_of(["a", "a", "b", "h"], 0.6)),
        ]
    )
    found = describe_predictions(models("m1", "m2"), frame, classes=EIGHT, seed=0).confusion
    table = found.pivot(index="true", columns="predicted", values="share")
    assert list(table.index) == ["a", "b"]  # classes without images are absent
    assert table.loc["a", ["a", "b"]].tolist() == [0.75, 0.25]
    assert table.loc["b", ["b", "h"]].tolist() == [0.75, 0.25]
    assert table.sum(axis=1).tolist() == [1.0, 1.0]
    assert set(found["n_images"]) == {2}
    assert set(found["n_seeds"]) == {2}


def test_reliability_is_hits_against_confidence_in_each_bin() -> None:
    true = ["a"] * 40
    named = ["a"] * 12 + ["b"] * 8 + ["a"] * 20  # 12 of 20 right at 0.5, all right at 0.9
    p = np.vstack([sure_of(named[:20], 0.5), sure_of(named[20:], 0.9)])
    found = describe_predictions(
        models("m1"), predictions("m1", "val", true, p), classes=EIGHT, seed=0
    )
    bins = found.reliability.sort_values("confidence")
    assert bins["confidence"].tolist() == pytest.approx([0.5, 0.9])
    assert bins["accuracy"].tolist() == pytest.approx([0.6, 1.0])
    assert bins["n_images"].tolist() == [20, 20]
    low, high = bins[["low", "high"]].iloc[0]
    # of 20 independent images: 0.6 +- 2.1 sqrt(0.24 / 19)
    assert (low, high) == pytest.approx((0.37, 0.83), abs=0.03)
    # all right, and no image says how far the truth may lie from that: 0.025 ** (1 / 20)
    assert bins[["low", "high"]].iloc[1].tolist() == pytest.approx([0.8316, 1.0], abs=1e-4)


def test_a_bin_with_few_images_in_one_model_is_left_out() -> None:
    n = FEWEST_IMAGES - 1
    p = np.vstack([sure_of(["a"] * 20, 0.5), sure_of(["a"] * n, 0.9)])
    frame = predictions("m1", "val", ["a"] * (20 + n), p)
    found = describe_predictions(models("m1"), frame, classes=EIGHT, seed=0).reliability
    assert found["confidence"].tolist() == pytest.approx([0.5])


def test_images_of_one_cluster_count_as_one_so_that_the_interval_widens() -> None:
    named = (["a"] * 5 + ["b"] * 5) * 6
    p = sure_of(named, 0.5)

    def width(clusters: list[int] | None) -> float:
        frame = predictions("m1", "val", ["a"] * 60, p, clusters)
        (row,) = describe_predictions(
            models("m1"), frame, classes=EIGHT, seed=0
        ).reliability.to_dict("records")
        return float(row["high"] - row["low"])

    assert width([i // 5 for i in range(60)]) > 1.8 * width(None)


def test_the_temperature_cools_test_and_never_val_to_which_it_was_fitted() -> None:
    true, p = ["a"] * 20, sure_of(["a"] * 20, 0.9)
    frame = pd.concat([predictions("m1", s, true, p) for s in ("val", "test")])
    found = describe_predictions(
        models("m1", temperature=2.0), frame, classes=EIGHT, seed=0
    ).reliability
    assert set(zip(found["split"], found["tempered"], strict=True)) == {
        ("val", False), ("test", False), ("test", True),
    }  # fmt: skip
    warm = found[found["tempered"]]["confidence"].iloc[0]
    # p^(1/2): 0.9487 against seven times 0.1195
    assert warm == pytest.approx(0.9487 / (0.9487 + 7 * 0.1195), abs=1e-3)


def test_models_without_predictions_or_temperature_are_left_out() -> None:
    frame = predictions("m1", "val", ["a"] * 20, sure_of(["a"] * 20, 0.5))
    known = models("m1", "m2")
    assert set(describe_predictions(known, frame, classes=EIGHT, seed=0).confusion["n_seeds"]) == {
        1
    }
    untempered = known.assign(temperature=np.nan)
    assert describe_predictions(untempered, frame, classes=EIGHT, seed=0).confusion.empty


def test_of_a_thousand_classes_only_pairs_that_were_named_have_a_row() -> None:
    classes = Classes.from_names([f"kind-{k:04d}" for k in range(1000)])
    true = np.repeat(np.arange(998), 2)  # two classes have no image
    named = true.copy()
    named[::4] = 5  # every other class loses one of its two images, but the fifth
    p = np.full((len(true), 1000), 0.0004)
    p[np.arange(len(true)), named] = 0.6
    frame = pd.DataFrame(p, columns=list(classes.columns)).assign(
        model="m1",
        split="test",
        image=[f"{i:04d}" for i in range(len(true))],
        cluster=range(len(true)),
        true=[classes.names[k] for k in true],
    )
    found = describe_predictions(models("m1"), frame, classes=classes, seed=0)
    assert len(found.confusion) == 998 + 499
    data = confusion_data(found, split="test")
    assert data is not None
    shares = data.shares["org"]
    assert shares[0, [0, 1, 5]].tolist() == [0.5, 0.0, 0.5]
    assert shares[5, [4, 5]].tolist() == [0.0, 1.0]
    assert np.isnan(shares[998:]).all()
    np.testing.assert_allclose(shares[:998].sum(axis=1), 1.0)
