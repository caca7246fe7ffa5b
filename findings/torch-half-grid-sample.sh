#!/usr/bin/env bash
# torch on a CPU: half-precision grid_sample reads another picture once a plane has 32,768 pixels.
#
# Versions    torch 2.14.1, torchvision 0.29.1 (2026-11-28, AMD Zen 4 with AVX-512; the same with
#             ATEN_CPU_CAPABILITY=avx2 and =default).
# Behaviour   Pictures of 200 x 200, each of one colour, sampled where they are (the identity). In
#             bfloat16 and float16 the last 36 rows of each, and a part of one more, come from the
#             picture before it in memory: places within a plane seem to be counted in integers as
#             narrow as the pixels, 16 bits, so that 32,768 becomes -32,768. 181 x 181 (32,761) is
#             right, 182 x 182 is not. Channels-last pictures count all channels of a row: 16
#             channels of 46 x 46 suffice. Bilinear, nearest and bicubic alike; in float32,
#             also under autocast, it is right. torchvision's rotate, affine, perspective and
#             elastic sample so, too. No error, no warning.
# Guessed     Rounding: half precision cannot say where between two pixels of a large picture one
#             is. The values themselves would be those of this picture.
# Why         Pictures of 224 x 224 that are turned after ToDtype(bfloat16), and spatial
#             transformers in nets cast to bfloat16, have a quarter of their neighbour. What lies
#             before the first picture of a batch is no picture: here each batch starts behind one.
# Known       Not found. Precision of coordinates: https://github.com/pytorch/pytorch/issues/96429;
#             float32 beyond 2**31 falls back since https://github.com/pytorch/pytorch/pull/41923.
#
# Exit status: 0 as described, 1 otherwise, 2 where torch cannot be installed. Installs 5 GB of
# torch where pip finds no smaller one, for minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 torchvision==0.29.1 numpy==2.4.6 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys

import torch
import torch.nn.functional as F
from torchvision.transforms.v2.functional import rotate


def pictures(side, dtype):
    """Two pictures of the colours 2 and 3; before them in memory lies one of colour 1."""
    colours = torch.arange(1.0, 4.0).view(3, 1, 1, 1)
    return colours.expand(3, 1, side, side).to(dtype).contiguous()[1:]


def sampled(side, dtype, mode):
    """Rows of the last picture that are not its own colour, and the colours that they have."""
    batch = pictures(side, dtype)
    identity = torch.eye(2, 3).expand(2, 2, 3)
    grid = F.affine_grid(identity, list(batch.shape), align_corners=False).to(dtype)
    out = F.grid_sample(batch, grid, mode=mode, padding_mode="border", align_corners=False)
    last = out[1, 0].float()
    foreign = (last - 3).abs() > 0.5
    return int(foreign.any(dim=1).sum()), last[foreign].unique().tolist()


print(f"versions: torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
print("of the last of two pictures, whose colour is 3, behind one of colour 2:")
seen = {}
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    for side in (181, 182, 200):
        for mode in ("bilinear", "nearest"):
            rows, colours = seen[dtype, side, mode] = sampled(side, dtype, mode)
            print(f"seen: {dtype} {side} px {mode}: {rows} rows are not 3 but {colours}")
turned = rotate(pictures(200, torch.bfloat16), 10.0)[1].float()
n_turned = int((turned.sub(2).abs() < 0.5).sum())
print(f"seen: torchvision's rotate by 10 degrees: {n_turned} pixels are of the colour 2")
print("guessed: no row; coordinates may be blurred, but every pixel of that picture is 3")
wrong = {key: rows > 0 for key, (rows, _) in seen.items()}
expected = {key: key[0] != torch.float32 and key[1] > 181 for key in seen}
theirs = all(2.0 in seen[d, 200, "nearest"][1] for d in (torch.bfloat16, torch.float16))
as_described = wrong == expected and theirs and n_turned > 0
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py
