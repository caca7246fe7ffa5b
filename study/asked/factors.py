"""What a study varies: factors, their levels and their ranges.

These classes hold no logic of search or statistics, and importing them loads nothing heavy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_type_hints

from agecls.recipe import Recipe

Level = str | int | float | bool
"""One value of a factor, as the study file spells it."""

Config = Mapping[str, Level]
"""One level per factor that exists; a factor that does not exist under the others is absent."""

When = Mapping[str, Level | tuple[Level, ...]]
"""A level that each named factor must have, or several of which it must have one."""

Role = Literal["arm", "tuned", "fixed"]

WHOLE_FACTORS: Final = frozenset(n for n, hint in get_type_hints(Recipe).items() if hint is int)
"""Numeric factors whose levels are whole numbers."""


def holds(when: When, config: Config) -> bool:
    """Whether each factor that `when` names has the level, or one of those, that it asks for."""
    return all(name in config and _meets(config[name], asked) for name, asked in when.items())


def _meets(level: Level, asked: Level | tuple[Level, ...]) -> bool:
    return level in asked if isinstance(asked, tuple) else level == asked


def exact_level(value: Level, levels: tuple[Level, ...]) -> Level | None:
    """The level that equals `value`, where true is not 1; None if there is none."""
    same = (x for x in levels if x == value and isinstance(x, bool) == isinstance(value, bool))
    return next(same, None)


@dataclass(frozen=True, kw_only=True)
class Range:
    """A numeric interval, ends included, that applies where `when` holds.

    This is the reference box of the analysis: shares and contrasts average over it.
    """

    low: float
    high: float
    when: Config = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One varied or fixed input of a recipe.

    Attributes:
        name: The recipe's field, such as `lr`.
        role: `arm` (levels are crossed), `tuned` (searched inside each arm) or `fixed`.
        levels: The levels in reading order; empty for a numeric factor; one level if fixed.
        ranges: Intervals of a numeric factor, the first one that applies counts; else empty.
        log: Whether a numeric factor is varied on a logarithmic scale.
        when: Levels of other factors under which this factor exists; empty: always. A fixed
            factor may name several levels of one; none varies then, so that the analysis, which
            knows one level, need not look.
        whole: Whether a range is of whole numbers; None: as the recipe's field of its name.
    """

    name: str
    role: Role
    levels: tuple[Level, ...] = ()
    ranges: tuple[Range, ...] = ()
    log: bool = False
    when: When = field(default_factory=dict)
    whole: bool | None = None

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are whole ones."""
        return self.name in WHOLE_FACTORS if self.whole is None else self.whole

    @property
    def is_numeric(self) -> bool:
        """Whether the factor has a range rather than levels."""
        return bool(self.ranges)

    @property
    def depends_on(self) -> frozenset[str]:
        """Names of the factors whose levels decide whether and where this one varies."""
        return frozenset(self.when).union(*(r.when for r in self.ranges))

    def exists(self, config: Config) -> bool:
        """Whether the factor has a value under the other factors' levels."""
        return holds(self.when, config)

    def range_for(self, config: Config) -> Range | None:
        """The interval under the other factors' levels, or None where none is declared."""
        return next((r for r in self.ranges if holds(r.when, config)), None)


def by_dependency(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """The factors in reading order, except that each comes after those that it depends on.

    Raises:
        ValueError: Some factors depend on each other; the message is their names.
    """
    ordered: list[Factor] = []
    waiting = list(factors)
    while waiting:
        blocked = {f.name for f in waiting}
        ready = next((f for f in waiting if not f.depends_on & blocked), None)
        if ready is None:
            raise ValueError(", ".join(f.name for f in waiting))
        ordered.append(ready)
        waiting.remove(ready)
    return tuple(ordered)


def is_inside(factor: Factor, config: Config) -> bool:
    """Whether a configuration's value of an existing factor is one that the study declares."""
    value = config[factor.name]
    if not factor.is_numeric:
        return value in factor.levels
    applies = factor.range_for(config)
    return applies is not None and applies.low <= float(value) <= applies.high
