import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from agecls.recipe import CHOICES, Recipe
from agecls.training.optimizers import build_optimizer
from agecls.training.state import start
from tests.agecls.tiny import shades

TINY = Recipe(depth=18, epochs=2, batch_size=16, lr=0.02)


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_norms_and_biases_are_not_decayed(optimizer):
    recipe = replace(TINY, optimizer=optimizer, lr=1e-3, weight_decay=0.1)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 8))
    built = build_optimizer(recipe, list(model.parameters()))

    for parameter in model.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    built.step()

    for name, parameter in model.named_parameters():
        is_decayed = (parameter < 1).all().item()
        assert is_decayed == (name in ("0.weight", "3.weight")), name


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("sgd", torch.optim.SGD),
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
    ],
)
def test_a_step_is_that_of_torchs_plain_optimizer(optimizer, expected):
    recipe = replace(TINY, optimizer=optimizer, lr=0.01, weight_decay=0.05, momentum=0.8)
    state = start(recipe, shades())
    parameters = list(state.model.parameters())
    plain = [nn.Parameter(parameter.detach().clone()) for parameter in parameters]
    groups = [
        {"params": [p for p in plain if p.ndim > 1], "weight_decay": 0.05},
        {"params": [p for p in plain if p.ndim == 1], "weight_decay": 0.0},
    ]
    if optimizer == "sgd":
        reference = expected(groups, lr=0.01, momentum=0.8, nesterov=True, foreach=False)
    else:
        reference = expected(groups, lr=0.01, betas=(0.8, 0.999), foreach=False)

    torch.manual_seed(0)
    for _ in range(3):
        for ours, theirs in zip(parameters, plain, strict=True):
            gradient = torch.randn_like(theirs)
            ours.grad, theirs.grad = gradient.clone(), gradient
        state.step()
        reference.step()

    assert all(parameter.grad is None for parameter in parameters)
    for ours, theirs in zip(parameters, plain, strict=True):
        torch.testing.assert_close(ours, theirs)


TRAINED = """
import sys
from pathlib import Path
from torch import Size
from agecls.nets.kernels.precision import convolves_right
from agecls.recipe import CHOICES, Recipe
from agecls.training.checkpoints import restore, save
from agecls.training.loop import fit, start
from tests.agecls.tiny import shades

path = Path(sys.argv[1])
for optimizer in CHOICES["optimizer"]:
    recipe = Recipe(depth=18, epochs=2, batch_size=16, lr=0.001, optimizer=optimizer, ema=0.9)
    state = start(recipe, shades())
    next(fit(state, shades()))
    save(path, state)
    assert len(list(fit(restore(path, recipe, shades()), shades()))) == 1
assert convolves_right(Size([4, 3, 3]), Size([8, 4, 3, 3]), 2)
print(sys.modules.keys() & {"torch._dynamo", "sympy"})
"""


def test_training_loads_no_compiler_nor_what_reckons_for_it(tmp_path):
    words = [sys.executable, "-c", TRAINED, str(tmp_path / "state.pt")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
