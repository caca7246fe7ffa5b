#!/usr/bin/env bash
# torchvision turns white to black where it makes bytes of half-precision pictures.
#
# Versions    torchvision 0.29.1, torch 2.14.1 (2026-11-28, x86; v1's `convert_image_dtype` too).
# Behaviour   `to_dtype(picture, torch.uint8, scale=True)` multiplies by 255.999 in the picture's
#             own precision. In float16 and bfloat16 this is 256, which as a byte is 0: all 255
#             other levels come back within one, white comes back black. `equalize`, and with it
#             RandomEqualize, RandAugment, AutoAugment and TrivialAugment, goes through bytes
#             inside: of a half-precision picture it blackens what is white, and returns floats.
# Guessed     255; levels may be off by one, since half precision rounds.
# Why         Augmentation on a GPU in half precision, and pictures that are stored as bytes after
#             it, have black where teeth, paper and burnt-out skies were. float32 and uint8 are
#             right, so that a test of the same pipeline on a CPU sees nothing.
# Known       Open since 2022: https://github.com/pytorch/vision/issues/6799; a change is proposed,
#             https://github.com/pytorch/vision/pull/9485. Neither speaks of `equalize`.
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

import torch
import torchvision
from torchvision.transforms.v2.functional import equalize, to_dtype

KINDS = (torch.float32, torch.float16, torch.bfloat16)
LEVELS = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).expand(3, 16, 16)


def there_and_back(kind):
    """The byte that white becomes, and by how much others are off at most."""
    back = to_dtype(to_dtype(LEVELS, kind, scale=True), torch.uint8, scale=True)
    off = (back.int() - LEVELS.int()).abs()
    return int(back[0, -1, -1]), int(off[LEVELS < 255].max())


def equalized(picture):
    """White of an equalised picture, which is white in the same place, and what is second."""
    out = equalize(picture)
    scale = 255 if out.dtype == torch.uint8 else 1
    return float(out[0, -1, -1]) / scale, float(out[0, -1, -2]) / scale


print(f"versions: torchvision {torchvision.__version__}, torch {torch.__version__}")
back = {kind: there_and_back(kind) for kind in KINDS}
for kind, (white, off) in back.items():
    print(f"seen: by way of {kind}: white 255 comes back as {white}, others off by up to {off}")
pictures = {torch.uint8: LEVELS} | {kind: to_dtype(LEVELS, kind, scale=True) for kind in KINDS}
flat = {kind: equalized(picture) for kind, picture in pictures.items()}
for kind, (white, second) in flat.items():
    print(f"seen: equalize of {kind}: white is {white:.3f}, the level below it {second:.3f}")
print("guessed: 255 and 1.000 in each")
print("why: in half precision what is burnt out turns black, and only there")

half = (torch.float16, torch.bfloat16)
as_described = (
    back[torch.float32] == (255, 0)
    and all(back[kind][0] == 0 and back[kind][1] <= 1 for kind in half)
    and all(flat[kind][0] == 1 for kind in (torch.uint8, torch.float32))
    and all(flat[kind][0] == 0 and flat[kind][1] > 0.98 for kind in half)
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py
