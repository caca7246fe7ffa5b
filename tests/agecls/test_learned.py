import numpy as np
import pytest

from agecls.learned import has_learned_by, tells_apart
from agecls.metrics import ClassSums, confusion, prior_entropy

KOREAN_TRAIN = np.array([1302, 1202, 1141, 899, 1101, 623, 331, 190])
KOREAN_VAL = np.array([375, 367, 270, 239, 173, 79, 32, 4])


def learned(*, train_loss=1.9, val_loss=1.77, accuracy=0.24, f1=0.1):
    """An epoch on the classes of results/korean-32: entropies 1.952 and 1.775, commonest 0.244."""
    return has_learned_by(
        train_loss=train_loss,
        val_loss=val_loss,
        val_accuracy=accuracy,
        val_macro_f1=f1,
        train_counts=KOREAN_TRAIN,
        val_counts=KOREAN_VAL,
    )


def test_metrics_near_what_class_shares_give_are_no_learning():
    assert not learned()
    assert not learned(val_loss=1.70)  # 4 % of the entropy


@pytest.mark.parametrize(
    "better",
    [
        {"accuracy": 0.30},  # the commonest class's share and five standard errors
        {"f1": 0.17},  # 1 / 8 and five standard errors
        {"val_loss": 1.67},  # 6 % of the entropy
        {"train_loss": 1.834, "val_loss": 1.755},  # 6 % in training, 1 % on val
    ],
)
def test_one_metric_that_is_clearly_better_is_learning(better):
    assert learned(**better)


def test_what_was_learned_by_heart_and_shows_nowhere_else_is_no_learning():
    assert not learned(train_loss=0.1, val_loss=4.0)


def test_classes_of_one_kind_only_tell_nothing():
    counts = np.array([30, 0])
    assert not has_learned_by(
        train_loss=0.0, val_loss=0.0, val_accuracy=1.0, val_macro_f1=1.0,
        train_counts=counts, val_counts=counts,
    )  # fmt: skip


@pytest.mark.parametrize("k", [2, 8, 100, 1000])
@pytest.mark.parametrize("tilt", [0.0, 2.0])
def test_classes_named_without_a_look_are_never_better_than_naming_shares(k, tilt):
    """Whatever shares they are named in: 50 nets of which each names classes by chance."""
    rng = np.random.default_rng(k)
    shares = np.exp(-tilt * np.arange(k) / k)
    shares /= shares.sum()
    for power in np.linspace(0, 3, 50):
        labels = rng.choice(k, size=2000, p=shares)
        named = rng.choice(k, size=2000, p=shares**power / (shares**power).sum())
        table = confusion(labels, named, n_classes=k)
        assert not tells_apart(
            accuracy=np.trace(table) / 2000,
            macro_f1=float(ClassSums.of_table(table).macro_f1()),
            counts=table.sum(axis=1),
        )


def test_rare_classes_that_are_found_are_told_apart_though_fewer_images_are_hit():
    """Of 900 and 100 images four in five each: 80 % hit, and naming one class hits 90 %."""
    table = np.array([[720, 180], [20, 80]])
    f1 = float(ClassSums.of_table(table).macro_f1())
    assert tells_apart(accuracy=0.8, macro_f1=f1, counts=table.sum(axis=1))


def test_the_entropies_that_the_cases_above_are_written_for():
    assert prior_entropy(KOREAN_TRAIN) == pytest.approx(1.952, abs=1e-3)
    assert prior_entropy(KOREAN_VAL) == pytest.approx(1.775, abs=1e-3)
