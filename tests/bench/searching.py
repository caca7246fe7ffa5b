"""What a search finds per unit of compute: strategies at equal budgets on known responses.

Every strategy meets the same worlds (`tests.simulate.worlds`, all kinds in turn) and stops once
its budget of epochs is spent. `found` is the true expected accuracy of the completed trial that
looks best, in points; `arms_right` is the share of pairs of arms, whose best recipes differ truly
by half a point or more, that the arms' best completed trials put in the right order (half a pair
where an arm has none). TPE is the simple one of `tests.simulate.searches`, the same for all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, cycle

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.maths.box import Box, build_box
from study.asked.study import Study
from study.plan.stopping import Decision, Rungs, rung_epochs
from tests.simulate.searches import Ledger, balanced_design
from tests.simulate.worlds import KINDS, World, draw_world, make_study

Array = NDArray[np.float64]

BUDGETS = (200, 400, 800)
"""Epochs; 400 are what 48 trials of the cpu preset come to, with stops."""

STARTUP = 10
"""Random trials before a TPE over all arms begins."""

LEAST_DIFFERENCE = 0.5
"""Points between two arms' best recipes, below which their order counts for nothing."""

MEAN_EPOCHS = 9.0
"""Of a trial that runs to its end: half of them plan 6, half 12."""

STOPPED_EPOCHS = 4.5
"""Of a trial under ASHA, about; it sets how many trials a study of a given budget plans."""

BRACKETS = (0,) * 9 + (1,) * 5 + (2,) * 3
"""Rungs that a trial passes unjudged: Hyperband's brackets for three rungs and a reduction of 3
(Li et al. 2018, Table 1), 9, 5 and 3 trials of a round."""


@dataclass
class Bracketed(Rungs):
    """Rungs of which the first ones do not judge a bracket's trials; the key names the bracket."""

    def judge(
        self, *, arm: str, planned: int, epoch: int, value: float, may_stop: bool
    ) -> Decision | None:
        """As `Rungs.judge`, but None at the rungs that the bracket passes."""
        if epoch in rung_epochs(planned, self.reduction)[: int(arm)]:
            return None
        return super().judge(arm=arm, planned=planned, epoch=epoch, value=value, may_stop=may_stop)


Strategy = Callable[[Ledger, float], None]


def _free(ledger: Ledger) -> Array:
    return np.full(len(ledger.box.axes), np.nan)


def _spent(ledger: Ledger) -> int:
    return sum(int(str(row["epochs_run"])) for row in ledger.trials)


def _drawn_at_random(*, may_stop: bool) -> Strategy:
    def search(ledger: Ledger, budget: float) -> None:
        while _spent(ledger) < budget:
            x = ledger.box.sample(1, ledger.rng)[0]
            ledger.run(x, origin="search", may_stop=may_stop, key="all")

    return search


def _one_tpe(*, may_stop: bool) -> Strategy:
    def search(ledger: Ledger, budget: float) -> None:
        while _spent(ledger) < budget:
            ledger.run(_next(ledger), origin="search", may_stop=may_stop, key="all")

    return search


def _bohb_like(ledger: Ledger, budget: float) -> None:
    ledger.rungs = Bracketed(ledger.study.reduction)
    for bracket in cycle(BRACKETS):
        if _spent(ledger) >= budget:
            return
        ledger.run(_next(ledger), origin="search", may_stop=True, key=str(bracket))


def _next(ledger: Ledger) -> Array:
    """The proposal of one TPE over everything."""
    n = len(ledger.trials)
    if n < STARTUP:
        return ledger.box.sample(1, ledger.rng)[0]
    return ledger.suggest(_free(ledger), np.ones(n, dtype=bool))


def _ours(share: float) -> Strategy:
    """A design share first, then one TPE an arm under ASHA, arms in turn."""

    def search(ledger: Ledger, budget: float) -> None:
        planned = budget / (share * MEAN_EPOCHS + (1 - share) * STOPPED_EPOCHS)
        design = balanced_design(ledger.box, max(4, round(share * planned)), ledger.rng)
        for x in design:
            if _spent(ledger) >= budget:
                return
            ledger.run(x, origin="design", may_stop=False, key=str(ledger._arm(x)))
        for cell in cycle(range(4)):
            if _spent(ledger) >= budget:
                return
            fixed = _free(ledger)
            fixed[:2] = divmod(cell, 2)
            x = ledger.suggest(fixed, np.array(ledger.arms) == cell)
            ledger.run(x, origin="search", may_stop=True, key=str(cell))

    return search


OURS = "ours, design 40 %"

STRATEGIES: dict[str, Strategy] = {
    OURS: _ours(0.4),
    "ours, design 20 %": _ours(0.2),
    "ours, design 60 %": _ours(0.6),
    "random": _drawn_at_random(may_stop=False),
    "ASHA": _drawn_at_random(may_stop=True),
    "TPE": _one_tpe(may_stop=False),
    "TPE and ASHA": _one_tpe(may_stop=True),
    "BOHB-like": _bohb_like,
}


def compared(*, repeats: int) -> dict[str, pd.DataFrame]:
    """Every repeat's figures, and their means and paired differences to ours."""
    table = pd.DataFrame([row for repeat in range(repeats) for row in repeated(repeat)])
    return {"search_repeats": table, "search": summary(table, ours=OURS)}


def repeated(repeat: int, budgets: tuple[int, ...] = BUDGETS) -> list[dict[str, object]]:
    """The figures of every strategy at every budget on one world."""
    kind = KINDS[repeat % len(KINDS)]
    world = draw_world(kind, np.random.default_rng([repeat, 0]))
    truth = _truth(world, np.random.default_rng([repeat, 1]))
    rows: list[dict[str, object]] = []
    for budget in budgets:
        for number, (name, search) in enumerate(STRATEGIES.items()):
            ledger = _ledger(world, np.random.default_rng([repeat, budget, number]))
            search(ledger, budget)
            known = {"repeat": repeat, "world": kind, "budget": budget, "strategy": name}
            rows.append(known | _scored(ledger, truth))
    return rows


def summary(table: pd.DataFrame, *, ours: str) -> pd.DataFrame:
    """Means with 95 % intervals, and of ours minus each other, paired by repeat."""
    rows = []
    for budget, part in table.groupby("budget"):
        for figure in ("found", "arms_right"):
            wide = part.pivot(index="repeat", columns="strategy", values=figure)
            for name in table["strategy"].unique():
                mean, low, high = _interval(wide[name])
                ahead, ahead_low, ahead_high = _interval(wide[ours] - wide[name])
                rows.append(
                    {
                        "budget": budget,
                        "figure": figure,
                        "strategy": name,
                        "mean": mean,
                        "low": low,
                        "high": high,
                        "ours_minus_it": ahead,
                        "difference_low": ahead_low,
                        "difference_high": ahead_high,
                        "n": int(wide[name].notna().sum()),
                    }
                )
    return pd.DataFrame(rows)


def _interval(values: pd.Series) -> tuple[float, float, float]:
    """Mean and its normal 95 % interval over the repeats, which are independent."""
    values = values.dropna()
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Truth:
    """What can be had: the best expected points of each arm."""

    world: World
    best: tuple[float, ...]


def _truth(world: World, rng: np.random.Generator) -> Truth:
    box = build_box(make_study(trials=1, design_share=0, seed=0))
    x = box.sample(40_000, rng)
    points = world.surface(_places(box, x))
    arms = (2 * x[:, 0] + x[:, 1]).astype(int)
    return Truth(world, tuple(float(points[arms == arm].max()) for arm in range(4)))


def _places(box: Box, x: Array) -> dict[str, Array]:
    return {axis.name: x[:, i] for i, axis in enumerate(box.axes)}


def _ledger(world: World, rng: np.random.Generator) -> Ledger:
    study: Study = make_study(trials=1, design_share=0, seed=0)
    return Ledger(study, world, build_box(study), rng, Rungs(study.reduction))


def _scored(ledger: Ledger, truth: Truth) -> dict[str, float]:
    completed = np.array([row["status"] == "completed" for row in ledger.trials])
    seen = np.array([float(str(row["val_accuracy"])) for row in ledger.trials])
    arms = np.array(ledger.arms)
    points = truth.world.surface(_places(ledger.box, np.array(ledger.x)))
    chosen = int(np.argmax(np.where(completed, seen, -np.inf)))
    best = [max(seen[completed & (arms == a)], default=np.nan) for a in range(4)]
    return {
        "trials": float(len(seen)),
        "epochs": float(_spent(ledger)),
        "found": float(points[chosen]),
        "regret": max(truth.best) - float(points[chosen]),
        "arms_right": arms_in_order(best, list(truth.best)),
    }


def arms_in_order(seen: list[float], true: list[float]) -> float:
    """Share of the pairs of arms that truly differ whose order is seen; NaN if none differs."""
    right = []
    for a, b in combinations(range(len(true)), 2):
        if abs(true[a] - true[b]) >= LEAST_DIFFERENCE:
            unknown = np.isnan(seen[a]) or np.isnan(seen[b]) or seen[a] == seen[b]
            right.append(0.5 if unknown else float((seen[a] > seen[b]) == (true[a] > true[b])))
    return float(np.mean(right)) if right else float("nan")
