"""The range scout: short trials that find where training diverges, before anything is searched.

Nobody knows beforehand at which rate a net diverges, and it differs with the initialisation and
the optimizer. So each cell, an arm under one optimizer (and under the levels that the declared
ranges hang on), gets a few trials of a few epochs, their rates spread over a widened range, all
other factors drawn as a design draws them. The highest rate that trains becomes the upper end of
that cell's range. The scouts are planned before any result is seen, and the ranges follow from
their record alone: the same study has the same scouts, and a resumed one the same ranges.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, log10, sqrt
from typing import Final

from agecls.recipe import BOUNDS
from study.asked.factors import Config, Factor, Level, Range, holds
from study.asked.plans import ScoutPlan
from study.asked.rules import reachable
from study.asked.study import Study, arm_name
from study.folder.record import TrialRecord
from study.plan.design import draw_design
from study.plan.streams import Stream, generator, training_seeds
from study.plan.trials import PlannedTrial

FACTOR: Final = "lr"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the scouts of one cell say.

    Attributes:
        when: The cell's levels.
        declared: The range that was declared for it.
        range: The range that is searched and analysed.
        edge: Highest rate that trained below those that did not; None if none trained.
        n_trials: Scouts that count: failures of the machine do not.
        n_diverged: Scouts at rates above the edge that diverged or collapsed.
    """

    when: Config
    declared: Range
    range: Range
    edge: float | None
    n_trials: int
    n_diverged: int


def scout_study(study: Study) -> Study:
    """The scouts' own study: the rate's ranges per cell and widened, every trial short.

    Raises:
        ValueError: The study asks for no scout.
    """
    plan, rate = _asked(study), study.factor(FACTOR)
    ranges = tuple(
        replace(_widened(_declared(rate, cell), plan.widen), when=cell) for cell in _cells(study)
    )
    short = Factor(name="epochs", role="fixed", levels=(plan.epochs,))
    factors = {f.name: f for f in study.factors}
    factors |= {FACTOR: replace(rate, ranges=ranges), "epochs": short}
    return replace(
        study,
        epochs=plan.epochs,
        factors=tuple(factors.values()),
        claims=(),
        included=(),
        scout=None,
    )


def scout_plan(study: Study) -> tuple[PlannedTrial, ...]:
    """Every scout in the order of starting, arms in turn."""
    plan, short = _asked(study), scout_study(study)
    arms, cells = short.arms, _cells(study)
    sizes = [plan.trials * sum(holds(arm, cell) for cell in cells) for arm in arms]
    rng = generator(study, Stream.SCOUT_DESIGN)
    designs = draw_design(short, sizes, rng)
    for design in designs:
        rng.shuffle(design)
    turns = [
        (arm, design[turn])
        for turn in range(max(sizes))
        for arm, design in zip(arms, designs, strict=True)
        if turn < len(design)
    ]
    seeds = training_seeds(study, Stream.SCOUT_SEEDS, len(turns))
    return tuple(
        PlannedTrial(number, arm_name(short, arm), dict(arm), "scout", config, seed)
        for number, ((arm, config), seed) in enumerate(zip(turns, seeds, strict=True))
    )


def find_ranges(study: Study, trials: Iterable[TrialRecord]) -> tuple[Found, ...]:
    """The range of every cell, from scouts that have all ended."""
    plan, rate = _asked(study), study.factor(FACTOR)
    ended, found = list(trials), []
    for cell in _cells(study):
        declared = _declared(rate, cell)
        tried = sorted(
            (float(trial.config[FACTOR]), failed)
            for trial in ended
            if holds(cell, trial.config) and (failed := _failed_to_train(trial)) is not None
        )
        edge = edge_of([rate for rate, _ in tried], [failed for _, failed in tried])
        found.append(
            Found(
                when=cell,
                declared=declared,
                range=replace(_range(declared, edge, plan.widen), when=cell),
                edge=edge,
                n_trials=len(tried),
                n_diverged=sum(failed for rate, failed in tried if edge and rate > edge),
            )
        )
    return tuple(found)


def scouted(study: Study, found: Sequence[Found]) -> Study:
    """The study with the ranges that were found, which remembers those that were declared."""
    plan, rate = _asked(study), study.factor(FACTOR)
    new = replace(rate, ranges=tuple(f.range for f in found))
    return replace(
        study,
        factors=tuple(new if f.name == FACTOR else f for f in study.factors),
        scout=replace(plan, declared=rate.ranges),
    )


def edge_of(rates: Sequence[float], failed: Sequence[bool]) -> float | None:
    """The highest rate that trains below those that do not; None where none trains.

    Other factors move the edge, so the two kinds may overlap: the cut is where it puts fewest
    trials on the wrong side, the lowest such cut. Failures below the slowest rate that trains are
    no divergence: they have not begun to learn in so few epochs.

    Args:
        rates: Ascending.
        failed: Whether training diverged or collapsed at each.
    """
    if all(failed):
        return None
    first = list(failed).index(False)
    cuts = range(first + 1, len(rates) + 1)
    wrong = [sum(failed[first:cut]) + sum(not is_bad for is_bad in failed[cut:]) for cut in cuts]
    cut = cuts[wrong.index(min(wrong))]
    return max(rate for rate, is_bad in zip(rates[:cut], failed[:cut], strict=True) if not is_bad)


def _asked(study: Study) -> ScoutPlan:
    if study.scout is None:
        raise ValueError(f"study {study.name} asks for no scout")
    return study.scout


def _cells(study: Study) -> list[dict[str, Level]]:
    """Every combination of the arms, the optimizer and what the rate's range hangs on."""
    deciding = {f.name for f in study.of_role("arm")} | study.factor(FACTOR).depends_on
    deciding |= {f.name for f in study.factors if f.name == "optimizer"}
    varied = {f.name for f in study.factors if len(f.levels) > 1}
    found: list[dict[str, Level]] = []
    for config in reachable(study, sorted(deciding)):
        cell = {name: level for name, level in config.items() if name in varied}
        if study.factor(FACTOR).exists(config) and cell not in found:
            found.append(cell)
    return found


def _declared(rate: Factor, cell: Config) -> Range:
    """The declared range in a cell; conditions on fixed factors hold in every cell."""
    for declared in rate.ranges:
        if all(cell.get(name, level) == level for name, level in declared.when.items()):
            return declared
    raise ValueError(f"factor `{rate.name}` has no range under {dict(cell)}")


def _widened(declared: Range, times: float) -> Range:
    low, high = BOUNDS[FACTOR]
    return Range(low=max(declared.low / times, low), high=min(declared.high * times, high))


def _range(declared: Range, edge: float | None, widen: float) -> Range:
    """From the declared low end to the edge.

    Where the edge comes so near to it that less than half of the declared range is left, counted
    in powers, the low end moves down. Without an edge the declared range stays.
    """
    if edge is None:
        return declared
    high = _rounded_down(edge)
    low = declared.low
    if low > 0:
        low = min(low, _rounded_down(high / sqrt(declared.high / declared.low)))
    low = max(low, _widened(declared, widen).low)
    return Range(low=low, high=high) if low < high else declared


def _rounded_down(value: float) -> float:
    """Three digits are enough for a rate; rounding up would step over the edge."""
    unit = 10.0 ** (floor(log10(value)) - 2)
    return float(f"{floor(value / unit + 1e-9) * unit:.6g}")


def _failed_to_train(trial: TrialRecord) -> bool | None:
    """Whether a scout diverged or collapsed; None where the machine failed."""
    if trial.status == "completed":
        return bool(trial.epochs[-1].get("collapsed"))
    return True if trial.status == "failed" and trial.kind == "diverged" else None
