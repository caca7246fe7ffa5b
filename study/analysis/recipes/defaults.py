"""What each factor is where nobody has a reason for anything else.

What was trained here has the recipe's own defaults, which are what the field uses: SGD, a cosine,
cross-entropy, no smoothing, no averaging. Three things differ. A learning rate has no default that
fits every optimizer and start, so it is the middle of the range that applies, as is any number
whose default lies outside its range; the middle has one digit, since nobody needs more. The
shortest schedule is the simplest. Of the factors of somebody's own function the first level is the
default, and of a search that somebody else ran the level that most trials had; of numbers, the
middle of their range.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import pandas as pd

from agecls.recipe import Recipe
from study.asked.factors import Config, Factor, Level, Range, exact_level
from study.asked.study import Study

_WITHOUT: Final = frozenset(("lr", "epochs"))
"""Fields whose default in a recipe says nothing about a study's ranges."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """A study's defaults.

    Attributes:
        study: The study.
        commonest: By factor, the level that most trials had; of an imported search alone.
    """

    study: Study
    commonest: Mapping[str, Level] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, configs: pd.DataFrame) -> Self:
        """Those of a study whose trials had these configurations, a column a factor."""
        if study.imported is None:
            return cls(study=study)
        levelled = [f for f in study.factors if f.levels and f.name in configs]
        found = {f.name: _commonest(f, configs[f.name]) for f in levelled}
        return cls(study=study, commonest=found)

    def of_factor(self, factor: Factor, config: Config) -> Level:
        """The default of a factor that exists under the other factors' levels in `config`."""
        if factor.levels:
            return self._level(factor)
        applies = factor.range_for(config)
        assert applies is not None, "a factor without a range there does not exist"
        own = self._own(factor)
        if own is not None and applies.low <= float(own) <= applies.high:
            return own
        return _middle(factor, applies)

    def moved(self, config: Config, name: str) -> dict[str, Level]:
        """A configuration with one factor at its default, and what hangs on it as it must be.

        A factor that comes to exist, or whose number another range holds for from now on, has its
        default: what it was tuned for is gone.
        """
        chosen = self.of_factor(self.study.factor(name), config)
        made: dict[str, Level] = {}
        for factor in self.study.by_dependency:
            has_range = not factor.is_numeric or factor.range_for(made) is not None
            if not factor.exists(made) or not has_range:
                continue
            before = config.get(factor.name)
            is_same = before is not None and factor.range_for(config) == factor.range_for(made)
            if factor.name == name:
                made[name] = chosen
            elif factor.role == "fixed":
                made[factor.name] = factor.levels[0]
            else:
                kept = before if is_same else None
                made[factor.name] = self.of_factor(factor, made) if kept is None else kept
        return {f.name: made[f.name] for f in self.study.factors if f.name in made}

    def _level(self, factor: Factor) -> Level:
        if factor.name == "epochs" and not self.study.is_free:
            return min(factor.levels)
        own = self._own(factor)
        found = None if own is None else exact_level(own, factor.levels)
        return factor.levels[0] if found is None else found

    def _own(self, factor: Factor) -> Level | None:
        """What the recipe, or a search that was imported, has where nobody says anything."""
        if self.study.is_free:
            return self.commonest.get(factor.name)
        found: Level | None = getattr(Recipe, factor.name, None)
        return None if factor.name in _WITHOUT else found


def is_at(value: Level, default: Level) -> bool:
    """Whether a level is the default, to what is lost when a number is written down."""
    if isinstance(value, str | bool) or isinstance(default, str | bool):
        return value == default
    return bool(np.isclose(float(value), float(default), rtol=1e-9, atol=0.0))


def _commonest(factor: Factor, column: pd.Series) -> Level:
    """The level that most trials had; of several the first one in reading order."""
    tried: Iterable[Level] = column.dropna().tolist()
    levels = [exact_level(value, factor.levels) for value in tried]
    return max(factor.levels, key=levels.count)


def _middle(factor: Factor, applies: Range) -> Level:
    """The middle of a range on its scale, with one digit where that stays in the range."""
    ends = np.array([applies.low, applies.high])
    middle = float(np.sqrt(ends.prod()) if factor.log else ends.mean())
    if factor.is_whole:
        return round(middle)
    rounded = float(f"{middle:.0e}")
    return rounded if applies.low <= rounded <= applies.high else middle
