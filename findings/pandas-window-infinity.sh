#!/usr/bin/env bash
# pandas' windows do not see infinity: means, maxima and exponential averages pass over it.
#
# Versions    pandas 3.1.1, polars 2.1.0 (for the comparison) (2026-11-28).
# Behaviour   Losses 1, 1, inf, 1, 1. `rolling`, `expanding` and `ewm` take inf for a missing
#             value, in every statistic: `ewm(alpha=0.5).mean()` is 1 throughout,
#             `expanding().max()` is 1 where `cummax()` is inf, `rolling(2).max()` is NaN where inf
#             is in the window, and with `min_periods=1` it is 1. But `count()` counts it, and
#             `mean()`, `max()` and `cummax()` of the same numbers without a window are inf, as
#             polars has it in windows too.
# Guessed     inf: it is a number; the option that called it missing is gone since pandas 3.
# Why         The smoothed curve of a training that overflowed runs on as if nothing had been;
#             "worst so far" is never worse than the worst finite one.
# Known       Open: https://github.com/pandas-dev/pandas/issues/57549 (windows of a time span),
#             which a comment traces to one line for all windows.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. Under a
# minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pandas==3.1.1 polars==2.1.0 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import math
import sys
import warnings

import pandas as pd
import polars as pl

warnings.simplefilter("error")  # it says nothing
LOSSES = [1.0, 1.0, math.inf, 1.0, 1.0]
losses, theirs = pd.Series(LOSSES), pl.Series(LOSSES)
print(f"versions: pandas {pd.__version__}, polars {pl.__version__}")

seen = {
    "smoothed": losses.ewm(alpha=0.5).mean(),
    "worst so far": losses.expanding().max(),
    "mean so far": losses.expanding().mean(),
    "of two": losses.rolling(2).max(),
    "of up to two": losses.rolling(2, min_periods=1).max(),
}
guessed = {
    "smoothed": theirs.ewm_mean(alpha=0.5),
    "worst so far": losses.cummax(),
    "mean so far": losses.cumsum() / [1, 2, 3, 4, 5],
    "of two": theirs.rolling_max(2),
    "of up to two": theirs.rolling_max(2, min_samples=1),
}
counted = losses.rolling(2, min_periods=1).count().tolist()
for name, values in seen.items():
    print(f"seen: {name}: {values.tolist()}; guessed: {guessed[name].to_list()}")
print(f"seen: numbers in windows of up to two: {counted}, inf among them")
print(f"seen: mean and maximum without a window: {losses.mean()}, {losses.max()}")
print("why: the curve of a training that overflowed looks sound")

as_described = (
    all(values.tolist() == [1] * len(LOSSES) for name, values in seen.items() if name != "of two")
    and seen["of two"].isna().tolist() == [True, False, True, True, False]
    and all(values.to_list()[2] == math.inf for values in guessed.values())
    and counted == [1, 2, 2, 2, 2]
    and losses.mean() == losses.max() == math.inf
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
