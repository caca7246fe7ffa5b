import numpy as np
import pytest

from agecls.classes import EIGHT, Classes
from agecls.intervals import Clusters
from agecls.metrics import nll, score
from study.analysis.confirm.scoring import (
    METRICS,
    cluster_sums,
    drawn_scores,
    metrics_of,
    recall_names,
    scores,
    temperature,
    tempered,
)
from study.measure import metric_of


def drawn_model(n=300, seed=0, sharpness=2.0, n_classes=8):
    """Labels (n,), and probabilities (n, n_classes) that are right more often than not."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, size=n)
    logits = rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[labels]
    weights = np.exp(sharpness * logits)
    return labels, weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n", [2, 3, 8, 100])
def test_scores_of_sums_equal_those_of_images(n):
    labels, p = drawn_model(n_classes=n)
    classes = Classes(tuple(map(str, range(n))), None, True)
    clusters = Clusters.of(np.arange(300) % 40)
    found = scores(cluster_sums(labels, p, 1.0, clusters).sum(axis=0), classes)
    expected = score(labels, p)
    assert ("accuracy_top5" in metrics_of(classes)) == (n > 10)
    for name in metrics_of(classes):
        assert found[name] == pytest.approx(getattr(expected, name), abs=1e-9), name
    recall = [np.nan if r is None else r for r in expected.recall]
    assert [found[name] for name in recall_names(classes)] == pytest.approx(recall, nan_ok=True)
    assert found["nll_tempered"] == pytest.approx(expected.nll)  # at temperature 1
    assert found["ece_tempered"] == pytest.approx(expected.ece)


def test_scores_of_a_draw_equal_those_of_the_images_drawn():
    labels, p = drawn_model(n=60)
    cluster = np.arange(60) % 6
    clusters = Clusters.of(cluster)
    draw = np.array([[2, 0, 1, 3, 0, 0]])
    rows = np.concatenate(
        [np.tile(np.flatnonzero(cluster == c), n) for c, n in enumerate(draw[0])]
    )
    sums = cluster_sums(labels, p, 1.0, clusters)[None]
    found = drawn_scores(draw.astype(float), sums, EIGHT)
    expected = score(labels[rows], p[rows])
    for name in METRICS:
        assert found[name].shape == (1, 1)
        assert found[name][0, 0] == pytest.approx(getattr(expected, name)), name


def test_classes_without_an_order_have_no_score_that_measures_distances():
    labels, p = drawn_model(n_classes=3)
    classes = Classes(("cat", "dog", "emu"), None, False)
    found = scores(cluster_sums(labels, p, 1.0, Clusters.of(np.arange(300))).sum(axis=0), classes)
    assert metrics_of(classes) == ("accuracy", "macro_f1", "nll", "ece")
    assert set(found).isdisjoint({"accuracy_1off", "mae", "qwk", "accuracy_top5"})
    assert set(metrics_of(classes)) <= set(found)


@pytest.mark.parametrize("always", [0, 7])
def test_a_model_of_one_class_has_a_kappa_of_0(always):
    labels = np.arange(8).repeat(3)
    p = np.tile(0.01 + 0.92 * np.eye(8)[always], (24, 1))
    found = scores(cluster_sums(labels, p, 1.0, Clusters.of(np.arange(24))).sum(axis=0), EIGHT)
    assert found["qwk"] == pytest.approx(0, abs=1e-12)
    assert found["accuracy"] == pytest.approx(1 / 8)


def test_a_class_without_images_has_no_recall_and_no_part_in_f1():
    labels = np.array([0, 0, 1])
    p = np.eye(8)[[0, 1, 1]]
    found = scores(cluster_sums(labels, p, 1.0, Clusters.of(np.arange(3))).sum(axis=0), EIGHT)
    assert np.isnan(found["recall_h"])
    # class a: precision 1, recall 1/2; class b: precision 1/2, recall 1
    assert found["macro_f1"] == pytest.approx(2 / 3)


def test_the_temperature_minimises_the_loss_and_undoes_sharpening():
    labels, p = drawn_model(n=2000, sharpness=1.0)
    t = temperature(labels, p)
    grid = np.exp(np.linspace(-1, 1, 2001))
    losses = [nll(labels, tempered(p, float(g))) for g in grid]
    assert t == pytest.approx(grid[int(np.argmin(losses))], rel=2e-3)
    sharp = tempered(p, 1 / 3)
    assert temperature(labels, sharp) == pytest.approx(3 * t, rel=1e-3)


def test_a_temperature_keeps_every_prediction():
    _, p = drawn_model()
    assert (tempered(p, 2.7).argmax(axis=1) == p.argmax(axis=1)).all()
    assert tempered(p, 2.7).sum(axis=1) == pytest.approx(np.ones(300))


def test_claims_are_judged_on_the_metric_that_the_study_maximised():
    assert metric_of("val_qwk") == "qwk"
    assert metric_of("val_accuracy") == "accuracy"
