"""The recipe of each row of a settling design: what claims do not fix is set by the search.

Each side of a claim is to be tuned, and nothing is to vary by chance. So the remaining factors
start at one setting for all rows, the one with the highest posterior mean over them, and a row
leaves it only where the surface is more than one posterior sd sure that the row gains. A rate
stays a third of its range below where trainings begin to collapse.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from study.analysis.maths.basis import build_basis
from study.analysis.maths.box import Array, Axis, Box, coordinates_of, drop_absent, encode
from study.analysis.maths.effects import Surface, SurfaceFit
from study.analysis.search.chosen import choose
from study.analysis.search.collapse import Collapse
from study.analysis.search.frames import Frames, tidy
from study.analysis.search.marginals import describe
from study.asked.factors import Level
from study.asked.study import Study, arm_name, complete
from study.plan.design import value_at

CLIFF: Final = 0.2
"""Probability of collapse from which on a rate is too high."""

DISTANCE: Final = 1 / 3
"""Of the range: how far below the cliff a rate stays."""

_CANDIDATES: Final = 200
_SWEEPS: Final = 3
_RATE: Final = "lr"


def row_recipes(
    study: Study,
    trials: pd.DataFrame,
    epochs: pd.DataFrame,
    levels: Sequence[dict[str, Level]],
    *,
    seed: int,
) -> tuple[dict[str, Level], ...] | None:
    """A configuration of every factor that exists, for each row; None if no trial ran to its end.

    Too few trials for a surface: the remaining factors are those of the configuration that the
    confirm stage would choose, the best one of all arms.

    Args:
        study: The study file.
        trials: As `trials.parquet`.
        epochs: As `epochs.parquet`.
        levels: Of each row, what the design fixes.
        seed: Of the surface's draws.
    """
    frames = tidy(study, trials, epochs)
    box = frames.box
    named = {axis.name for axis in box.axes}
    held = np.array(
        [
            coordinates_of(box, {name: v for name, v in row.items() if name in named})
            for row in levels
        ]
    )
    rng = np.random.default_rng(seed)
    if frames.untold is None and box.axes:
        x = _tuned(_surface(frames, rng), held, rng)
    elif choices := choose(study, trials, epochs, seed=seed):
        best = max(choices, key=lambda choice: choice.judged)
        common = encode(box, pd.DataFrame([best.config]))[0][0]
        x = _filled(held, np.where(np.isnan(common), _middle(box), common))
    else:
        return None
    x = drop_absent(box.axes, _below_the_cliff(frames, drop_absent(box.axes, x), levels))
    return tuple(_recipe(study, box, at, row) for at, row in zip(x, levels, strict=True))


def _surface(frames: Frames, rng: np.random.Generator) -> Surface:
    """The response of trials that ran to their end."""
    full = frames.rows("full")
    value = frames.trials["value"].to_numpy(dtype=float)[full]
    seen = np.ones(len(value), dtype=bool)
    basis, blocks = build_basis(frames.box, n_blocks=frames.n_folds), frames.folds[full]
    return SurfaceFit()(basis, frames.x[full], value[:, None], seen, rng, blocks=blocks)


def _tuned(surface: Surface, held: Array, rng: np.random.Generator) -> Array:
    """Coordinates (R, axes): a common setting of what is not held, left where a row surely gains.

    Args:
        surface: Over the box.
        held: (R, axes), NaN where a row is free.
        rng: Of the settings that the common one starts from.
    """
    box, mean = surface.basis.box, surface.fitted.mean

    def worth(setting: Array) -> float:
        x = drop_absent(box.axes, _filled(held, setting))
        return float((surface.basis.matrix(x) @ mean).mean())

    tries = box.sample(_CANDIDATES, rng)
    tries = np.where(np.isnan(tries), _middle(box), tries)
    common = max(tries, key=worth)
    for _ in range(_SWEEPS):
        for i, axis in enumerate(box.axes):
            common = max((_moved(common, i, to) for to in _grid(axis)), key=worth)
    x = _filled(held, common)
    for _ in range(_SWEEPS):
        for i, axis in enumerate(box.axes):
            for row in np.flatnonzero(np.isnan(held[:, i])):
                x[row] = _where_surely_better(surface, x[row], i, _grid(axis))
    return x


def _where_surely_better(surface: Surface, x: Array, axis: int, grid: Array) -> Array:
    """The row (axes,) with one coordinate at its best, if that is sure to gain; else as it is."""
    axes = surface.basis.box.axes
    tries = np.array([x, *(_moved(x, axis, to) for to in grid)])
    design = surface.basis.matrix(drop_absent(axes, tries))
    gained = design - design[0]
    mean = gained @ surface.fitted.mean
    best = int(mean.argmax())
    spread = float((surface.weights @ gained[best]).std())
    return np.asarray(tries[best] if mean[best] > spread else x)


def _grid(axis: Axis) -> Array:
    """Coordinates that are tried of a factor."""
    if not axis.is_numeric:
        return np.arange(len(axis.factor.levels), dtype=float)
    n = axis.steps or 11
    return (np.arange(n) + 0.5) / n if axis.steps else np.linspace(0, 1, n)


def _middle(box: Box) -> Array:
    """A coordinate for each factor that would otherwise have none."""
    return np.array([0.5 if axis.is_numeric else 0.0 for axis in box.axes])


def _filled(held: Array, setting: Array) -> Array:
    return np.where(np.isnan(held), setting, held)


def _moved(setting: Array, axis: int, to: float) -> Array:
    moved = setting.copy()
    moved[axis] = to
    return moved


def _below_the_cliff(frames: Frames, x: Array, levels: Sequence[dict[str, Level]]) -> Array:
    """The rows with a rate no higher than `DISTANCE` below where its arm begins to collapse."""
    box = frames.box
    place = next((i for i, axis in enumerate(box.axes) if axis.name == _RATE), None)
    if place is None or not box.axes[place].is_numeric:
        return x
    curves = Collapse(factor=_RATE)(frames)
    curves = curves[(curves["n_collapsed"] > 0) & (curves["probability"] >= CLIFF)]
    x = x.copy()
    for row, fixed in zip(range(len(x)), levels, strict=True):
        applies = [i for i in box.axes[place].intervals if i.condition.holds(x[row : row + 1])[0]]
        if not applies:
            continue
        is_here = curves["arm"] == arm_name(frames.study, fixed)
        is_here &= curves["where"] == describe(box, applies[0].condition)
        too_high = curves.loc[is_here, "value"]
        if len(too_high):
            lowest, low, high = too_high.min(), applies[0].low, applies[0].high
            lowest = np.log(lowest) if box.axes[place].factor.log else lowest
            cliff = (lowest - low) / (high - low)
            x[row, place] = min(x[row, place], max(cliff - DISTANCE, 0.0))
    return x


def _recipe(study: Study, box: Box, x: Array, fixed: dict[str, Level]) -> dict[str, Level]:
    """The configuration at coordinates (axes,); what the design fixes is taken as it is."""
    values = {f.name: f.levels[0] for f in study.of_role("fixed")} | fixed
    place = {axis.name: i for i, axis in enumerate(box.axes)}
    for factor in study.by_dependency:
        if factor.name in values or not factor.exists(values):
            continue
        # what cannot vary, such as a range without width, is no axis
        at = float(x[place[factor.name]]) if factor.name in place else 0.0
        if factor.is_numeric:
            applies = factor.range_for(values)
            assert applies is not None  # it exists
            values[factor.name] = value_at(factor, applies, at)
        else:
            values[factor.name] = factor.levels[int(at)]
    return complete(study, values)
