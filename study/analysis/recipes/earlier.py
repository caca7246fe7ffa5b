"""What a study begins with that goes on from another: its best recipes, and where the best lie.

Nothing of it enters a verdict: recipes are trials of the search, which results have chosen, and
ranges are declared before the first of them. A range is narrowed to where the posterior of the
response surface has good recipes: under each draw those of many that are within a point of the
best, and of their places the middle nine tenths. Where a number does not matter these lie
everywhere, so that its range stays as it was; the earlier study's own best recipes stay inside in
any case.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from study.analysis.maths.box import Array, Interval
from study.analysis.maths.effects import Surface
from study.analysis.maths.support import FEWEST, Support
from study.analysis.recipes.defaults import Defaults
from study.analysis.recipes.simplest import MARGIN, Simplest
from study.analysis.recipes.told import settings
from study.analysis.search.answers import Analysis, analyse
from study.asked.after import EarlierStudy
from study.asked.factors import Config, Factor, Level, Range, is_inside
from study.asked.study import Study
from study.errors import TablesError
from study.folder.folder import Folder
from study.folder.tables import StudyTables, reached_end, read_study
from study.locks.lock import last_hash, read_lock
from study.locks.recorded import record_problems
from study.locks.verify import lock_problems

MASS: Final = 0.9
"""Part of good recipes' places that a narrowed range holds."""

LEAST_WIDTH: Final = 0.25
"""Part of the earlier range that a narrowed one has at least: a surface may be wrong."""

MOST_WIDTH: Final = 0.8
"""Likewise at most: of places that lie everywhere the middle MASS is nearly all of the range."""

TRIED: Final = 16_000
"""Recipes drawn, of which those that have a range are looked at."""


def earlier_study(path: Path) -> EarlierStudy:
    """What a study's folder gives to another one.

    Raises:
        StudyError: The folder is no study's, its search is not over, or it is not what its record
            or its lock says.
    """
    tables = read_study(path)
    study, folder = tables.study, Folder(path)
    is_over = (tables.trials["origin"] != "scout") & (tables.trials["status"] != "interrupted")
    if int(is_over.sum()) < study.trials:
        raise TablesError(
            f"{path}: its search is not over ({int(is_over.sum())} of {study.trials} trials); go "
            "on with it by --resume first"
        )
    for problem in [*lock_problems(folder), *record_problems(tables)]:
        raise TablesError(f"{problem}; an earlier study has to be what its record says")
    analysis = analyse(study, tables.trials, tables.epochs, seed=study.seed)
    recipes = _best(tables, analysis)
    return EarlierStudy(
        study=study.as_declared,
        sha256=_sha256(folder),
        begin=lambda other: first_recipes(other, recipes),
        narrowed=_narrowed(analysis, recipes),
    )


def first_recipes(study: Study, recipes: Iterable[Config]) -> tuple[Config, ...]:
    """Recipes of an earlier study as trials of this one, arm by arm, the best first.

    An arm takes those whose levels are its own where both have them. What this study varies and
    the recipe does not have is at its default; a recipe with a value that is not one of this
    study's is left out.
    """
    found: list[Config] = []
    for cell in study.arms:
        of_arm = [_as_trial(study, recipe, cell) for recipe in recipes]
        found += [c for n, c in enumerate(of_arm) if c is not None and c not in of_arm[:n]]
    return tuple(found)


def _as_trial(study: Study, recipe: Config, cell: Config) -> Config | None:
    if any(recipe.get(name, level) != level for name, level in cell.items()):
        return None
    defaults, made = Defaults(study=study), dict[str, Level]()
    for factor in study.by_dependency:
        if not factor.exists(made):
            continue
        if factor.role == "fixed":
            made[factor.name] = factor.levels[0]
        elif factor.name in cell:
            made[factor.name] = cell[factor.name]
        else:
            value = recipe.get(factor.name)
            made[factor.name] = defaults.of_factor(factor, made) if value is None else value
        if not is_inside(factor, made):
            return None
    return settings(made, study)


def _best(tables: StudyTables, analysis: Analysis) -> list[Config]:
    """Each arm's best recipe and the simplest that is as good, arms in the order of their best.

    Without a surface, the recipe of each arm's best trial.
    """
    study, frames = tables.study, analysis.frames
    if analysis.surface is None:
        ended = tables.trials[reached_end(tables.trials, study.metric)]
        best = study.measure.best_of_arms(ended)
        rows = ended.loc[best].sort_values(study.metric, ascending=study.measure.is_minimised)
        names = [f.name for f in study.factors if f.name in frames.configs]
        configs = frames.configs.loc[rows.index, names].to_dict("records")
        return [{n: v for n, v in c.items() if v == v and v is not None} for c in configs]
    confirm = tables.confirm
    chosen = [] if confirm is None else confirm["trial_id"].dropna().unique().tolist()
    moves = Simplest()(frames, analysis.surface, analysis.support, chosen=chosen)
    walked = moves[moves["recipe"].notna()]
    first = walked[walked["outcome"] == "start"].set_index("arm")["trial_id"]
    place = dict(zip(frames.trials["trial_id"], range(len(frames.trials)), strict=True))
    means = analysis.surface.at(frames.x[[place[trial] for trial in first]])[0]
    in_order = first.index[np.argsort(-means, kind="stable")]
    recipes = []
    for arm in in_order:
        texts = walked.loc[walked["arm"] == arm, "recipe"].tolist()
        recipes += [json.loads(text) for text in dict.fromkeys((texts[0], texts[-1]))]
    return recipes


def _narrowed(analysis: Analysis, recipes: list[Config]) -> dict[str, tuple[Range, ...]]:
    """Ranges that hold the best recipes; none without a surface."""
    if analysis.surface is None:
        return {}
    return _Narrowing(
        surface=analysis.surface,
        support=analysis.support,
        recipes=recipes,
        rng=np.random.default_rng(analysis.seed),
    ).ranges()


@dataclass(frozen=True, kw_only=True)
class _Narrowing:
    """Ranges as the posterior of an earlier study narrows them."""

    surface: Surface
    support: Support
    recipes: list[Config]
    rng: np.random.Generator

    def ranges(self) -> dict[str, tuple[Range, ...]]:
        """By factor; those that nothing narrows are left out."""
        found = {}
        for i, axis in enumerate(self.support.box.axes):
            each = zip(axis.intervals, axis.factor.ranges, strict=True)
            ranges = tuple(self._range(i, interval, declared) for interval, declared in each)
            if ranges != axis.factor.ranges:
                found[axis.name] = ranges
        return found

    def _range(self, axis: int, interval: Interval, declared: Range) -> Range:
        """One of a factor's ranges; the declared one where too few trials have it."""
        box, factor = self.support.box, self.support.box.axes[axis].factor

        def has_it(x: Array) -> NDArray[np.bool_]:
            return interval.condition.holds(x) & ~np.isnan(x[:, axis])

        x = box.sample(TRIED, self.rng)
        x = x[has_it(x)]
        if int(has_it(self.support.x).sum()) < FEWEST or not len(x):
            return declared
        value = self.surface.basis.matrix(x) @ self.surface.weights.T
        is_good = value >= value.max(axis=0) - MARGIN
        places = _middle(x[:, axis], (is_good / is_good.sum(axis=0)).sum(axis=1))
        if places[1] - places[0] > MOST_WIDTH:  # they lie everywhere
            return declared
        ends = box.values(axis, np.array(places), interval).tolist()
        own = [
            float(recipe[factor.name])
            for recipe in self.recipes
            if factor.name in recipe and factor.range_for(recipe) == declared
        ]
        own = [value for value in own if declared.low <= value <= declared.high]
        return replace(
            declared,
            low=max(declared.low, _outward(factor, min([*ends, *own]), np.floor)),
            high=min(declared.high, _outward(factor, max([*ends, *own]), np.ceil)),
        )


def _middle(places: Array, weights: Array) -> tuple[float, float]:
    """Between which places 0..1 (n,) the middle MASS of their weights (n,) lies.

    The two are at least LEAST_WIDTH apart.
    """
    order = np.argsort(places)
    below = np.cumsum(weights[order]) / weights.sum()
    tail = (1 - MASS) / 2
    low, high = (places[order][np.searchsorted(below, q)] for q in (tail, 1 - tail))
    low = np.clip(min(low, (low + high - LEAST_WIDTH) / 2), 0.0, 1.0 - LEAST_WIDTH)
    return float(low), float(np.clip(high, low + LEAST_WIDTH, 1.0))


def _outward(factor: Factor, value: float, towards: np.ufunc) -> float:
    """A number with two digits, or a whole one, rounded so that nothing inside is lost."""
    if factor.is_whole:
        return float(towards(value))
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{towards(value / unit) * unit:.6g}")


def _sha256(folder: Folder) -> str:
    """Of the lock with all additions; without one, of the record, or of another tool's trials."""
    lock = read_lock(folder)
    if lock is not None:
        return last_hash(lock)
    source = folder.record if folder.record.is_file() else folder.table("trials")
    return hashlib.sha256(source.read_bytes()).hexdigest()
