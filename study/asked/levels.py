"""One value of one factor, and what hangs on it."""

from collections.abc import Mapping

Level = str | int | float | bool
"""One value of a factor, as the study file spells it."""

Config = Mapping[str, Level]
"""One level per factor that exists; a factor that does not exist under the others is absent."""


When = Mapping[str, Level | tuple[Level, ...]]
"""A level that each named factor must have, or several of which it must have one."""


def holds(when: When, config: Config) -> bool:
    """Whether each factor that `when` names has the level, or one of those, that it asks for."""
    return all(name in config and _meets(config[name], asked) for name, asked in when.items())


def _meets(level: Level, asked: Level | tuple[Level, ...]) -> bool:
    return level in asked if isinstance(asked, tuple) else level == asked


def exact_level(value: Level, levels: tuple[Level, ...]) -> Level | None:
    """The level that equals `value`, where true is not 1; None if there is none."""
    same = (x for x in levels if x == value and isinstance(x, bool) == isinstance(value, bool))
    return next(same, None)
