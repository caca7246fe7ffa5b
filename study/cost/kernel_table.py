"""Which kernels are the fastest for a net's convolutions on this CPU, and by how much."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import torch
from torch import nn

from agecls.nets.kernels.candidates import Shape
from agecls.nets.kernels.choice import (
    IMAGES,
    MOST_TIMED,
    PARTS,
    SWITCH,
    Choice,
    Row,
    is_timed,
    this_table,
    untimed,
)
from agecls.nets.kernels.convolution import convolutions
from agecls.recipe import Recipe
from agecls.training.loop import fit, start
from study.cost.measured import random_faces

HEADING: Final = "convolution: forward | gradient of the maps | gradient of the weights"


def kernel_lines(recipe: Recipe, size: int, threads: int) -> list[str]:
    """The fastest kernels by shape, with milliseconds; none for nets that have no choice.

    Trains a step, and times what was not timed before.

    Args:
        recipe: Says the net and the number format.
        size: Of images, pixels.
        threads: Of a trial.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        counts = _shapes(recipe, size)
        table = this_table()
        rows = {shape: table.row(shape) for shape in counts if shape.pixels <= MOST_TIMED}
    finally:
        torch.set_num_threads(before)
    if not rows:
        return []
    larger = counts.total() - sum(counts[shape] for shape in rows)
    return [
        f"kernels, milliseconds for {IMAGES} images on {threads} thread{'s' * (threads > 1)}; in "
        f"brackets what is taken by rule where that is another one",
        HEADING,
        *(_line(shape, counts[shape], row) for shape, row in rows.items()),
        *([f"{larger} with larger maps: not timed"] if larger else []),
        _advice(counts, rows),
        f"kept in {table.path}",
    ]


def _shapes(recipe: Recipe, size: int) -> Counter[Shape]:
    """How many convolutions of a net have which shape, in training."""
    data = random_faces(recipe.batch_size, size)
    state = start(recipe, data)
    next(fit(state, data))
    return _counted(state.model)


def _counted(net: nn.Module) -> Counter[Shape]:
    return Counter(shape for layer in convolutions(net) for shape in layer.choices)


def _line(shape: Shape, n: int, row: Row) -> str:
    outputs, inputs, side, _ = shape.weights
    maps = "x".join(map(str, shape.maps[1:]))
    to = "x".join(map(str, shape.sides))
    usual = untimed(shape)
    cells = [_cell(part, row, usual) for part in PARTS]
    layer = f"{n} of {side}x{side}, {inputs} to {outputs} channels, {maps} to {to}"
    return f"{layer}: {' | '.join(cells)}"


def _cell(part: str, row: Row, usual: Choice) -> str:
    chosen, by_rule, times = getattr(row.choice, part), getattr(usual, part), row.times[part]
    text = f"{chosen} {times[chosen]:.2f}"
    return text if chosen == by_rule else f"{text} ({by_rule} {_time(times, by_rule)})"


def _time(times: Mapping[str, float], kernel: str) -> str:
    return f"{times[kernel]:.2f}" if kernel in times else "wrong"


def _advice(counts: Counter[Shape], rows: Mapping[Shape, Row]) -> str:
    """What timed kernels save of a step, and how they are had."""
    fastest, by_rule = 0.0, 0.0
    for shape, row in rows.items():
        for part in PARTS:
            times = row.times[part]
            own = times[getattr(row.choice, part)]
            fastest += counts[shape] * own
            by_rule += counts[shape] * times.get(getattr(untimed(shape), part), own)
    how = f"{SWITCH}=timed is set" if is_timed() else f"{SWITCH}=timed takes them"
    return f"together {fastest:.1f} ms a step, {by_rule:.1f} ms by rule; {how}"
