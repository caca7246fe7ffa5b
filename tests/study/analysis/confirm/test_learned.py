from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agecls.classes import Classes
from study.analysis.confirm.learned import gain, left_behind, which_learned
from study.folder.parquet import read_table
from tests.simulate.hardly import KINDS, SETS, tally

FEW = {name: shares for name, shares in SETS.items() if len(shares) < 100}


def labels_of(shares, n=1000):
    return np.repeat(np.arange(len(shares)), (np.array(shares) * n).round().astype(int))


def answers(labels, n_classes, knowledge, seed=0):
    """Probabilities (N, K) between the labels' shares (knowledge 0) and the truth (1), noisy."""
    rng = np.random.default_rng(seed)
    shares = np.bincount(labels, minlength=n_classes) / len(labels)
    truth = np.eye(n_classes)[labels]
    noise = rng.dirichlet(np.full(n_classes, 5.0), size=len(labels))
    p = (1 - knowledge) * shares + knowledge * truth
    return 0.95 * p + 0.05 * noise


@pytest.mark.parametrize("n_classes", [2, 3, 8, 100, 1000])
def test_naming_shares_is_no_learning_and_a_little_knowledge_is(n_classes):
    labels = labels_of(np.full(n_classes, 1 / n_classes), n=4000)
    assert not gain(labels, answers(labels, n_classes, 0.0)).is_clear
    assert gain(labels, answers(labels, n_classes, 0.3)).is_clear


def test_one_class_named_on_a_set_that_is_nearly_all_of_it_is_no_learning():
    labels = labels_of([0.95, 0.05])
    assert not gain(labels, np.tile([0.99, 0.01], (len(labels), 1))).is_clear


def test_a_rare_class_told_apart_is_learning_though_accuracy_hardly_shows_it():
    labels = labels_of([0.98, 0.02])
    p = np.where(labels[:, None] == 1, [0.55, 0.45], [0.99, 0.01])
    assert (p.argmax(axis=1) == labels).mean() == pytest.approx(0.98)
    assert gain(labels, p).is_clear


def test_sure_answers_that_are_often_wrong_count_by_how_often_they_are_right():
    rng = np.random.default_rng(1)
    labels = labels_of(np.full(8, 1 / 8))
    named = np.where(rng.random(len(labels)) < 0.4, labels, rng.integers(0, 8, len(labels)))
    assert gain(labels, np.eye(8)[named] * 0.999 + 0.0001).is_clear


def test_answers_learned_by_heart_for_labels_at_random_are_no_learning():
    rng = np.random.default_rng(2)
    labels = labels_of([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    p = rng.dirichlet(np.full(6, 0.05), size=len(labels))
    assert not gain(labels, p).is_clear


def test_a_split_of_one_class_tells_nothing():
    assert not gain(np.zeros(50, dtype=np.int64), np.full((50, 3), 1 / 3)).is_clear


def test_a_net_trained_on_balanced_classes_is_learning_though_it_hits_fewer_than_one_class():
    """Four in five of each of 900 and 100 images; as it says it, worse than shares in all ways."""
    labels = labels_of([0.9, 0.1])
    is_hit = np.arange(len(labels)) % 5 > 0
    p = np.where((labels == is_hit)[:, None], [0.3, 0.7], [0.7, 0.3])
    assert (p.argmax(axis=1) == labels).mean() == pytest.approx(0.8)
    found = gain(labels, p)
    assert found.is_clear
    assert found.share > 0.1


def test_what_a_net_gains_is_the_same_however_sure_it_says_it_and_whichever_class_it_favours():
    labels = labels_of([0.6, 0.3, 0.1])
    p = answers(labels, 3, 0.3)
    bent = p**0.3 * np.array([1.0, 4.0, 0.5])
    bent /= bent.sum(axis=1, keepdims=True)
    assert gain(labels, bent).share == pytest.approx(gain(labels, p).share, abs=1e-4)


@pytest.mark.parametrize(
    ("shares", "behind"),
    [
        ([0.19, 0.20, 0.19, 0.19, 0.06], [4]),  # results/korean-32, org-scratch
        ([0.20, 0.05, 0.21, 0.06, 0.07], [1, 3, 4]),  # most of them stuck
        ([0.20, 0.07], [1]),
        ([0.20, 0.07, 0.00, 0.19], [1, 2]),  # in two ways
        ([0.86, 0.75, 0.75, 0.74, 0.40, 0.33, 0.19], [5, 6]),  # one of the rest is but weak
        ([0.20, 0.11, 0.19], []),  # weak, but more than half
        ([0.22, 0.25, 0.26, 0.24], []),
        ([0.12, 0.17, 0.22, 0.27, 0.32], []),  # seeds that differ much are no two kinds
        ([0.02, 0.01, 0.03], []),  # what hardly tells anything is so by itself
        ([0.2], []),
        ([], []),
    ],
)
def test_trainings_lie_behind_where_a_recipe_has_two_kinds(shares, behind):
    errors = np.full(len(shares), 0.01)
    assert np.flatnonzero(left_behind(np.array(shares), errors)).tolist() == behind


def test_a_gap_that_few_images_leave_open_is_no_gap():
    assert not left_behind(np.array([0.20, 0.05, 0.21]), np.full(3, 0.1)).any()


def test_one_of_the_twenty_nets_on_real_faces_hardly_learned():
    folder = Path("results/korean-32")
    predictions = read_table(folder / "predictions.parquet", "predictions")
    models = read_table(folder / "confirm.parquet", "confirm")
    classes = Classes.from_columns(predictions.columns)
    val = predictions[predictions["split"] == "val"].groupby("model")
    flagged = []
    for _, of_arm in models.groupby("arm"):
        rows = [val.get_group(model) for model in of_arm["model"]]
        gains = [
            gain(
                pd.Categorical(r["true"], categories=classes.names).codes.astype(np.int64),
                r[list(classes.columns)].to_numpy(dtype=float),
            )
            for r in rows
        ]
        flagged += of_arm["model"][~which_learned(gains)].tolist()
    assert flagged == ["org-scratch-seed1950224232"]


@pytest.mark.parametrize("fails", [0.5, 0.0])
def test_nets_that_half_fail_are_found_and_good_ones_are_not(fails):
    """About 100 recipes of two and eight classes, balanced or not; see `tests.simulate.hardly`."""
    counts = sum(tally(12, 5, FEW, fails=fails).values(), Counter())
    n, found = (sum(counts[kind, what] for kind in KINDS) for what in ("n", "flagged"))
    assert counts["good", "n"] > 100
    assert counts["good", "flagged"] == 0
    assert found >= 0.95 * n
    assert counts["agree"] >= 0.97 * (counts["agree"] + counts["differ"])
