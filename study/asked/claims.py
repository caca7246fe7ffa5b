"""A claim's table, in any of its five spellings, to the claim that it states."""

import re
from collections.abc import Mapping
from typing import Any, Final

from study.asked.factors import (
    Claim,
    DifferenceClaim,
    DropClaim,
    EquivalenceClaim,
    Factor,
    ImportanceClaim,
    Level,
    RangeClaim,
    exact_level,
)
from study.asked.toml_tables import ClaimTable, Place, Source, did_you_mean, shown

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STATING: Final = (
    "factor", "better", "worse", "least", "when", "equal", "within", "more_than", "drop_at_most"
)  # fmt: skip


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
    form = frozenset(
        k for k in _STATING if getattr(table, k) is not None and getattr(table, k) != {}
    )
    if form == {"drop_at_most"} and table.drop_at_most is not None:
        return DropClaim(
            name=name, text=table.text, needs=table.needs, drop_at_most=float(table.drop_at_most)
        )
    by_name = {f.name: f for f in factors}
    for key, factor in (("factor", table.factor), ("more_than", table.more_than)):
        if factor is not None:
            _check_varied(factor, by_name, source, (*place, key))
    if table.factor is not None:
        found = _of_factor(name, table, form - {"factor"}, by_name, source)
        if found is not None:
            return found
    problem = (
        f"it has {', '.join(sorted(form - {'factor'})) or 'no statement'}; a claim has better, "
        "worse and least; or equal and within; or more_than, each with its factor; or it has "
        "drop_at_most and no factor"
    )
    raise source.error(place, problem)


def _of_factor(
    name: str,
    table: ClaimTable,
    form: frozenset[str],
    by_name: Mapping[str, Factor],
    source: Source,
) -> Claim | None:
    """The claim about a factor that is there and varies; None where no form is complete."""
    place: Place = ("claims", name)
    asked = by_name[str(table.factor)]
    if form - {"when"} == {"better", "worse", "least"} and table.least is not None:
        if isinstance(table.better, tuple) or isinstance(table.worse, tuple):
            return _range_claim(name, table, asked, by_name, source)
        if "when" in form:
            raise source.error((*place, "when"), "only a claim about two ranges has it; drop it")
        better = _claimed(table.better, asked, source, (*place, "better"))
        worse = _claimed(table.worse, asked, source, (*place, "worse"))
        if better == worse:
            raise source.error(place, "better and worse are the same level; change one")
        return DifferenceClaim(
            name=name,
            text=table.text,
            needs=table.needs,
            factor=asked.name,
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
            needs=table.needs,
            factor=asked.name,
            equal=(levels[0], levels[1]),
            within=float(table.within),
        )
    if form == {"more_than"} and table.more_than is not None:
        if table.more_than == table.factor:
            raise source.error((*place, "more_than"), "a factor cannot outweigh itself; change it")
        return ImportanceClaim(
            name=name,
            text=table.text,
            needs=table.needs,
            factor=asked.name,
            more_than=table.more_than,
        )
    return None


def _range_claim(
    name: str, table: ClaimTable, asked: Factor, by_name: Mapping[str, Factor], source: Source
) -> RangeClaim:
    place: Place = ("claims", name)
    better, worse = table.better, table.worse
    if not asked.is_numeric:
        problem = (
            f"`{asked.name}` has levels, not a range; give one level each as better and worse"
        )
        raise source.error(place, problem)
    for key, side in (("better", better), ("worse", worse)):
        if not isinstance(side, tuple):
            raise source.error(
                (*place, key), "the other side is a range; give two numbers here too"
            )
        if not any(r.low <= side[1] and side[0] <= r.high for r in asked.ranges):
            there = "; ".join(f"{r.low:g} to {r.high:g}" for r in asked.ranges)
            problem = f"no trial has {asked.name} from {side[0]:g} to {side[1]:g}; it has {there}"
            raise source.error((*place, key), problem)
    if better[0] <= worse[1] and worse[0] <= better[1]:
        raise source.error(place, "better and worse overlap; part them")
    when = {}
    for other, value in table.when.items():
        _check_varied(other, by_name, source, (*place, "when", other))
        when[other] = _claimed(value, by_name[other], source, (*place, "when", other))
    return RangeClaim(
        name=name,
        text=table.text,
        needs=table.needs,
        factor=asked.name,
        better=better,
        worse=worse,
        least=float(table.least or 0.0),
        when=when,
    )


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
