"""How trials are chosen and stopped: a balanced design, then TPE with ASHA; or TPE + ASHA alone.

TPE is the univariate estimator of Bergstra et al. (2011) in its simplest form, so that thousands
of studies can be drawn; it concentrates as Optuna's does. Rungs are the project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.maths.box import Box, build_box, drop_absent
from study.asked.study import Study
from study.plan.stopping import Rungs, rung_epochs
from tests.simulate.worlds import World

Array = NDArray[np.float64]


class Validated(Protocol):
    """Which images a trial is validated on, and what they add to its points."""

    def fold(self, number: int, origin: str) -> int:
        """The set of a trial."""

    def added(self, x: Array, fold: int) -> float:
        """Points that a set adds to a configuration (axes,)."""


@dataclass
class Ledger:
    """Trials so far, in box coordinates, and their rows."""

    study: Study
    world: World
    box: Box
    rng: np.random.Generator
    rungs: Rungs
    x: list[Array] = field(default_factory=list)
    told: list[tuple[int, float]] = field(default_factory=list)  # (rungs passed, value)
    arms: list[int] = field(default_factory=list)
    trials: list[dict[str, object]] = field(default_factory=list)
    epochs: list[pd.DataFrame] = field(default_factory=list)
    validated: Validated | None = None

    def run(self, x: Array, *, origin: str, may_stop: bool, key: str) -> None:
        """Train one configuration: a curve, cut where ASHA says so."""
        number = len(self.trials)
        places = {a.name: x[None, i] for i, a in enumerate(self.box.axes)}
        config = self._config(x)
        planned = int(config["epochs"])  # type: ignore[call-overload]
        noise = self.world.noise * (
            self.rng.standard_t(3) / np.sqrt(3)
            if self.world.kind == "heavy"
            else self.rng.normal()
        )
        final = float(self.world.surface(places)[0]) + noise
        fold = -1 if self.validated is None else self.validated.fold(number, origin)
        if self.validated is not None:
            final += self.validated.added(x, fold)
        curve = self.world.curve(final, places, planned, self.rng)
        collapsed = self.rng.uniform() < self._collapse_chance(x, config)
        if collapsed:
            curve = np.full(planned, 24.37)
        run, passed = planned, 0
        for epoch in rung_epochs(planned, self.study.reduction):
            decision = self.rungs.judge(
                arm=key, planned=planned, epoch=epoch, value=curve[epoch - 1], may_stop=may_stop
            )
            if decision is not None and not decision.promoted:
                run = epoch
                break
            passed += 1
        status = "completed" if run == planned else "stopped"
        self.x.append(x)
        self.told.append((passed if run < planned else 99, float(curve[run - 1])))
        self.arms.append(self._arm(x))
        row: dict[str, object] = {
            "trial_id": f"t{number:06d}",
            "number": number,
            "origin": origin,
            "status": status,
            "collapsed": bool(collapsed),
            "seed": number,
            "epochs_planned": planned,
            "epochs_run": run,
            "val_accuracy": curve[run - 1] / 100,
        }
        if self.validated is not None:
            row["fold"] = fold
        row.update({f"config/{n}": v for n, v in config.items()})
        self.trials.append(row)
        self.epochs.append(
            pd.DataFrame(
                {
                    "trial_id": f"t{number:06d}",
                    "epoch": np.arange(1, run + 1),
                    "val_accuracy": curve[:run] / 100,
                }
            )
        )

    def _arm(self, x: Array) -> int:
        return int(x[0]) * 2 + int(x[1])

    def _config(self, x: Array) -> dict[str, object]:
        config: dict[str, object] = {}
        for i, axis in enumerate(self.box.axes):
            if np.isnan(x[i]):
                config[axis.name] = None
            elif axis.is_numeric:
                interval = next(
                    v for v in axis.intervals if bool(v.condition.holds(x[None, :])[0])
                )
                config[axis.name] = float(self.box.values(i, x[i : i + 1], interval)[0])
            else:
                config[axis.name] = axis.factor.levels[int(x[i])]
        return config

    def _collapse_chance(self, x: Array, config: dict[str, object]) -> float:
        """Chance to collapse: a cliff at the box's upper end for some init and optimizer."""
        if self.world.kind != "cliff":
            return 0.0
        edge = {("scratch", "sgd"): 0.85, ("pretrained", "adamw"): 0.75}.get(
            (str(config["init"]), str(config["optimizer"])), 1.3
        )
        u = x[self.box.index("lr")]
        return float(1 / (1 + np.exp(-(u - edge) / 0.04)))

    def suggest(self, fixed: Array, chosen: NDArray[np.bool_]) -> Array:
        """TPE among the given trials; `fixed` coordinates that are not NaN stay as they are."""
        n_axes = len(self.box.axes)
        past = np.array(self.x).reshape(-1, n_axes)[chosen]
        order = sorted(np.flatnonzero(chosen), key=lambda i: self.told[i], reverse=True)
        place = {i: k for k, i in enumerate(np.flatnonzero(chosen))}
        n_good = max(1, int(np.ceil(0.15 * len(order))))
        good = past[[place[i] for i in order[:n_good]]]
        bad = past[[place[i] for i in order[n_good:]]]
        x = np.empty(n_axes)
        for i, axis in enumerate(self.box.axes):
            if not np.isnan(fixed[i]):
                x[i] = fixed[i]
                continue
            g, b = good[~np.isnan(good[:, i]), i], bad[~np.isnan(bad[:, i]), i]
            if axis.is_numeric:
                x[i] = _tpe_number(g, b, self.rng)
            else:
                x[i] = _tpe_level(g, b, len(axis.factor.levels), self.rng)
        for null, leader in self.world.shadows.items():
            follow = x[self.box.index(leader)] + self.rng.normal(scale=0.1)
            x[self.box.index(null)] = np.clip(follow, 0, 1)
        return drop_absent(self.box.axes, x[None, :])[0]


def _density(at: Array, points: Array, width: float) -> Array:
    """Kernel density with a uniform prior point."""
    kernels = np.exp(-0.5 * ((at[:, None] - points[None, :]) / width) ** 2) / width / 2.5066
    return (1.0 + kernels.sum(axis=1)) / (len(points) + 1)


def _tpe_number(good: Array, bad: Array, rng: np.random.Generator) -> float:
    width = max(0.08, 0.3 / (1 + len(good)) ** 0.5)
    centres = np.append(good, np.nan)
    drawn = rng.choice(centres, 24)
    at = np.where(np.isnan(drawn), rng.uniform(size=24), drawn + rng.normal(scale=width, size=24))
    at = at[(at >= 0) & (at <= 1)]
    if not len(at):
        return float(rng.uniform())
    ratio = _density(at, good, width) / _density(at, bad, max(0.08, 0.3 / (1 + len(bad)) ** 0.5))
    return float(at[np.argmax(ratio)])


def _tpe_level(good: Array, bad: Array, n: int, rng: np.random.Generator) -> float:
    def chances(points: Array) -> Array:
        counts = 1.0 / n + np.bincount(points.astype(int), minlength=n)
        return counts / counts.sum()

    drawn = rng.choice(n, size=24, p=chances(good))
    return float(drawn[np.argmax((chances(good) / chances(bad))[drawn])])


def balanced_design(box: Box, n: int, rng: np.random.Generator) -> Array:
    """A Latin hypercube with levels as balanced as n allows, arms crossed: x (n, axes)."""
    x = np.empty((n, len(box.axes)))
    arms = [i for i, a in enumerate(box.axes) if a.factor.role == "arm"]
    cell = rng.permutation(n)
    for i, axis in enumerate(box.axes):
        if i in arms:
            x[:, i] = cell % len(axis.factor.levels)
            cell = cell // len(axis.factor.levels)
        elif axis.is_numeric:
            x[:, i] = (rng.permutation(n) + rng.uniform(size=n)) / n
        else:
            x[:, i] = rng.permutation(n) % len(axis.factor.levels)
    return drop_absent(box.axes, x)


def designed_study(
    study: Study,
    world: World,
    rng: np.random.Generator,
    *,
    repeats: int = 4,
    validated: Validated | None = None,
    further: Sequence[int] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and epochs of a study with its design share, then TPE + ASHA inside each arm.

    Designs of `further` sizes come after the search, each balanced by itself.
    """
    box, rungs = build_box(study), Rungs(study.reduction)
    ledger = Ledger(study, world, box, rng, rungs, validated=validated)
    n_design = round(study.trials * study.design_share)
    design = balanced_design(ledger.box, max(n_design - repeats, 1), rng)
    for x in design:
        ledger.run(x, origin="design", may_stop=False, key=str(ledger._arm(x)))
    for x in design[: n_design - len(design)]:
        ledger.run(x, origin="repeat", may_stop=False, key=str(ledger._arm(x)))
    for k in range(study.trials - n_design):
        fixed = np.full(len(ledger.box.axes), np.nan)
        fixed[:2] = k % 2, k // 2 % 2
        arm = int(fixed[0]) * 2 + int(fixed[1])
        x = ledger.suggest(fixed, np.array(ledger.arms) == arm)
        ledger.run(x, origin="search", may_stop=True, key=str(arm))
    for n in further:
        for x in balanced_design(ledger.box, n, rng):
            ledger.run(x, origin="design", may_stop=False, key=str(ledger._arm(x)))
    return pd.DataFrame(ledger.trials), pd.concat(ledger.epochs, ignore_index=True)


FOREIGN = ["trial_id", "status", "epochs_run", "val_accuracy"]
"""What other people's tables have besides configurations."""


def foreign_study(
    study: Study, world: World, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A plain study as another tool writes it: no origin, arm, number, seed or flags."""
    trials, epochs = plain_study(study, world, rng)
    configs = [name for name in trials if name.startswith("config/")]
    return trials[[*FOREIGN, *configs]], epochs


def plain_study(
    study: Study, world: World, rng: np.random.Generator, *, startup: int = 10
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and epochs as most people search: one TPE over everything, ASHA over everyone."""
    ledger = Ledger(study, world, build_box(study), rng, Rungs(study.reduction))
    free = np.full(len(ledger.box.axes), np.nan)
    for k in range(study.trials):
        if k < startup:
            x = ledger.box.sample(1, rng)[0]
        else:
            x = ledger.suggest(free, np.ones(k, dtype=bool))
        ledger.run(x, origin="search", may_stop=True, key="all")
    return pd.DataFrame(ledger.trials), pd.concat(ledger.epochs, ignore_index=True)
