"""A factor as its table spells it: what it varies over, and under which levels of others.

What a value may be is the caller's to say: a field of the recipe, or anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from study.asked.factors import Config, Factor, Level, Range, When, exact_level
from study.asked.toml_tables import FactorTable
from study.asked.toml_values import Place, Source, did_you_mean, shown

Typed = Callable[[str, Any, Source, Place], Level]
"""A factor's name, a value and its place -> the level that it means, or the error about it."""


class FreeFactorTable(FactorTable):
    """`[factors.NAME]`."""

    whole: bool = False


def read_factor(
    name: str, table: FactorTable, source: Source, *, typed: Typed, end: Typed
) -> Factor:
    """The factor that a table of a passed spelling describes, conditions as they are written.

    Args:
        name: Its key in the file.
        table: What it says.
        source: For errors.
        typed: What its levels and its value may be.
        end: What the ends of its ranges may be.

    Raises:
        StudyFileError: A level, value or range is nothing that it can be.
    """
    place: Place = ("factors", name)
    when = {n: tuple(v) if isinstance(v, list) else v for n, v in table.when.items()}
    if table.role == "fixed":
        value = typed(name, table.value, source, (*place, "value"))
        return Factor(name=name, role="fixed", levels=(value,), when=when)
    if table.levels is not None:
        levels = tuple(
            typed(name, level, source, (*place, "levels", n))
            for n, level in enumerate(table.levels)
        )
        if len(set(levels)) < len(levels):
            twice = next(x for x in levels if levels.count(x) > 1)
            raise source.error((*place, "levels"), f"{shown(twice)} is there twice; drop one")
        return Factor(name=name, role=table.role, levels=levels, when=when)
    return Factor(
        name=name,
        role=table.role,
        ranges=_ranges(name, table, source, end),
        log=table.log,
        when=when,
    )


def check_spelling(name: str, table: FactorTable, source: Source) -> None:
    """Refuse a factor that says too little or two things at once about what it varies over.

    Raises:
        StudyFileError: It does.
    """
    place: Place = ("factors", name)
    if table.role == "fixed":
        if table.value is None:
            raise source.error(place, "a fixed factor needs its one `value`")
        if table.levels is not None or table.has_range:
            raise source.error(place, "a fixed factor has only a `value`; drop levels and range")
    elif table.value is not None:
        problem = f"a value is for fixed factors, this one is {table.role}; give `levels`"
        raise source.error((*place, "value"), problem)
    if table.levels is not None and table.has_range:
        raise source.error(place, "it has both levels and a range; keep one of them")
    if table.log and not table.has_range:
        raise source.error((*place, "log"), "only a range can be logarithmic; drop it")
    if table.role == "arm":
        if table.levels is None or len(table.levels) < 2:
            raise source.error(place, "arms are crossed levels; give at least two `levels`")
        if table.when:
            raise source.error((*place, "when"), "an arm always exists; drop it")
    if table.role == "tuned":
        if table.levels is None and not table.has_range:
            raise source.error(place, "give `levels`, or `low` and `high`")
        if table.levels is not None and len(table.levels) < 2:
            problem = "one level cannot be tuned; add another, or use role fixed and `value`"
            raise source.error((*place, "levels"), problem)


def _ranges(name: str, table: FactorTable, source: Source, end: Typed) -> tuple[Range, ...]:
    place: Place = ("factors", name)
    unconditional: Config = {}
    if table.range is None:
        if table.low is None or table.high is None:
            missing = "high" if table.high is None else "low"
            raise source.error(place, f"its range has no `{missing}`; add it")
        spelled = [(place, table.low, table.high, unconditional)]
    elif table.low is not None or table.high is not None:
        raise source.error(place, "it has low or high beside [[range]]; keep one of them")
    elif not table.range:
        raise source.error((*place, "range"), "the list of ranges is empty; add one")
    else:
        spelled = [
            ((*place, "range", n), r.low, r.high, r.when) for n, r in enumerate(table.range)
        ]
    ranges = []
    for at, low, high, when in spelled:
        ends = (
            end(name, low, source, (*at, "low")),
            end(name, high, source, (*at, "high")),
        )
        if low >= high:
            raise source.error(at, f"low {low:g} is not below high {high:g}; expected low < high")
        if table.log and low <= 0:
            problem = f"{low:g} has no logarithm; give a low above 0, or drop `log`"
            raise source.error((*at, "low"), problem)
        ranges.append(Range(low=float(ends[0]), high=float(ends[1]), when=when))
    return tuple(ranges)


def with_typed_conditions(factor: Factor, named: Mapping[str, Factor], source: Source) -> Factor:
    """The factor with each level that it hangs on as the other factor has it.

    Raises:
        StudyFileError: There is no such factor or level.
    """
    place: Place = ("factors", factor.name)
    ranges = tuple(
        replace(r, when=typed_condition(r.when, named, source, (*place, "range", n, "when")))
        for n, r in enumerate(factor.ranges)
    )
    return replace(factor, ranges=ranges, when=_existence(factor, named, source))


def _existence(factor: Factor, named: Mapping[str, Factor], source: Source) -> When:
    """The levels under which a factor exists, of which a fixed one may name several."""
    place: Place = ("factors", factor.name, "when")
    typed: dict[str, Level | tuple[Level, ...]] = {}
    for name, asked in factor.when.items():
        if not isinstance(asked, tuple):
            typed |= typed_condition({name: asked}, named, source, place)
            continue
        if factor.role != "fixed" or not asked:
            problem = f"`{name}` is {shown(asked)} here; name one level, since the factor varies"
            raise source.error(place, problem if asked else f"`{name}` has no level; name one")
        each = [typed_condition({name: level}, named, source, place)[name] for level in asked]
        typed[name] = tuple(each) if len(each) > 1 else each[0]
    return typed


def typed_condition(
    when: Config, named: Mapping[str, Factor], source: Source, place: Place
) -> Config:
    """The levels of a condition as the named factors have them.

    Raises:
        StudyFileError: There is no such factor or level.
    """
    typed = {}
    for name, value in when.items():
        if name not in named:
            problem = f"`{name}` is no factor of this study; {did_you_mean(name, named)}"
            raise source.error(place, problem)
        levels = named[name].levels
        level = exact_level(value, levels)
        if level is None:
            there = f"expected one of {', '.join(map(shown, levels))}"
            if not levels:
                there = "it has a range and no levels, so nothing can hang on it"
            problem = f"{shown(value)} is no level of `{name}`; {there}"
            raise source.error(place, problem)
        typed[name] = level
    return typed


def free_factors(
    tables: Mapping[str, FreeFactorTable], also: Mapping[str, Factor], source: Source
) -> tuple[Factor, ...]:
    """Factors of any name that the tables describe, then those of `also` that they do not name.

    Raises:
        StudyFileError: One of them is wrong by itself, or hangs on what is not there.
    """
    named = {name: _free_factor(name, table, source) for name, table in tables.items()}
    named = {**named, **{name: f for name, f in also.items() if name not in named}}
    return tuple(with_typed_conditions(f, named, source) for f in named.values())


def _free_factor(name: str, table: FreeFactorTable, source: Source) -> Factor:
    place: Place = ("factors", name)
    check_spelling(name, table, source)
    if table.whole and not table.has_range:
        raise source.error((*place, "whole"), "only a range can be of whole numbers; drop it")
    factor = read_factor(name, table, source, typed=_as_it_is, end=_as_it_is)
    if table.whole and any(not end.is_integer() for r in factor.ranges for end in (r.low, r.high)):
        raise source.error((*place, "whole"), "a range has ends that are not whole; change them")
    if len({_kind(level) for level in factor.levels}) > 1:
        problem = "they are of several kinds; write all as texts, as the tables have them"
        raise source.error((*place, "levels"), problem)
    return replace(factor, whole=table.whole)


def free_configuration(
    config: Mapping[str, Any], named: Mapping[str, Factor], source: Source, place: Place
) -> dict[str, Level]:
    """An included configuration, each value as its factor has it.

    Raises:
        StudyFileError: There is no such factor, or a number was wanted.
    """
    unconditional = {name: v for name, v in config.items() if not _is_numeric(name, named)}
    typed = dict(typed_condition(unconditional, named, source, place))
    for name, value in config.items():
        if name in typed:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (named[name].is_whole and not float(value).is_integer()):
            wanted = "a whole number" if named[name].is_whole else "a number"
            raise source.error((*place, name), f"{shown(value)} is not {wanted}; change it")
        typed[name] = int(value) if named[name].is_whole else float(value)
    return {name: typed[name] for name in config}


def _is_numeric(name: str, named: Mapping[str, Factor]) -> bool:
    return name in named and named[name].is_numeric


def _kind(level: Level) -> type:
    return float if type(level) is int else type(level)


def _as_it_is(_: str, value: Any, __: Source, ___: Place) -> Level:
    level: Level = value
    return level
