#!/usr/bin/env bash
# scikit-learn's temperature is wrong for nets that are too sure, if they tell probabilities.
#
# Versions    scikit-learn 1.9.1 (2026-11-28).
# Behaviour   `CalibratedClassifierCV(method="temperature")` takes `decision_function` where a
#             classifier has one, and else the logarithm of `predict_proba`, to which 1e-12 is
#             added. A net whose logits are 20 times too large has most of its probabilities below
#             that: what was -100 or -60 becomes -27.6. By its probabilities the same net gets a
#             temperature of 14.6 instead of 21.0, and of 18 instead of 63 where they are 60 times
#             too large; the loss on held-out rows, 1.714 by logits, is then 1.76 and 1.84 (2.08
#             would be chance). Of logits 5 times too large nothing is seen.
# Guessed     The same whichever of the two a classifier has, since softmax forgets nothing that
#             matters to a temperature; and that the method works best where a net is surest.
# Why         Wrappers of nets have `predict_proba` alone, and whoever calibrates does so since the
#             net is too sure. What comes out is better than before, so that it looks done.
# Known       Not found as an issue. That logits be computed in one way is proposed:
#             https://github.com/scikit-learn/scikit-learn/pull/34313.
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
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

CLASSES, ROWS = 8, 4000
drawn = np.random.default_rng(0)
TRUE = drawn.normal(size=(ROWS, CLASSES))
LABELS = np.array([drawn.choice(CLASSES, p=row) for row in softmax(TRUE, axis=1)])
HALF = ROWS // 2


class Net(ClassifierMixin, BaseEstimator):
    """Its logits are the true ones, `times` too large."""

    def __init__(self, times=1):
        self.times = times

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        return softmax(self.times * x, axis=1)

    def predict(self, x):
        return x.argmax(1)


class TellsLogits(Net):
    def decision_function(self, x):
        return self.times * x


def calibrated(kind, times):
    """The temperature of one half of the rows, and the loss on the other."""
    net = FrozenEstimator(kind(times).fit(TRUE, LABELS))
    cure = CalibratedClassifierCV(net, method="temperature").fit(TRUE[:HALF], LABELS[:HALF])
    beta = cure.calibrated_classifiers_[0].calibrators[0].beta_
    return 1 / float(beta), log_loss(LABELS[HALF:], cure.predict_proba(TRUE[HALF:]))


warnings.simplefilter("error")  # it says nothing
print(f"versions: scikit-learn {sklearn.__version__}; chance {np.log(CLASSES):.3f}")
told, logits = {}, {}
for times in (5, 20, 60):
    told[times], logits[times] = calibrated(Net, times), calibrated(TellsLogits, times)
    print(f"seen: logits {times} times too large:")
    for way, (temperature, loss) in (("probabilities", told[times]), ("logits", logits[times])):
        print(f"      by {way}: temperature {temperature:.1f}, loss {loss:.3f}")
print("guessed: the same by either")
print("why: a net that is too sure stays so, and no message says that its logits were cut off")

as_described = (
    np.allclose(told[5], logits[5], rtol=1e-3)
    and told[20][0] < 0.8 * logits[20][0]
    and told[60][0] < 0.4 * logits[60][0]
    and logits[60][1] + 0.04 < told[20][1] < told[60][1]
    and np.isclose(logits[20][1], logits[60][1])
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
