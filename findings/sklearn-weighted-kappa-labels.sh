#!/usr/bin/env bash
# scikit-learn's weighted kappa measures distances between the classes that occur, not between
# labels.
#
# Versions    scikit-learn 1.9.1 (2026-11-28).
# Behaviour   `cohen_kappa_score(..., weights="quadratic")` numbers the labels that occur 0, 1, 2,
#             and so on, and weighs by these numbers. Of classes 0 to 7 a fold holds 0, 1 and 7:
#             taking 7 for 1 then costs as much as taking 1 for 0. Kappa is 0.833 whether the
#             model confuses 0 with 1 or 1 with 7; by the labels it is 0.988 and 0.581. One more
#             row, of class 3 and right, among 180 lifts the first to 0.929. `labels=range(8)`
#             puts it right.
# Guessed     Labels that are numbers count as numbers, as in the definition of kappa; a class
#             without a row changes nothing; no row that is right moves the score by a tenth.
# Why         Folds, small test sets and bootstrap resamples lack classes, so their kappas are on
#             different scales and their mean and interval mix them. No warning says so.
# Known       Not found as an issue. The docstring says of `labels` that those which occur are
#             taken where none are given; the weights came with
#             https://github.com/scikit-learn/scikit-learn/pull/6444.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. Under a
# minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q scikit-learn==1.9.1 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys
import warnings

import numpy as np
import sklearn
from sklearn.metrics import cohen_kappa_score

CLASSES = range(8)
HELD = np.repeat([0, 1, 7], 60)


def confusing(one, other):
    """Predictions of HELD, where a third of two classes is taken for the other one."""
    said = HELD.copy()
    said[np.flatnonzero(HELD == one)[:20]] = other
    said[np.flatnonzero(HELD == other)[:20]] = one
    return said


def kappa(held, said, **how):
    return float(cohen_kappa_score(held, said, weights="quadratic", **how))


def by_definition(held, said):
    """One minus the squared distance over that of all pairs of a label held and a label said."""
    return float(1 - np.mean((held - said) ** 2) / np.mean(np.subtract.outer(held, said) ** 2))


print(f"versions: scikit-learn {sklearn.__version__}")
near, far = confusing(0, 1), confusing(1, 7)
with warnings.catch_warnings():
    warnings.simplefilter("error")  # it says nothing
    seen = [kappa(HELD, near), kappa(HELD, far), kappa(np.append(HELD, 3), np.append(near, 3))]
named = [kappa(HELD, near, labels=CLASSES), kappa(HELD, far, labels=CLASSES)]
guessed = [by_definition(HELD, near), by_definition(HELD, far)]
one_more = by_definition(np.append(HELD, 3), np.append(near, 3))
print(f"seen: 0 and 1 confused {seen[0]:.3f}; 1 and 7 confused {seen[1]:.3f}")
print(f"guessed: {guessed[0]:.3f} and {guessed[1]:.3f}")
print(f"as guessed, with labels=range(8): {named[0]:.3f} and {named[1]:.3f}")
print(f"seen: one more row, of class 3 and right: {seen[2]:.3f}; guessed {one_more:.3f}")
print("why: folds and resamples that lack classes are scored on other scales")

as_described = (
    np.allclose(named, guessed)
    and np.isclose(seen[0], seen[1])
    and seen[0] < guessed[0] - 0.1
    and seen[1] > guessed[1] + 0.1
    and seen[2] > seen[0] + 0.05
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
