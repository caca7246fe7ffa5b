"""What a search varied: ranges and conditions as declared, else as the trials have them.

A setting that some trials lack exists under a level of another one, if there is a level under
which every trial has it and no other does. One that exists under several levels becomes a factor
for each of them, since a factor of a study hangs on one level.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final

import numpy as np

from study.asked.factors import Factor, Level, Range
from study.asked.toml_tables import MAX_LEVELS
from study.imports.search import Domain, Trial

MOST_LEVELS: Final = 40
"""Texts that a setting may have; more name something else, such as a path or a seed."""

FEW_NUMBERS: Final = 6
"""Different numbers up to which they are taken for levels, if each was tried several times."""

_WIDE: Final = 30.0
"""Times that the largest number is the smallest one from which on a scale may be logarithmic."""


_Ends = tuple[float, float]
"""Low and high end of a range."""


@dataclass(frozen=True, kw_only=True)
class Varied:
    """The factors of a search.

    Attributes:
        factors: As a study file has them.
        values: Level of each factor by trial, in the trials' order; None where it does not exist.
        guessed: Factors whose range or levels are only those that were tried.
        remarks: What is to be known of a factor, by its name.
        left_out: Settings that are no factor, each with the reason.
    """

    factors: tuple[Factor, ...]
    values: dict[str, list[Level | None]]
    guessed: frozenset[str]
    remarks: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """One setting over all trials; `values` are None where a trial lacks it."""

    name: str
    values: list[Level | None]
    domains: list[Domain | None]

    @property
    def present(self) -> np.ndarray:
        return np.array([value is not None for value in self.values], dtype=bool)

    @property
    def levels(self) -> list[Level]:
        return list(dict.fromkeys(value for value in self.values if value is not None))


def varied(trials: Sequence[Trial]) -> Varied:
    """What the trials varied, in the order in which settings first occur."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    factors: dict[str, Factor] = {}
    values: dict[str, list[Level | None]] = {}
    guessed, remarks, left_out = set(), {}, {}
    settings = {name: _setting(name, trials) for name in names}
    for setting in settings.values():
        reason = _no_factor(setting)
        if reason:
            left_out[setting.name] = reason
            continue
        conditions = _conditions(setting, settings, factors)
        if not conditions:
            missing = int((~setting.present).sum())
            left_out[setting.name] = (
                f"{missing} trials lack it, and no level of another setting says which"
            )
            continue
        for when in conditions:
            suffix = f" ({', '.join(map(str, when.values()))})" if len(conditions) > 1 else ""
            here = _under(setting, when, settings)
            factor, is_guessed, remark = _factor(here, when, settings, factors)
            factor = replace(factor, name=setting.name + suffix)
            factors[factor.name], values[factor.name] = factor, here.values
            if is_guessed:
                guessed.add(factor.name)
            if remark:
                remarks[factor.name] = remark
    return Varied(
        factors=tuple(factors.values()),
        values=values,
        guessed=frozenset(guessed),
        remarks=remarks,
        left_out=left_out,
    )


def _setting(name: str, trials: Sequence[Trial]) -> _Setting:
    domains = [trial.domains.get(name) for trial in trials]
    raw = [trial.params.get(name, _ABSENT) for trial in trials]
    choices = next((d.choices for d in domains if d and d.choices), ())
    tried = [value for value in raw if value is not _ABSENT]
    spell = _spelling([*tried, *choices])
    return _Setting(
        name=name,
        values=[None if value is _ABSENT else spell(value) for value in raw],
        domains=[
            d and replace(d, choices=tuple(dict.fromkeys(map(spell, d.choices)))) for d in domains
        ],
    )


_ABSENT: Final = object()


def _spelling(values: Iterable[Any]) -> Any:
    """How a setting's values are spelled as levels: of one kind, for a column has one type."""
    kinds = {type(value) for value in values}
    if kinds == {bool} or kinds == {str} or kinds == {int} or kinds == {float}:
        return lambda value: value
    if kinds <= {int, float}:
        return float
    return _text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return str(value)


def _no_factor(setting: _Setting) -> str:
    """Why a setting can be no factor; empty: it can."""
    levels = setting.levels
    if any(isinstance(v, float) and not math.isfinite(v) for v in levels):
        return "it has values that are no finite numbers"
    choices = next((d.choices for d in setting.domains if d and d.choices), ())
    if len(choices) > MAX_LEVELS:
        return f"{len(choices)} choices are more than a factor has levels"
    is_declared = any(d is not None for d in setting.domains)
    if isinstance(levels[0], str) and len(levels) > MOST_LEVELS and not is_declared:
        return f"{len(levels)} different texts are no levels"
    return ""


def _conditions(
    setting: _Setting, settings: Mapping[str, _Setting], factors: Mapping[str, Factor]
) -> list[dict[str, Level]]:
    """Levels under which it exists, one condition or several; `[{}]`: always; none: nobody knows.

    Only settings that came before, and have levels, can be what it hangs on.
    """
    present = setting.present
    if present.all():
        return [{}]
    choices = [settings[n] for n, f in factors.items() if n in settings and len(f.levels) > 1]
    for other in choices:
        levels = [v for v in other.levels if _where(other, v)[present].any()]
        covered = np.any([_where(other, v) for v in levels], axis=0)
        if np.array_equal(covered, present):
            return [{other.name: level} for level in levels]
    for first in choices:
        for second in choices:
            for a in first.levels:
                for b in second.levels if first is not second else []:
                    both = _where(first, a) & _where(second, b)
                    if np.array_equal(both, present):
                        return [{first.name: a, second.name: b}]
    return []


def _where(setting: _Setting, level: Level) -> np.ndarray:
    return np.array([value == level for value in setting.values], dtype=bool)


def _under(
    setting: _Setting, when: Mapping[str, Level], settings: Mapping[str, _Setting]
) -> _Setting:
    """The setting where these levels are."""
    here = np.ones(len(setting.values), dtype=bool)
    for name, level in when.items():
        here &= _where(settings[name], level)
    keep = [bool(k) for k in here]
    return replace(
        setting,
        values=[v if k else None for v, k in zip(setting.values, keep, strict=True)],
        domains=[d if k else None for d, k in zip(setting.domains, keep, strict=True)],
    )


def _factor(
    setting: _Setting,
    when: dict[str, Level],
    settings: Mapping[str, _Setting],
    factors: Mapping[str, Factor],
) -> tuple[Factor, bool, str]:
    """The factor, whether it is guessed, and a remark; it may be renamed."""
    levels = setting.levels
    domains = [d for d in setting.domains if d is not None]
    numbers = [d for d in domains if not d.choices]
    if numbers:
        return _declared_number(setting, when, settings, factors)
    if domains:
        # a value that somebody enqueued need not be among those that were declared
        choices = tuple(dict.fromkeys([*(c for d in domains for c in d.choices), *levels]))
        if len(choices) == 1:
            return _fixed(setting.name, choices[0], when), False, ""
        return Factor(name=setting.name, role="tuned", levels=choices, when=when), False, ""
    if len(levels) == 1:
        return _fixed(setting.name, levels[0], when), False, ""
    is_number = not isinstance(levels[0], str | bool)
    often = len(levels) * 3 <= sum(value is not None for value in setting.values)
    if not is_number or (len(levels) <= FEW_NUMBERS and often):
        ordered = tuple(sorted(levels) if is_number else levels)
        return Factor(name=setting.name, role="tuned", levels=ordered, when=when), True, ""
    found = np.array([float(v) for v in setting.values if v is not None])
    factor = Factor(
        name=setting.name,
        role="tuned",
        ranges=(Range(low=float(found.min()), high=float(found.max())),),
        log=_looks_logarithmic(found),
        when=when,
        whole=all(isinstance(v, int) for v in levels),
    )
    return factor, True, ""


def _fixed(name: str, value: Level, when: dict[str, Level]) -> Factor:
    return Factor(name=name, role="fixed", levels=(value,), when=when)


def _declared_number(
    setting: _Setting,
    when: dict[str, Level],
    settings: Mapping[str, _Setting],
    factors: Mapping[str, Factor],
) -> tuple[Factor, bool, str]:
    """A number with its declared range, or its ranges under the levels of another factor."""
    declared = [(d.low, d.high) if d and not d.choices else None for d in setting.domains]
    ends = list(dict.fromkeys(pair for pair in declared if pair))
    is_log = all(d.is_log for d in setting.domains if d)
    is_whole = all(d.is_whole for d in setting.domains if d)
    low, high = min(pair[0] for pair in ends), max(pair[1] for pair in ends)
    if low == high:
        value: Level = int(low) if is_whole else low
        return _fixed(setting.name, value, when), False, ""
    ranges: tuple[Range, ...] = (Range(low=low, high=high),)
    remark = ""
    if len(ends) > 1:
        found = _ranges_by_level(setting, declared, settings, factors)
        ranges = found or ranges
        remark = "" if found else "its range was not the same in all trials; this holds them all"
    factor = Factor(
        name=setting.name, role="tuned", ranges=ranges, log=is_log and low > 0, when=when,
        whole=is_whole,
    )  # fmt: skip
    return factor, False, remark


def _ranges_by_level(
    setting: _Setting,
    declared: Sequence[_Ends | None],
    settings: Mapping[str, _Setting],
    factors: Mapping[str, Factor],
) -> tuple[Range, ...] | None:
    """A range for each level, or pair of levels, of the factors that decide it; None: none do.

    Where no trial says which range a pair has, that is the one of all of them together.
    """
    choices = [
        name
        for name, factor in factors.items()
        if name in settings and len(factor.levels) > 1 and settings[name].present.all()
    ]
    for names in (*((name,) for name in choices), *combinations(choices, 2)):
        found: dict[tuple[Level | None, ...], set[_Ends]] = {}
        levels = zip(*(settings[name].values for name in names), strict=True)
        for key, ends in zip(levels, declared, strict=True):
            if ends is not None:
                found.setdefault(key, set()).add(ends)
        each = {key: next(iter(ends)) for key, ends in found.items() if len(ends) == 1}
        if len(each) < len(found) or any(low >= high for low, high in each.values()):
            continue
        ranges = [
            Range(low=low, high=high, when=dict(zip(names, map(_given, key), strict=True)))
            for key, (low, high) in each.items()
        ]
        if len(each) < math.prod(len(factors[name].levels) for name in names):
            low, high = (min(e[0] for e in each.values()), max(e[1] for e in each.values()))
            ranges.append(Range(low=low, high=high))
        return tuple(ranges)
    return None


def _given(level: Level | None) -> Level:
    assert level is not None, "only factors that always exist decide ranges"
    return level


def _looks_logarithmic(found: np.ndarray) -> bool:
    """Whether the numbers lie more evenly between their ends on a logarithmic scale."""
    if found.min() <= 0 or found.max() < _WIDE * found.min():
        return False
    return _unevenness(np.log(found)) < _unevenness(found)


def _unevenness(values: np.ndarray) -> float:
    """Largest distance between the distribution of values and an even one (Kolmogorov's)."""
    place = (np.sort(values) - values.min()) / (values.max() - values.min())
    return float(np.abs(place - np.linspace(0, 1, len(place))).max())
