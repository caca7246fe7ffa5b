#!/usr/bin/env bash
# torch on a CPU: gradients of LayerNorm stop growing at 256 rows, under autocast too.
#
# Versions    torch 2.14.1 (2026-11-28, AMD Zen 4; one thread).
# Behaviour   The gradient of a LayerNorm's bias is the sum over rows. Of 4,096 rows that give 1
#             each it is 256 where the input is bfloat16, and 2,048 where it is float16, because
#             the sum is kept in that format, row by row: 256 + 1 is 256. So under autocast, where
#             weight, bias and their gradients are float32. Of rows that differ in sign it is a
#             third off at 65,536 rows, and with two threads, which sum apart, it is another
#             number. Linear, GroupNorm and BatchNorm sum in float32. Embedding's gradient,
#             `index_add_`, and `segment_reduce`, whose mean of 4,096 ones is 0.0625, have the
#             same.
# Guessed     4,096: half precision rounds a result, but sums are kept in float32, as `sum`, `mean`
#             and the other layers have it, and as LayerNorm has on a GPU; a gradient of kind
#             float32 has the precision of float32.
# Why         The sum has as many rows as there are places in all pictures of a batch. A ConvNeXt
#             under autocast, 32 pictures of 96 pixels, has gradients of norms that are off by 13 %
#             in the mean and 54 % at most, other weights' by 1 to 2 %: norms learn slower the
#             larger batch and picture are. A ViT has none of it under autocast, as its norms get
#             float32.
# Known       Not found. It was said to be always in float32
#             (https://github.com/mlfoundations/open_clip/pull/850). Of embeddings on other
#             devices: https://github.com/tenstorrent/tt-metal/pull/53386.
#
# Exit status: 0 as described, 1 otherwise, 2 where torch cannot be installed. Installs 5 GB of
# torch where pip finds no smaller one, for minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 numpy==2.4.6 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys

import torch
from torch import nn

ROWS = 4096
HALF = (torch.bfloat16, torch.float16)
torch.set_num_threads(1)


def sums(layer, dtype, autocast):
    """The gradient of the bias over rows that give 1 each, and its format."""
    rows = torch.tensor([1.0, -1.0], dtype=dtype).expand(ROWS, 2)
    if not autocast:
        layer = layer.to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        out = layer(rows)
    out.backward(torch.ones_like(out))
    return layer.bias.grad[0].item(), layer.bias.grad.dtype


def off(n_rows):
    """Relative error of the bias's gradient where rows differ in sign, under autocast."""
    drawn = torch.Generator().manual_seed(0)
    rows, given = (torch.randn(n_rows, 64, generator=drawn).bfloat16() for _ in range(2))
    norm = nn.LayerNorm(64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        norm(rows).backward(given)
    exact = given.double().sum(0)
    return float((norm.bias.grad - exact).norm() / exact.norm())


def embedded(dtype):
    table = nn.Embedding(2, 1).to(dtype)
    table(torch.zeros(ROWS, dtype=torch.long)).backward(torch.ones(ROWS, 1, dtype=dtype))
    return table.weight.grad[0].item()


def mean_of_ones(dtype):
    ones = torch.ones(ROWS, dtype=dtype)
    return torch.segment_reduce(ones, "mean", lengths=torch.tensor([ROWS])).item()


print(f"versions: torch {torch.__version__}")
mixed, kind = sums(nn.LayerNorm(2), torch.bfloat16, autocast=True)
plain = {dtype: sums(nn.LayerNorm(2), dtype, autocast=False)[0] for dtype in HALF}
full = sums(nn.LayerNorm(2), torch.float32, autocast=False)[0]
linear = sums(nn.Linear(2, 2), torch.bfloat16, autocast=False)[0]
torch.set_num_threads(2)
threaded, _ = sums(nn.LayerNorm(2), torch.bfloat16, autocast=True)
torch.set_num_threads(1)
errors = {n_rows: off(n_rows) for n_rows in (256, 65_536)}
tables = {dtype: embedded(dtype) for dtype in HALF}
means = {dtype: mean_of_ones(dtype) for dtype in HALF}
print(f"seen: the sum of {ROWS} ones in a LayerNorm under autocast: {mixed}, as {kind}")
print(f"seen: the same with two threads: {threaded}")
print(f"seen: in half precision throughout: {plain}")
print(f"seen: relative error of rows that differ in sign: {errors}")
print(f"seen: of an Embedding: {tables}; mean of {ROWS} ones by segment_reduce: {means}")
print(f"guessed: {ROWS}, as in float32 ({full}) and of a Linear in bfloat16 ({linear}); 1")
print("why: norms learn by sums that lack most of their rows")

as_described = (
    (mixed, kind) == (256, torch.float32)
    and plain == {torch.bfloat16: 256, torch.float16: 2048}
    and full == linear == ROWS
    and threaded != mixed
    and errors[256] < 0.05
    and errors[65_536] > 0.2
    and tables == plain
    and means[torch.bfloat16] == 256 / ROWS
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
