import numpy as np
import pytest

from study.analysis.models.learned import has_learned


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
    assert not has_learned(labels, answers(labels, n_classes, 0.0))
    assert has_learned(labels, answers(labels, n_classes, 0.3))


def test_one_class_named_on_a_set_that_is_nearly_all_of_it_is_no_learning():
    labels = labels_of([0.95, 0.05])
    assert not has_learned(labels, np.tile([0.99, 0.01], (len(labels), 1)))


def test_a_rare_class_told_apart_is_learning_though_accuracy_hardly_shows_it():
    labels = labels_of([0.98, 0.02])
    p = np.where(labels[:, None] == 1, [0.55, 0.45], [0.99, 0.01])
    assert (p.argmax(axis=1) == labels).mean() == pytest.approx(0.98)
    assert has_learned(labels, p)


def test_sure_answers_that_are_often_wrong_count_by_how_often_they_are_right():
    rng = np.random.default_rng(1)
    labels = labels_of(np.full(8, 1 / 8))
    named = np.where(rng.random(len(labels)) < 0.4, labels, rng.integers(0, 8, len(labels)))
    assert has_learned(labels, np.eye(8)[named] * 0.999 + 0.0001)


def test_answers_learned_by_heart_for_labels_at_random_are_no_learning():
    rng = np.random.default_rng(2)
    labels = labels_of([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    p = rng.dirichlet(np.full(6, 0.05), size=len(labels))
    assert not has_learned(labels, p)


def test_a_split_of_one_class_tells_nothing():
    assert not has_learned(np.zeros(50, dtype=np.int64), np.full((50, 3), 1 / 3))
