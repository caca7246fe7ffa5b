#!/usr/bin/env bash
# torch on a CPU: fused optimizers pair weights, gradients and momenta by their place in memory.
#
# Versions    torch 2.14.1 (2026-11-28, AMD Zen with AVX-512).
# Behaviour   A weight of 16 x 3 x 3 x 3 can lie in memory in two orders, contiguous or channels
#             last. `SGD`, `Adam`, `AdamW` and `Adagrad` with `fused=True` walk through the memory
#             of weight, gradient and state side by side: where these lie in different orders, a
#             weight is moved by the gradient and the momentum of another. Two ways there: a
#             checkpoint of a contiguous net is loaded into one that is channels last (the
#             momentum stays contiguous), and gradients of `torch.autograd.grad` that are put into
#             `.grad` (channels last as the images are, the weights contiguous). No error, no
#             warning; `fused=False` is right with both.
# Guessed     The same weights to rounding, or the refusal that a GPU's fused optimizers give:
#             "must have same dtype, device, and layout".
# Why         Training goes on and the loss still falls, only less: a resumed run differs from an
#             unbroken one by as much as another recipe would, and so do sharpness-aware and
#             per-task gradients, which are taken by `torch.autograd.grad`.
# Known       Not found for a CPU. The refusal on a GPU, open:
#             https://github.com/pytorch/pytorch/issues/106951. Of other fused optimizers:
#             https://github.com/ROCm/apex/pull/97.
#
# Exit status: 0 as described, 1 otherwise, 2 where torch cannot be installed. Installs 5 GB of
# torch where pip finds no smaller one, for minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 numpy==2.4.6 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import io
import sys

import torch
import torch.nn.functional as F
from torch import nn

CONTIGUOUS, LAST = torch.contiguous_format, torch.channels_last
OPTIMIZERS = {
    "SGD": lambda weights, fused: torch.optim.SGD(weights, 0.1, momentum=0.9, fused=fused),
    "AdamW": lambda weights, fused: torch.optim.AdamW(weights, 1e-3, fused=fused),
}
drawn = torch.Generator().manual_seed(1)
IMAGES = torch.randn(64, 3, 12, 12, generator=drawn, dtype=torch.float64)
LABELS = IMAGES.mean((2, 3)).argmax(1)


def net():
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 3)
    head = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3)]
    return nn.Sequential(first, nn.ReLU(), second, *head).double()


def trained(model, optimizer, n_steps, layout=CONTIGUOUS, by_hand=False):
    for _ in range(n_steps):
        loss = F.cross_entropy(model(IMAGES.contiguous(memory_format=layout)), LABELS)
        optimizer.zero_grad()
        if by_hand:
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            for weight, gradient in zip(model.parameters(), gradients):
                weight.grad = gradient
        else:
            loss.backward()
        optimizer.step()
    return torch.cat([weight.detach().reshape(-1) for weight in model.parameters()])


def resumed(kind, fused, layout):
    """Weights after 5 steps contiguous, a checkpoint, and 5 more steps in this layout."""
    model = net()
    optimizer = OPTIMIZERS[kind](model.parameters(), fused)
    trained(model, optimizer, 5)
    file = io.BytesIO()
    torch.save([model.state_dict(), optimizer.state_dict()], file)
    file.seek(0)
    of_model, of_optimizer = torch.load(file)
    model = net().to(memory_format=layout)
    optimizer = OPTIMIZERS[kind](model.parameters(), fused)
    model.load_state_dict(of_model)
    optimizer.load_state_dict(of_optimizer)
    return trained(model, optimizer, 5, layout)


def by_hand(kind, fused, layout):
    model = net()
    optimizer = OPTIMIZERS[kind](model.parameters(), fused)
    return trained(model, optimizer, 10, layout, by_hand=True)


print(f"versions: torch {torch.__version__}; all in float64")
as_described = True
for kind, make in OPTIMIZERS.items():
    start = net()
    before = torch.cat([weight.detach().reshape(-1) for weight in start.parameters()])
    unbroken = trained(start, make(start.parameters(), False), 10)
    moved = (unbroken - before).norm()
    for name, run in (("resumed", resumed), ("gradients by hand", by_hand)):
        off = {
            (fused, layout): float((run(kind, fused, layout) - unbroken).norm() / moved)
            for fused in (False, True)
            for layout in (CONTIGUOUS, LAST)
        }
        wrong = off.pop((True, LAST))
        print(f"seen: {kind}, {name}, channels last, fused: {wrong:.1%} of the way astray")
        print(f"      not fused or contiguous: {max(off.values()):.0e} of it; guessed for all")
        as_described &= wrong > 0.01 and max(off.values()) < 1e-6
print("why: resumed or hand-made gradients train another net, and nothing says so")

print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py
