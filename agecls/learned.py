"""Whether a net learned anything, from what an epoch records: no predictions, no other nets.

A net that hardly learned is no weak net: how often a recipe fails and how good its nets are
otherwise are two questions. `study.analysis.confirm.learned` asks the same of predictions, and of
a recipe's trainings together, by the same limits.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agecls.metrics import prior_entropy

Counts = NDArray[np.int64]

LEAST_GAIN: Final = 0.05
"""Share of the labels' entropy that a net must take away. Of twenty nets on real faces nineteen
took 19 to 29 %, one that named few classes almost at random 6 % (results/korean-32)."""

LEAST_RISE: Final = 0.025
"""Share of what naming classes without a look leaves to be won that hits must win."""

REACH: Final = 3.0
"""Standard errors within which a score says nothing."""


def has_learned_by(
    *,
    train_loss: float,
    val_loss: float,
    val_accuracy: float,
    val_macro_f1: float,
    train_counts: Counts,
    val_counts: Counts,
) -> bool:
    """Whether an epoch's metrics are better than naming how common each class is.

    Yes where predicted classes are (`tells_apart`), or the loss on val is 5 % of the labels'
    entropy lower; or the loss in training is and some of it shows on val too, where a net that
    is far too sure, or not sure enough, hides what it knows.

    Args:
        train_loss: Nats per image.
        val_loss: Likewise.
        val_accuracy: Fraction.
        val_macro_f1: Mean F1 of the classes that occur.
        train_counts: Training images per class (K,).
        val_counts: Validation images per class (K,), at least one image.
    """
    if tells_apart(accuracy=val_accuracy, macro_f1=val_macro_f1, counts=val_counts):
        return True
    entropy, n = prior_entropy(val_counts), int(val_counts.sum())
    if val_loss < (1 - least_gain(entropy, n)) * entropy:
        return True
    of_train = prior_entropy(train_counts)
    return val_loss < entropy and train_loss < (1 - LEAST_GAIN) * of_train


def tells_apart(*, accuracy: float, macro_f1: float, counts: Counts) -> bool:
    """Whether predicted classes are better than classes that are named without a look.

    Those hit the commonest class's share at best. Where they are independent of the labels their
    macro F1 is at most 1 / K: sum_c 2 p_c q_c / (p_c + q_c) over label shares p and predicted
    shares q is greatest at q = p; one F1 then varies by 1 / n, whatever its class's share. A net
    that was trained to find rare classes may fall short of the first and be far above the second.

    Args:
        accuracy: Fraction.
        macro_f1: Mean F1 of the classes that occur.
        counts: Images per class, at least one image.
    """
    n, k = counts.sum(), np.count_nonzero(counts)
    best, chance = counts.max() / n, 1 / k
    hits = max(REACH * np.sqrt(best * (1 - best) / n), LEAST_RISE * (1 - best))
    f1 = max(REACH / np.sqrt(n * k), LEAST_RISE * (1 - chance))
    return bool(accuracy > best + hits or macro_f1 > chance + f1)


def least_gain(entropy: float, n: int) -> float:
    """Share of the labels' entropy (nats) that must go, on `n` images.

    Twice the nats gained over all images are chi-squared with one degree of freedom where nothing
    was learned (one slope is fitted, Wilks 1938); they must exceed `REACH` squared.
    """
    return max(LEAST_GAIN, REACH**2 / (2 * n * entropy)) if entropy > 0 else np.inf
