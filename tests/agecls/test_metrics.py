import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    log_loss,
    recall_score,
    top_k_accuracy_score,
)

from agecls.metrics import (
    ClassSums,
    confidence_gaps,
    confusion,
    expected_calibration_error,
    has_collapsed,
    image_losses,
    is_in_top,
    nll,
    prior_entropy,
    score,
)

N_CLASSES = (2, 3, 8, 100)


def labels_of(n_classes):
    """Label arrays of up to 60 images."""
    return arrays(np.int64, st.integers(1, 60), elements=st.integers(0, n_classes - 1))


label_lists = labels_of(8)
patient = settings(deadline=None, max_examples=50)  # the machine may be shared


def certain(predicted):
    return np.eye(8)[np.asarray(predicted)]


def random_probabilities(n, seed=0, n_classes=8):
    drawn = np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.5), size=n)
    return 0.99 * drawn + 0.01 / n_classes


def scores_of(labels, predicted):
    return score(np.array(labels), certain(predicted))


def test_accuracy_one_off_and_mae_count_classes():
    scores = scores_of([0, 0, 3, 7], [0, 1, 6, 7])

    assert (scores.n, scores.accuracy, scores.accuracy_1off, scores.mae) == (4, 0.5, 0.75, 1.0)


def test_kappa_is_worked_by_hand():
    # cost 1 + 9 = 10; by chance (labels 0,0,3,7 against 0,1,6,7, all pairs / 4): 216 / 4 = 54
    scores = scores_of([0, 0, 3, 7], [0, 1, 6, 7])

    pairs = [(t - p) ** 2 for t in (0, 0, 3, 7) for p in (0, 1, 6, 7)]
    assert scores.qwk == pytest.approx(1 - 10 / (sum(pairs) / 4))


@pytest.mark.parametrize("n_classes", N_CLASSES)
@patient
@given(data=st.data(), seed=st.integers(0, 9))
def test_accuracy_kappa_f1_and_recall_are_scikit_learns(data, seed, n_classes):
    labels = data.draw(labels_of(n_classes))
    probabilities = random_probabilities(len(labels), seed, n_classes)
    predicted = probabilities.argmax(1)
    present = np.unique(labels)

    scores = score(labels, probabilities)

    assert scores.accuracy == pytest.approx(accuracy_score(labels, predicted))
    if len(np.union1d(labels, predicted)) > 1:
        kappa = cohen_kappa_score(labels, predicted, labels=range(n_classes), weights="quadratic")
        assert scores.qwk == pytest.approx(kappa)
    f1 = f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    recall = recall_score(labels, predicted, labels=present, average=None, zero_division=0)
    assert scores.macro_f1 == pytest.approx(f1)
    assert [r for r in scores.recall if r is not None] == pytest.approx(recall)
    assert [c for c, r in enumerate(scores.recall) if r is not None] == present.tolist()


@pytest.mark.parametrize("n_classes", N_CLASSES)
def test_tables_of_many_models_and_draws_are_scored_at_once(n_classes):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(n_classes, size=40)
    models = [random_probabilities(40, seed, n_classes) for seed in range(3)]
    draws = rng.multinomial(40, np.full(40, 1 / 40), size=2)

    tables = np.zeros((2, 3, n_classes, n_classes))
    for model, p in enumerate(models):
        for b, times in enumerate(draws):
            np.add.at(tables[b, model], (labels, p.argmax(1)), times)
    counted = ClassSums.of_table(tables)
    found, recall = counted.scores(), counted.recalls()

    for model, p in enumerate(models):
        for b, times in enumerate(draws):
            one = score(labels.repeat(times), p.repeat(times, axis=0))
            assert {k: v[b, model] for k, v in found.items()} == pytest.approx(
                {k: getattr(one, k) for k in found}
            )
            nan = [np.nan if r is None else r for r in one.recall]
            assert recall[b, model] == pytest.approx(nan, nan_ok=True)


def test_classes_without_an_order_have_no_score_that_measures_distances():
    labels, p = np.array([0, 1, 2]), random_probabilities(3, 0, 3)
    ordered, nominal = score(labels, p), score(labels, p, is_ordered=False)
    assert (nominal.accuracy_1off, nominal.mae, nominal.qwk) == (None, None, None)
    assert (nominal.accuracy, nominal.macro_f1) == (ordered.accuracy, ordered.macro_f1)


@patient
@given(labels=labels_of(11), seed=st.integers(0, 9))
def test_the_top_5_accuracy_is_that_of_scikit_learn_and_is_there_beyond_ten_classes(labels, seed):
    p = random_probabilities(len(labels), seed, 11)
    expected = top_k_accuracy_score(labels, p, k=5, labels=range(11))
    assert score(labels, p).accuracy_top5 == pytest.approx(expected)
    assert score(labels % 10, random_probabilities(len(labels), seed, 10)).accuracy_top5 is None


def test_of_classes_with_one_probability_the_first_ones_are_the_top_5():
    assert is_in_top(np.arange(12), np.full((12, 12), 1 / 12)).tolist() == [True] * 5 + [False] * 7


@pytest.mark.parametrize("n_classes", N_CLASSES)
def test_likelihood_and_calibration_are_sums_over_images(n_classes):
    labels = np.random.default_rng(0).integers(n_classes, size=50)
    p = np.stack([random_probabilities(50, seed, n_classes) for seed in range(3)])

    bins, gaps = confidence_gaps(labels, p)

    for k in range(3):
        by_bin = [gaps[k][bins[k] == b].sum() for b in range(15)]
        one = score(labels, p[k])
        assert np.abs(by_bin).sum() / 50 == pytest.approx(one.ece)
        assert image_losses(labels, p[k]).mean() == one.nll


@patient
@given(labels=label_lists, seed=st.integers(0, 9))
def test_nll_is_scikit_learns_log_loss(labels, seed):
    probabilities = random_probabilities(len(labels), seed)

    assert nll(labels, probabilities) == pytest.approx(
        log_loss(labels, probabilities, labels=range(8)), abs=1e-9
    )


def test_an_eighth_each_costs_ln_8():
    assert nll(np.array([0, 5]), np.full((2, 8), 1 / 8)) == pytest.approx(math.log(8))


def test_a_probability_of_zero_costs_the_clip():
    assert nll(np.array([0]), certain([1])) == pytest.approx(-math.log(1e-12))


def test_calibration_error_is_worked_by_hand():
    # two images at confidence 0.6, one right: |0.5 - 0.6|; two at 0.9, both right: |1 - 0.9|
    def row(confidence, predicted):
        p = np.full(8, (1 - confidence) / 7)
        p[predicted] = confidence
        return p

    probabilities = np.array([row(0.6, 2), row(0.6, 2), row(0.9, 4), row(0.9, 4)])

    error = expected_calibration_error(np.array([2, 3, 4, 4]), probabilities)

    assert error == pytest.approx((2 * 0.1 + 2 * 0.1) / 4)


def test_over_and_under_confidence_cancel_within_a_bin_only():
    probabilities = np.full((2, 8), 0.35 / 7)
    probabilities[:, 0] = 0.65  # one bin, one of two right: |0.5 - 0.65|

    assert expected_calibration_error(np.array([0, 1]), probabilities) == pytest.approx(0.15)


@patient
@given(labels=label_lists)
def test_perfect_predictions_have_perfect_scores(labels):
    scores = score(labels, certain(labels))

    assert scores.accuracy == scores.accuracy_1off == scores.macro_f1 == 1
    assert scores.mae == scores.nll == scores.ece == 0
    assert scores.qwk == (1 if len(np.unique(labels)) > 1 else 0)


@patient
@given(labels=label_lists, seed=st.integers(0, 9))
def test_metrics_do_not_depend_on_the_order_of_images(labels, seed):
    probabilities = random_probabilities(len(labels), seed)
    order = np.random.default_rng(seed).permutation(len(labels))

    one, other = score(labels, probabilities), score(labels[order], probabilities[order])

    assert one.recall == other.recall
    for name in ("accuracy", "accuracy_1off", "mae", "qwk", "macro_f1", "nll", "ece"):
        assert getattr(one, name) == pytest.approx(getattr(other, name)), name


def test_one_class_everywhere_is_no_agreement_beyond_chance():
    scores = scores_of([4, 4, 4], [4, 4, 4])

    assert scores.qwk == 0.0
    assert scores.macro_f1 == 1.0
    assert scores.recall == (None, None, None, None, 1.0, None, None, None)


def test_a_class_that_is_only_predicted_lowers_f1_of_the_robbed_class_only():
    scores = scores_of([2, 2, 5, 5], [2, 7, 5, 5])

    assert scores.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_a_tie_goes_to_the_younger_class():
    assert score(np.array([3]), np.full((1, 8), 1 / 8)).mae == 3


def test_the_confusion_table_has_truth_in_rows():
    table = confusion(np.array([1, 1, 6]), np.array([1, 2, 6]), n_classes=8)

    assert table.sum() == 3
    assert (table[1, 1], table[1, 2], table[6, 6]) == (1, 1, 1)


@pytest.mark.parametrize("shape", [(0, 8), (2, 8), (3,), (3, 1, 8)])
def test_an_empty_or_misshapen_set_is_refused(shape):
    labels = np.zeros(0 if shape[0] == 0 else 3, dtype=np.int64)
    with pytest.raises(ValueError, match="expected \\(n,\\) and \\(n, classes\\)"):
        score(labels, np.zeros(shape))


@pytest.mark.parametrize("label", [-1, 7])
def test_a_label_without_a_probability_is_refused(label):
    with pytest.raises(ValueError, match=r"labels go from .*; expected 0 to 6"):
        score(np.array([0, label]), np.full((2, 7), 1 / 7))


def test_probabilities_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity"):
        score(np.array([0]), np.full((1, 8), np.nan))


def test_the_prior_entropy_of_balanced_classes_is_ln_8():
    assert prior_entropy(np.full(8, 5)) == pytest.approx(math.log(8))
    assert prior_entropy(np.array([1, 3, 0, 0, 0, 0, 0, 0])) == pytest.approx(
        0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    )


def collapsed(predicted=(0, 1, 3), labels=(0, 3, 3), loss=1.0, accuracy=0.6):
    return has_collapsed(
        np.array(predicted),
        np.array(labels),
        train_loss=loss,
        train_accuracy=accuracy,
        train_counts=np.full(8, 10),  # entropy ln 8 = 2.0794, majority 0.125
    )


def test_a_run_that_learns_has_not_collapsed():
    assert not collapsed()


def test_one_predicted_class_is_a_collapse_unless_it_is_the_truth():
    assert collapsed(predicted=(3, 3, 3))
    assert not collapsed(predicted=(3, 3, 3), labels=(3, 3, 3))


@pytest.mark.parametrize(
    ("loss", "accuracy", "expected"),
    [
        (2.0794, 0.125, True),  # the prior
        (2.0750, 0.13, True),  # a hair better than the prior
        (2.5, 0.09, True),  # worse
        (2.0700, 0.125, False),  # the loss has begun to fall
        (2.5, 0.3, False),  # a poor likelihood that classifies all the same
    ],
)
def test_nothing_learned_needs_both_the_prior_loss_and_the_majority_accuracy(
    loss, accuracy, expected
):
    assert collapsed(loss=loss, accuracy=accuracy) == expected
