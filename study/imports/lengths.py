"""How far each trial was meant to go, and how far it went.

Tools disagree about what a completed trial is: Ray Tune tells Optuna that trials are complete
which its scheduler had stopped. A trial is complete here only if its curve came to its end: the
longest one of all, or the length that one of its own settings says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from study.imports.search import Search, State, Trial

MOST_EPOCHS: Final = 500
"""Steps of a curve that are kept; longer ones are thinned evenly."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Steps as epochs from 1: `epoch = (step + shift) / unit`, rounded up.

    Attributes:
        shift: 1 where steps count from 0.
        unit: Steps to an epoch.
    """

    shift: float
    unit: float

    def epoch(self, step: float) -> int:
        """The epoch that a step lies in."""
        return max(1, math.ceil((step + self.shift) / self.unit - 1e-9))


@dataclass(frozen=True, kw_only=True)
class Paced:
    """A trial with its curve over epochs.

    Attributes:
        trial: It.
        state: How it ended, seen from its length.
        planned: Epochs it was meant to go.
        run: Epochs that it went.
        curve: The metric by epoch.
    """

    trial: Trial
    state: State
    planned: int
    run: int
    curve: dict[int, float]


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """All trials with their lengths.

    Attributes:
        trials: In their order.
        epochs: The longest planned length.
        grid: From steps to epochs.
        by: The setting that says how long a trial is; None: none does.
        n_cut: Trials called complete which ended before their length.
    """

    trials: tuple[Paced, ...]
    epochs: int
    grid: Grid
    by: str | None
    n_cut: int


def with_lengths(search: Search, *, length: float | None = None) -> Lengths:
    """The trials of a search with their lengths.

    Args:
        search: It.
        length: Step at which a trial is at its end; None: the last one of the longest trial.
    """
    steps = sorted({step for trial in search.trials for step, _ in trial.curve})
    grid = _grid(steps)
    by = _length_setting(search.trials, grid) if length is None else None
    longest = grid.epoch(length if length is not None else steps[-1]) if steps else 1
    paced = [_paced(trial, grid, by, longest) for trial in search.trials]
    n_cut = sum((p.state, p.trial.state) == ("stopped", "completed") for p in paced)
    return Lengths(
        trials=tuple(paced),
        epochs=max((p.planned for p in paced), default=1),
        grid=grid,
        by=by,
        n_cut=n_cut,
    )


def _grid(steps: Sequence[float]) -> Grid:
    if not steps:
        return Grid(shift=0.0, unit=1.0)
    shift = 1.0 if steps[0] <= 0 else 0.0
    shifted = [step + shift for step in steps]
    unit = 1.0
    if all(step == int(step) for step in shifted):
        unit = float(math.gcd(*(int(step) for step in shifted)) or 1)
    elif shifted[-1] > MOST_EPOCHS or shifted[0] < 1:
        unit = shifted[-1] / min(len(shifted), MOST_EPOCHS)
    return Grid(shift=shift, unit=max(unit, unit * math.ceil(shifted[-1] / unit / MOST_EPOCHS)))


def _length_setting(trials: Sequence[Trial], grid: Grid) -> str | None:
    """A whole-numbered setting that no trial goes beyond and that trials of two values end at.

    Most may end before it, since they were stopped.
    """
    begun = [trial for trial in trials if trial.curve]
    for name in sorted({name for trial in begun for name in trial.params}):
        told = [trial.params.get(name) for trial in begun]
        if not all(isinstance(n, int) and not isinstance(n, bool) for n in told):
            continue
        # counted from 0, the last step is one below the length
        ends = [trial.curve[-1][0] + grid.shift for trial in begun]
        pairs = list(zip(ends, told, strict=True))
        is_bound = all(end <= float(n or 0) for end, n in pairs)
        if is_bound and len({n for end, n in pairs if end == n}) > 1:
            return name
    return None


def _paced(trial: Trial, grid: Grid, by: str | None, longest: int) -> Paced:
    curve = {grid.epoch(step): value for step, value in trial.curve}
    run, planned = max(curve, default=0), longest
    if by is not None and isinstance(own := trial.params.get(by), int):
        planned = grid.epoch(own - grid.shift)
    state = trial.state
    if run > planned:
        # it went on after the end that is asked about, where its value is looked at
        trial, state, run = replace(trial, value=None, error=""), "completed", planned
        curve = {epoch: value for epoch, value in curve.items() if epoch <= planned}
    elif not curve and trial.value is not None:
        run = planned  # only its end is known
    elif state == "completed" and run < planned:
        state = "stopped"
    return Paced(trial=trial, state=state, planned=planned, run=run, curve=curve)
