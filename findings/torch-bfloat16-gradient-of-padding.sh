#!/usr/bin/env bash
# torch on a CPU: bfloat16 weight gradients of taps that see only padding are whatever memory
# held.
#
# Versions    torch 2.14.1, processors with AVX-512 BF16 (2026-11-28, AMD Zen 4); 2.15.0 does the
#             same. Elsewhere the script says "not applicable here". On processors with AMX oneDNN
#             would take another kernel: the script asks for that of AVX-512 BF16, and AMX itself
#             is untried.
# Behaviour   A 3x3 convolution, stride 2, padding 1, on a map of one pixel: only the middle tap
#             ever meets the map, so the gradient of the eight others is exactly 0. In bfloat16
#             two of them take what lay in memory for the padding's pixels: if the script fills
#             memory with 7 and frees it, they become 56, which is 7 times the 8 images. In
#             float32, or without oneDNN, they are 0. A 3x3 of stride 3 on two by two pixels does
#             the same.
# Guessed     0, or rounding errors of bfloat16.
# Why         Nothing fails: the taps do not move the loss at this size. But the gradient's norm
#             is then arbitrary (also inf or NaN), so clipping by norm spoils every weight of the
#             net; and whoever trains on with larger images has taps that garbage has moved.
# Known       Not found. Others of the kind: https://github.com/pytorch/pytorch/issues/25101
#             (oneDNN, edges of kernels), https://github.com/pytorch/pytorch/issues/163347
#             (bfloat16).
#
# Exit status: 0 as described or not applicable here, 1 otherwise, 2 where torch cannot be
# installed. Installs 5 GB of torch where pip finds no smaller one, for minutes.
set -euo pipefail
if ! grep -qs avx512_bf16 /proc/cpuinfo; then
    echo "not applicable here: this processor has no AVX-512 BF16, or does not say so"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 numpy==2.4.6 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys

import torch

ROUNDS, IMAGES, CHANNELS, PLANTED = 20, 8, 64, 7.0
SHAPE = (CHANNELS, CHANNELS, 3, 3)


def gradient(seed, dtype, with_onednn=True):
    """Of a convolution's weights, with memory of their size and a known content free to be taken."""
    torch.manual_seed(seed)
    image = torch.randn(IMAGES, CHANNELS, 1, 1).to(dtype)
    weight = torch.randn(SHAPE).to(dtype).requires_grad_()
    torch.backends.mkldnn.enabled = with_onednn
    out = torch.nn.functional.conv2d(image, weight, stride=2, padding=1)
    planted = [torch.full(SHAPE, PLANTED, dtype=dtype) for _ in range(8)]
    del planted
    out.sum().backward()
    return weight.grad.float()


def of_padding(grad):
    others = torch.ones(3, 3, dtype=torch.bool)
    others[1, 1] = False
    return grad[:, :, others]


def n_wrong(**how):
    """Gradients that are not 0 where the tap sees only padding: per round."""
    return [int((of_padding(gradient(seed, **how)) != 0).sum()) for seed in range(ROUNDS)]


print(f"versions: torch {torch.__version__}")
wrong = n_wrong(dtype=torch.bfloat16)
of_planted = of_padding(gradient(0, torch.bfloat16)) == IMAGES * PLANTED
right = gradient(0, torch.float32).norm()
norms = [float(gradient(seed, torch.bfloat16).norm()) for seed in range(3)]
print(f"seen: of {8 * CHANNELS**2} gradients that must be 0, not 0 by round: {wrong}")
n_planted = int(of_planted.sum())
print(f"seen: once more, {n_planted} are {IMAGES * PLANTED}: {IMAGES} times {PLANTED} of free memory")
print(f"seen: norms of the gradient {[f'{x:.4g}' for x in norms]}; in float32 {right:.4g}")
plain = n_wrong(dtype=torch.float32)
without = n_wrong(dtype=torch.bfloat16, with_onednn=False)
print(f"guessed: 0 in every round, as in float32 ({max(plain)}) and without oneDNN ({max(without)})")
print("why: clipping by norm and NaN checks read these numbers, and weights move by them")

as_described = max(wrong) > 0 and max(plain) == 0 and max(without) == 0
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py
