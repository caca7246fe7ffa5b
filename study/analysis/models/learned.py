"""Whether a net learned anything: one that did not tells nothing of a factor."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agecls.intervals import Array
from study.analysis.models.scoring import temperature, tempered

LEAST_GAIN: Final = 0.05
"""Share of the labels' entropy that a net must take away. Of twenty nets on real faces nineteen
took 11 to 24 %, one that named few classes almost at random 1 % (results/korean-32)."""

REACH: Final = 3.0
"""Standard errors around the commonest class's share within which an accuracy says nothing."""


def has_learned(labels: NDArray[np.int64], probabilities: Array) -> bool:
    """Whether a net's answers are better than naming how common each class is.

    No where both its accuracy is no better than three standard errors above the commonest class's
    share, and its loss, at the temperature that suits it best, is less than 5 % below the
    labels' entropy. A rare class that is well told apart may show in only one of the two.

    Args:
        labels: True classes (N,), N > 0.
        probabilities: (N, K).
    """
    shares = np.bincount(labels, minlength=probabilities.shape[1]) / len(labels)
    commonest = shares.max()
    error = np.sqrt(commonest * (1 - commonest) / len(labels))
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    if accuracy > commonest + REACH * error:
        return True
    entropy = -float(shares[shares > 0] @ np.log(shares[shares > 0]))
    warm = tempered(probabilities, temperature(labels, probabilities))
    of_truth = warm[np.arange(len(labels)), labels]
    loss = -float(np.log(np.maximum(of_truth, np.finfo(float).tiny)).mean())
    return loss < (1 - LEAST_GAIN) * entropy
