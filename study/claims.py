"""A claim's table, in any of its three spellings, to the claim that it states."""

import re
from collections.abc import Mapping
from typing import Any, Final

from study.factors import (
    Claim,
    DifferenceClaim,
    EquivalenceClaim,
    Factor,
    ImportanceClaim,
    Level,
    exact_level,
)
from study.toml_tables import ClaimTable, Place, Source, did_you_mean, shown

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def resolve_claim(
    name: str, table: ClaimTable, factors: tuple[Factor, ...], source: Source
) -> Claim:
    """The claim that a table states about factors that vary, with levels that trials have.

    Raises:
        StudyFileError: No form is complete, or a factor or level is none of the study's.
    """
    place: Place = ("claims", name)
    if not _NAME.fullmatch(name):
        raise source.error(place, "a claim's name is of letters, digits, _ and -; rename it")
    by_name = {f.name: f for f in factors}
    for key, factor in (("factor", table.factor), ("more_than", table.more_than)):
        if factor is not None:
            _check_varied(factor, by_name, source, (*place, key))
    form = {
        k
        for k in ("better", "worse", "least", "equal", "within", "more_than")
        if getattr(table, k) is not None
    }
    asked = by_name[table.factor]
    if form == {"better", "worse", "least"} and table.least is not None:
        better = _claimed(table.better, asked, source, (*place, "better"))
        worse = _claimed(table.worse, asked, source, (*place, "worse"))
        if better == worse:
            raise source.error(place, "better and worse are the same level; change one")
        return DifferenceClaim(
            name=name,
            text=table.text,
            factor=table.factor,
            better=better,
            worse=worse,
            least=float(table.least),
        )
    if form == {"equal", "within"} and table.equal is not None and table.within is not None:
        levels = [
            _claimed(v, asked, source, (*place, "equal", n)) for n, v in enumerate(table.equal)
        ]
        if len(levels) != 2 or levels[0] == levels[1]:
            raise source.error((*place, "equal"), "expected two different levels")
        return EquivalenceClaim(
            name=name,
            text=table.text,
            factor=table.factor,
            equal=(levels[0], levels[1]),
            within=float(table.within),
        )
    if form == {"more_than"} and table.more_than is not None:
        if table.more_than == table.factor:
            raise source.error((*place, "more_than"), "a factor cannot outweigh itself; change it")
        return ImportanceClaim(
            name=name, text=table.text, factor=table.factor, more_than=table.more_than
        )
    problem = (
        f"it has {', '.join(sorted(form)) or 'no statement'}; a claim has better, worse and "
        "least; or equal and within; or more_than"
    )
    raise source.error(place, problem)


def _check_varied(name: str, by_name: Mapping[str, Factor], source: Source, place: Place) -> None:
    if name not in by_name:
        problem = f"`{name}` is no factor of this study; {did_you_mean(name, by_name)}"
        raise source.error(place, problem)
    if by_name[name].role == "fixed":
        problem = f"`{name}` is fixed, so nothing can be learned about it; vary it or drop this"
        raise source.error(place, problem)


def _claimed(value: Any, factor: Factor, source: Source, place: Place) -> Level:
    level = exact_level(value, factor.levels)
    if level is None:
        there = ", ".join(map(shown, factor.levels)) or "none, it has a range"
        problem = f"no trial has {factor.name} = {shown(value)}; its levels are {there}"
        raise source.error(place, problem)
    return level
