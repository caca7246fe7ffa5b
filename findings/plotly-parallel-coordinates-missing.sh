#!/usr/bin/env bash
# Plotly's parallel coordinates draw a missing value as the number 0.
#
# Versions    plotly 7.1.0, kaleido 1.5.0, pillow 13.0.0 (2026-11-28), Chrome or Chromium of the
#             system.
# Behaviour   A row whose value is None or NaN is drawn through 0 of that axis, pixel for pixel as
#             if it were 0. Where the axis does not reach 0, the line leaves the plot, upwards or
#             downwards.
# Guessed     A gap, as Plotly's scatter plots and others have it for null: the figure carries
#             null, not 0.
# Why         A trial without the factor, or without a score, is seen to have the value 0, which
#             for many factors (dropout, weight decay) is one of the values on trial.
# Known       Open since 2019: https://github.com/plotly/plotly.js/issues/4341. Optuna leaves such
#             trials out of its figure for this: https://github.com/optuna/optuna/pull/3373.
#
# Exit status: 0 as described or not applicable here, 1 otherwise, 2 where the packages cannot be
# installed. About a minute.
set -euo pipefail
browser=
for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do
    browser=${browser:-$(command -v "$name" || true)}
done
if [ -z "$browser" ]; then
    echo "not applicable here: no Chrome or Chromium to draw the figure with"
    exit 0
fi
export BROWSER_PATH=$browser
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q plotly==7.1.0 kaleido==1.5.0 pillow==13.0.0 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import io
import sys

import plotly
import plotly.graph_objects as go
from PIL import Image, ImageChops

print(f"versions: plotly {plotly.__version__}")


def figure(values, ends):
    """Lines at 5 of the axes left and right, at the values in the middle."""
    sides = {"range": [-10, 10], "values": [5] * len(values)}
    middle = {"range": ends, "values": values}
    lines = go.Parcoords(
        line={"color": "black"},
        dimensions=[sides | {"label": "a"}, middle | {"label": "b"}, sides | {"label": "c"}],
    )
    return go.Figure(lines)


def drawn(values, ends=(-10, 10)):
    png = figure(values, list(ends)).to_image("png", width=600, height=400)
    return Image.open(io.BytesIO(png)).convert("RGB")


def are_same(one, other):
    return ImageChops.difference(one, other).getbbox() is None


carried = figure([5, None], [-10, 10]).to_plotly_json()["data"][0]["dimensions"][1]["values"]
print(f"the figure carries {carried}")
zero, alone = drawn([5, 0]), drawn([5])
none_is_zero = are_same(drawn([5, None]), zero)
nan_is_zero = are_same(drawn([5, float("nan")]), zero)
is_left_out = are_same(drawn([5, None]), alone)
is_drawn_off_axis = not are_same(drawn([5, None], ends=(4, 6)), drawn([5], ends=(4, 6)))
print(f"seen: None is drawn as 0: {none_is_zero}; NaN is: {nan_is_zero}; left out: {is_left_out}")
print(f"seen: on an axis from 4 to 6 it is drawn all the same: {is_drawn_off_axis}")
print("guessed: a gap in the line, or no line")
print("why: what has no value is seen to have the value 0")

as_described = none_is_zero and nan_is_zero and not is_left_out and is_drawn_off_axis
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
