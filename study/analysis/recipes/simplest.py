"""The simplest recipe that is as good: an arm's best with all at its default that may be.

From the posterior of the response surface, factor by factor: each round moves the factor to its
default that costs least, while the recipe surely enough gives up no more than the margin. What is
given up is told of the whole recipe, not of the last move, so that small losses add up; it is a
difference of two recipes on one surface, whose errors they share. A default that too few trials
stand behind, or at which trainings fail, is none to move to.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.maths.box import Array, encode
from study.analysis.maths.effects import Surface
from study.analysis.maths.support import FEWEST, Support, widening
from study.analysis.recipes.defaults import Defaults, is_at
from study.analysis.search.frames import Frames
from study.asked.factors import Factor, Level
from study.asked.study import arm_name
from study.folder.columns import names_of
from study.quantities import count, level

Rows = NDArray[np.bool_]
"""Trials (n,) that something is true of."""

MARGIN: Final = 1.0
"""Points that may be given up: what most claims call the least difference of interest. Of a metric
that is no share, four times the smallest effect that counts."""

SURE: Final = 0.9
"""Probability with which no more than the margin is given up."""

MOST_FAILED: Final = 0.1
"""Share of an arm's trainings at a default that may collapse, unless as many do elsewhere."""


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """A recipe one move from here.

    Attributes:
        factor: What is moved.
        config: The recipe then.
        loss: Points that it is behind the recipe that all began with: mean and draws (s,).
        reason: Why it is out of the question; empty where it is not.
    """

    factor: str
    config: dict[str, Level]
    loss: tuple[float, Array]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Simplest:
    """Parameters of the simplest recipe.

    Attributes:
        margin: Points of the analysis that it may give up.
        sure: Probability, by the posterior, with which no more than the margin is given up.
        level: Of the interval of what is given up.
    """

    margin: float = MARGIN
    sure: float = SURE
    level: float = 0.95

    def __call__(
        self,
        frames: Frames,
        surface: Surface | None,
        support: Support,
        *,
        chosen: Collection[str] = (),
    ) -> pd.DataFrame:
        """The moves of each arm that has a trial, in order; rows of `simplest`.

        Args:
            frames: The study's trials.
            surface: None: nothing can be told.
            support: Full-length trials of the surface.
            chosen: Trials whose recipes a later stage trained again: where an arm has one of
                them, the moves begin there, else with the highest posterior mean of its
                full-length trials.
        """
        study, rows = frames.study, list[dict[str, Any]]()
        defaults = Defaults.of(study, frames.configs)
        n_full = int(frames.rows("full").sum())
        for cell in study.arms:
            of_arm = (frames.trials["arm"] == arm_name(study, cell)).to_numpy(dtype=bool)
            if not of_arm.any():
                continue
            head = {
                "arm": arm_name(study, cell), "margin": self.margin, "sure": self.sure,
                "n_trials": n_full,
            }  # fmt: skip
            reason = self._untold(frames, surface, support, of_arm)
            if surface is None or reason:
                rows.append({**head, "outcome": "untold", "reason": reason})
                continue
            walk = _Walk(
                frames=frames, surface=surface, support=support, of_arm=of_arm,
                defaults=defaults, params=self,
            )  # fmt: skip
            rows += [{**head, **row} for row in walk.rows(chosen)]
        frame = pd.DataFrame(rows, columns=names_of("simplest"))
        sizes = ("estimate", "low", "high", "margin")
        per_point = study.measure.per_point
        return frame.assign(**{name: frame[name].astype(float) * per_point for name in sizes})

    def _untold(
        self, frames: Frames, surface: Surface | None, support: Support, of_arm: Rows
    ) -> str:
        """Why nothing can be told of an arm; empty where something can."""
        if surface is None:
            return frames.untold or "no factor varies"
        n_full = int((frames.rows("full") & of_arm).sum())
        if n_full >= FEWEST:
            return ""
        few = f"{count(n_full, 'full-length trial')} in the arm (at least {FEWEST} are needed)"
        return f"{few}; {support.more}"


@dataclass(frozen=True, kw_only=True)
class _Walk:
    """One arm's way from its best recipe to the simplest."""

    frames: Frames
    surface: Surface
    support: Support
    of_arm: Rows
    defaults: Defaults
    params: Simplest

    def rows(self, chosen: Collection[str]) -> list[dict[str, Any]]:
        """The recipe that it begins with, each move, and each factor that stays."""
        start = self._start(chosen)
        if start is None:
            reason = "the recipe that was confirmed collapsed, or lies outside the ranges"
            return [{"outcome": "untold", "reason": reason}]
        config = self._config(start)
        begun = self.surface.at(self._places([config]))
        trial = {"trial_id": str(self.frames.trials["trial_id"].iloc[start])}
        nothing = self._told((0.0, np.zeros(1)))
        rows = [{"outcome": "start", "step": 0, **trial, **nothing, "recipe": _text(config)}]
        while True:
            tried = self._tries(config, begun)
            open_to = [one for one in tried if not one.reason]
            if not open_to:
                break
            best = min(open_to, key=lambda one: one.loss[0])
            move = {"step": len(rows), **trial, **self._row(best, config)}
            rows.append({"outcome": "moved", **move, "recipe": _text(best.config)})
            config = best.config
        return rows + [{"outcome": "kept", **trial, **self._row(one, config)} for one in tried]

    def _start(self, chosen: Collection[str]) -> int | None:
        """Place of the trial whose recipe is simplified; None where it is none of the box."""
        ids, full = self.frames.trials["trial_id"], self.frames.rows("full")
        confirmed = self.of_arm & ids.isin(chosen).to_numpy(dtype=bool)
        if confirmed.any():
            return next(iter(np.flatnonzero(confirmed & full).tolist()), None)
        rows = np.flatnonzero(self.of_arm & full)
        return int(rows[np.argmax(self.surface.at(self.frames.x[rows])[0])])

    def _config(self, row: int) -> dict[str, Level]:
        """Levels of the factors that exist in a trial, as plain values."""
        configs, study = self.frames.configs, self.frames.study
        found: dict[str, Level] = {}
        for factor in study.by_dependency:
            if not factor.exists(found):
                continue
            value = configs[factor.name].tolist()[row] if factor.name in configs else None
            if value is not None and not pd.isna(value):
                found[factor.name] = value
            elif factor.role == "fixed":
                found[factor.name] = factor.levels[0]
        return {f.name: found[f.name] for f in study.factors if f.name in found}

    def _places(self, configs: list[dict[str, Level]]) -> Array:
        """Recipes in box coordinates (n, axes)."""
        names = [f.name for f in self.frames.study.factors]
        frame = pd.DataFrame([{name: c.get(name) for name in names} for c in configs])
        return encode(self.frames.box, frame)[0]

    def _tries(self, config: dict[str, Level], begun: tuple[Array, Array]) -> list[_Tried]:
        """Every factor that is not at its default, moved there."""
        names = [f.name for f in self.frames.study.factors if self._is_off(f, config)]
        if not names:
            return []
        configs = [self.defaults.moved(config, name) for name in names]
        here, places = self._places([config])[0], self._places(configs)
        mean, draws = self.surface.at(places)
        middle = begun[0] - mean
        spread = middle[:, None] + self._widening * (begun[1] - draws - middle[:, None])
        return [
            _Tried(
                factor=name,
                config=moved,
                loss=(float(middle[i]), spread[i]),
                reason=self._unknown(here, places[i]) or self._too_much(spread[i]),
            )
            for i, (name, moved) in enumerate(zip(names, configs, strict=True))
        ]

    def _is_off(self, factor: Factor, config: dict[str, Level]) -> bool:
        """Whether a factor could be moved: it is tuned, and not at its default."""
        is_varied = any(axis.name == factor.name for axis in self.frames.box.axes)
        if not is_varied or factor.role != "tuned" or factor.name not in config:
            return False
        return not is_at(config[factor.name], self.defaults.of_factor(factor, config))

    def _too_much(self, loss: Array) -> str:
        """Why a loss (s,) is not surely within the margin; empty where it is."""
        sure = self._probability(loss)
        size = self.frames.study.measure.threshold(self.params.margin)
        return "" if sure >= self.params.sure else f"within {size} with probability {sure:.2f}"

    def _unknown(self, here: Array, there: Array) -> str:
        """Why a place is none to move to, whatever the surface says; empty where it is one."""
        axes = self.frames.box.axes
        for axis in np.flatnonzero(~np.isnan(there) & (there != here)).tolist():
            n = int(self.support.matching(_alone(there, axis)).sum())
            near = f"at or near this {axes[axis].name}"
            if n < FEWEST:
                trials = count(n, "full-length trial")
                return f"{trials} {near} (at least {FEWEST} are needed)"
            (ended, failed), (before, failed_before) = (
                self._outcomes(_alone(x, axis)) for x in (there, here)
            )
            usual = max(MOST_FAILED, failed_before / before if before else 0.0)
            if failed > usual * ended:
                return f"{failed} of the arm's {count(ended, 'training')} {near} collapsed"
        return ""

    def _outcomes(self, row: Array) -> tuple[int, int]:
        """Trainings of the arm at a level, or in a third; how many of them collapsed."""
        near = self._ended.matching(row) & self._ended.is_design
        return int(near.sum()), int((near & self._collapsed).sum())

    @cached_property
    def _ended(self) -> Support:
        """The arm's trainings that came to an end, as the design's of all trials."""
        ended = self.of_arm & (self.frames.rows("full") | self._collapsed)
        return replace(self.support, x=self.frames.x, is_design=ended)

    @cached_property
    def _collapsed(self) -> Rows:
        """The search's trainings that collapsed."""
        return self.frames.rows("collapsed")

    @cached_property
    def _widening(self) -> float:
        """As contrasts have it: a search that concentrates leaves the rest to the form."""
        is_design = self.support.is_design[self.of_arm[self.frames.rows("full")]]
        return widening(int(is_design.sum()))

    def _row(self, tried: _Tried, config: dict[str, Level]) -> dict[str, Any]:
        levels = {"before": config[tried.factor], "after": tried.config[tried.factor]}
        told = {name: level(value) for name, value in levels.items()}
        return {
            "factor": tried.factor, **told, **self._told(tried.loss), "reason": tried.reason,
        }  # fmt: skip

    def _told(self, loss: tuple[float, Array]) -> dict[str, Any]:
        tail = (1 - self.params.level) / 2
        low, high = np.quantile(loss[1], [tail, 1 - tail])
        probability = self._probability(loss[1])
        return {"estimate": loss[0], "low": low, "high": high, "probability": probability}

    def _probability(self, loss: Array) -> float:
        """That no more than the margin is given up."""
        return float((loss <= self.params.margin).mean())


def _alone(row: Array, axis: int) -> Array:
    """A row (axes,) in which one coordinate is said."""
    return np.where(np.arange(len(row)) == axis, row, np.nan)


def _text(recipe: dict[str, Level]) -> str:
    return json.dumps(recipe, ensure_ascii=False)
