#!/usr/bin/env bash
# torchvision's RandomErasing makes pictures of bytes black, with white specks, not noisy.
#
# Versions    torchvision 0.29.1, torch 2.14.1 (2026-11-28, x86; v1's class too).
# Behaviour   `v2.RandomErasing(value="random")` fills its rectangle with numbers drawn from a
#             normal distribution about 0, of deviation 1, whatever the picture is. Of a picture of
#             bytes they are cut to bytes: two thirds are 0, the others mostly 255 and 1. Of floats
#             from 0 to 1 half of them are below 0. Nothing warns.
# Guessed     Any of the values that a pixel may have, as the documentation says: "erasing each
#             pixel with random values"; v2's other transforms know bytes and floats apart.
# Why         v2's documentation has pictures as bytes for most of the way. A net that is trained
#             with noise over a part of a face is trained with a black patch, which is another
#             augmentation, and a comparison of both compares one with itself.
# Known       Not found. That it is meant for pictures that were normalised is said in the thread
#             in which it came: https://github.com/pytorch/vision/pull/909.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. Installs
# 5 GB of torch where pip finds no smaller one, for minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 torchvision==0.29.1 numpy==2.4.6 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys
import warnings

import torch
import torchvision
from torchvision import transforms as v1
from torchvision.transforms import v2

SIDE = 224
PLACE = {"p": 1, "scale": (0.5, 0.5), "ratio": (1, 1), "value": "random"}


def erased(kind, grey, dtype):
    """The pixels that a grey picture has in the rectangle."""
    torch.manual_seed(0)
    picture = torch.full((3, SIDE, SIDE), grey, dtype=dtype)
    out = kind(**PLACE)(picture)
    return out[out != picture].float()


def shares(pixels):
    """Of the commonest values, and how many values there are."""
    values, counts = pixels.unique(return_counts=True)
    order = counts.argsort(descending=True)
    of_all = {int(values[n]): float(counts[n] / counts.sum()) for n in order[:5]}
    return of_all, len(values)


warnings.simplefilter("error")  # it says nothing
print(f"versions: torchvision {torchvision.__version__}, torch {torch.__version__}")
seen = {}
for kind in (v2.RandomErasing, v1.RandomErasing):
    common, n_values = seen[kind] = shares(erased(kind, 128, torch.uint8))
    told = ", ".join(f"{value}: {share:.0%}" for value, share in common.items())
    print(f"seen: bytes, {kind.__module__}: {told}; {n_values} of 256 values")
floats = erased(v2.RandomErasing, 0.5, torch.float32)
below, above = float((floats < 0).float().mean()), float((floats > 1).float().mean())
print(f"seen: floats from 0 to 1: {below:.0%} are below 0, {above:.0%} above 1")
print("guessed: each of 256 values about as often, and floats from 0 to 1")
print("why: what is to be noise is a black patch with white specks")

as_described = (
    all(common[0] > 0.6 and n_values < 20 for common, n_values in seen.values())
    and 0.45 < below < 0.55
    and above > 0.1
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
