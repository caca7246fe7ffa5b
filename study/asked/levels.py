"""One value of one factor, and what hangs on it."""

from collections.abc import Mapping

Level = str | int | float | bool
"""One value of a factor, as the study file spells it."""

Config = Mapping[str, Level]
"""One level per factor that exists; a factor that does not exist under the others is absent."""


def holds(when: Config, config: Config) -> bool:
    """Whether each factor that `when` names has the level that it asks for."""
    return all(name in config and config[name] == level for name, level in when.items())


def exact_level(value: Level, levels: tuple[Level, ...]) -> Level | None:
    """The level that equals `value`, where true is not 1; None if there is none."""
    same = (x for x in levels if x == value and isinstance(x, bool) == isinstance(value, bool))
    return next(same, None)
