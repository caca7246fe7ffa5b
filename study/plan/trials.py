"""Which trial number is what, before any trial has run.

Trials go to the arms in turn (number modulo arms), so that every prefix is balanced. Inside an
arm come first the included configurations, then the design, then repeats of design configurations
with another seed, for the noise, then the search, which begins with the best recipes of an earlier
study where there is one. All but the rest of the search is decided here; the plan is the same for
the same study.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

from study.asked.factors import Level, holds
from study.asked.study import Study, arm_name, complete
from study.plan.design import draw_design
from study.plan.streams import Stream, added_design_generator, generator, training_seeds
from study.plan.turns import fold_turns

Origin = Literal["design", "search", "repeat", "scout", "confirm", "settle"]

_Decided = list[tuple[Origin, dict[str, Level]]]
"""An arm's trials that are known before the search, in order."""


@dataclass(frozen=True)
class PlannedTrial:
    """One trial to come.

    Attributes:
        number: From 0, in the order of starting.
        arm: The arm's name.
        cell: The arm factors' levels.
        origin: All but `search` trials run at full length and are never stopped; `confirm` and
            `settle` trials are of the stages after the search, `scout` trials of the one before
            it (`study.stages`).
        config: Every factor that exists, fixed ones too; None if the sampler will decide.
        seed: Root of the run's random streams, or what they belong to if `start_seed` is theirs.
        fold: What it is validated on, from 0, all other folds being trained on; None: the data's
            own train and val.
        start_seed: Root of the run's random streams; None: the seed is.
    """

    number: int
    arm: str
    cell: dict[str, Level]
    origin: Origin
    config: dict[str, Level] | None
    seed: int
    fold: int | None = None
    start_seed: int | None = None


def plan_trials(study: Study) -> tuple[PlannedTrial, ...]:
    """Every trial of the study, in the order of starting.

    More trials in the study file mean a larger design, hence another plan. `study.added` trials
    do not: they are at the end, search trials or designs of their own, and the plan before them
    stays as it was.
    """
    cells = study.arms
    names = [arm_name(study, cell) for cell in cells]
    decided = _decided(study)
    folds = _folds(study, decided)
    seeds = training_seeds(study, Stream.TRIAL_SEEDS, study.trials)
    undecided: tuple[Origin, None] = ("search", None)
    appended = _appended(study)
    trials = []
    for number in range(study.trials):
        turn, arm = divmod(number, len(cells))
        origin, config = decided[arm][turn] if turn < len(decided[arm]) else undecided
        fold = None if folds is None else _fold_at(turn, *folds[arm])
        if number in appended:
            origin, (config, fold) = "design", appended[number]
        trials.append(
            PlannedTrial(number, names[arm], dict(cells[arm]), origin, config, seeds[number], fold)
        )
    return tuple(trials)


def _appended(study: Study) -> dict[int, tuple[dict[str, Level], int | None]]:
    """Configuration and fold of each trial of a design that a resumed run appended, by number.

    Each is balanced in itself, and stays as it is whatever is appended after it.
    """
    n_arms = len(study.arms)
    found: dict[int, tuple[dict[str, Level], int | None]] = {}
    for first, many in study.added_design:
        rng = added_design_generator(study, first)
        numbers = [
            [n for n in range(first, first + many) if n % n_arms == arm] for arm in range(n_arms)
        ]
        designs = draw_design(study, [len(of_arm) for of_arm in numbers], rng)
        folds: list[list[int | None]] = [[None] * len(design) for design in designs]
        if study.folds is not None and study.folds.search:
            folds = [[*turns] for turns, _ in fold_turns(study, designs, study.folds.k, rng)]
        for of_arm, design, taken in zip(numbers, designs, folds, strict=True):
            found |= dict(zip(of_arm, zip(design, taken, strict=True), strict=True))
    return found


def _folds(study: Study, decided: Sequence[_Decided]) -> list[tuple[list[int], list[int]]] | None:
    """For each arm, the folds of its decided trials and those of its search; None: no folds."""
    if study.folds is None or not study.folds.search:
        return None
    known = [[config for _, config in trials] for trials in decided]
    return fold_turns(study, known, study.folds.k, generator(study, Stream.FOLD_TURNS))


def _fold_at(turn: int, decided: Sequence[int], circle: Sequence[int]) -> int:
    """The fold of an arm's trial."""
    if turn < len(decided):
        return decided[turn]
    return circle[(turn - len(decided)) % len(circle)]


def design_size(n_trials: int, share: float) -> tuple[int, int]:
    """How many of an arm's trials are new design configurations, and how many repeats of these.

    The share is rounded half up, but leaves at least one where the arm has two trials or more.
    One in eight of a design of four or more, at least one, is a repeat.
    """
    size = floor(share * n_trials + 0.5)
    if share > 0 and n_trials >= 2:
        size = max(size, 1)
    repeats = max(1, floor(size / 8 + 0.5)) if size >= 4 else 0
    return size - repeats, repeats


def _decided(study: Study) -> list[_Decided]:
    """For each arm, its trials that are decided before the search, in order."""
    rng = generator(study, Stream.DESIGN)
    cells, first = study.arms, study.trials - study.added
    full = [complete(study, config) for config in study.included]
    included = [[config for config in full if holds(cell, config)] for cell in cells]
    sizes = [
        design_size(len(range(arm, first, len(cells))) - len(included[arm]), study.design_share)
        for arm in range(len(cells))
    ]
    designs = draw_design(study, [new for new, _ in sizes], rng)
    decided = []
    for known, design, (_, repeats) in zip(included, designs, sizes, strict=True):
        again = rng.permutation(len(design))[:repeats]
        trials: list[tuple[Origin, dict[str, Level]]] = []
        trials += [("design", config) for config in known + design]
        trials += [("repeat", dict(design[index])) for index in again]
        decided.append(trials)
    # results chose them, so they are of the search: they may be stopped, and balance no design
    earlier = [complete(study, c) for c in study.after.recipes] if study.after else []
    for arm, (cell, planned) in enumerate(zip(cells, decided, strict=True)):
        room = len(range(arm, first, len(cells))) - len(planned)
        planned += [("search", config) for config in earlier if holds(cell, config)][:room]
    return decided
