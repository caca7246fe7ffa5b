"""A study that goes on from an earlier one: what its file leaves out comes from there.

`[study] after = "results/NAME"` takes the factors and claims that the file does not write. Ranges
of such factors are narrowed to where the earlier posterior has the best recipes, and the search
begins with the earlier study's best ones. All of it is then written out, in `[after]` too, so that
the earlier folder is read once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from study.asked.claim import Claim
from study.asked.factors import Config, Factor, Level, Range, When
from study.asked.free import is_imported, is_of_a_function
from study.asked.resolve import FIELDS
from study.asked.study import Study
from study.asked.study_text import claim_tables, factor_tables
from study.asked.toml_values import Place, Source
from study.errors import StudyError

AFTER: Final = "after"
_PLACE: Final[Place] = ("study", AFTER)


@dataclass(frozen=True, kw_only=True)
class EarlierStudy:
    """What is known of an earlier study.

    Attributes:
        study: What it asked.
        sha256: Tells it from any other; see `After`.
        begin: Its best recipes as trials of another study, the best first.
        narrowed: Ranges where its posterior has the best recipes, by factor.
    """

    study: Study
    sha256: str
    begin: Callable[[Study], tuple[Config, ...]]
    narrowed: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)


OfEarlier = Callable[[str], EarlierStudy]
"""Reads the study at a path, or of a name."""


def with_earlier(
    raw: dict[str, Any], source: Source, of_earlier: OfEarlier | None
) -> tuple[dict[str, Any], EarlierStudy | None]:
    """The file's values with what they take from the study that `[study] after` names.

    Raises:
        StudyFileError: There is no such study, or nothing of it fits here.
    """
    asked = raw.get("study")
    path = asked.get(AFTER) if isinstance(asked, Mapping) else None
    if not isinstance(asked, Mapping) or not isinstance(path, str):
        return raw, None  # what it is instead is told of every key
    if AFTER in raw:
        raise source.error(_PLACE, "[after] says already what came from it; drop one of them")
    if is_imported(raw) or is_of_a_function(raw):
        raise source.error(_PLACE, "only a study of recipes goes on from another; drop it")
    if of_earlier is None:
        raise source.error(_PLACE, "it is read where a study begins, by `python -m study.run`")
    try:
        earlier = of_earlier(path)
    except StudyError as error:
        raise source.error(_PLACE, str(error)) from error
    return _joined(raw, path, earlier, source), earlier


def before_as_earlier(before: Study) -> EarlierStudy | None:
    """What a study that goes on knows of the one that it came after, whose folder may be gone."""
    after = before.after
    if after is None:
        return None
    narrowed = {f.name: f.ranges for f in before.as_declared.factors if f.name in after.narrowed}
    known = replace(before.as_declared, name=after.study, metric=after.metric)
    return EarlierStudy(
        study=known, sha256=after.sha256, begin=lambda _: after.recipes, narrowed=narrowed
    )


def _joined(
    raw: Mapping[str, Any], path: str, earlier: EarlierStudy, source: Source
) -> dict[str, Any]:
    own = {key: _table(raw, key) for key in ("factors", "claims")}
    known = earlier.study
    carried = _carried(known, own["factors"])
    here = {**own["factors"], **factor_tables(carried)}
    in_order = [*(f.name for f in known.factors), *own["factors"]]
    joined = {name: here[name] for name in in_order if name in here}
    varied = {f.name for f in known.factors if f.role != "fixed"}
    if not any(name in varied and not _is_fixed(table) for name, table in joined.items()):
        problem = f"{path} shares no factor that varies here"
        raise source.error(_PLACE, f"{problem}; drop it, or leave a factor to it")
    settle = _table(_table(raw, "settle"), "claims")
    taken = own["claims"].keys() | settle.keys()
    claims = [c for c in known.every_claim if c.name not in taken and _is_testable(c, joined)]
    narrowed = {
        name: ranges
        for name, ranges in earlier.narrowed.items()
        if not any(_names_a_part_of(c, name) for c in claims)
    }
    is_narrow = [replace(f, ranges=_narrow(f, narrowed)) for f in carried if f.name in narrowed]
    joined |= factor_tables(is_narrow)
    told = {
        "path": path,
        "study": known.name,
        "sha256": earlier.sha256,
        "metric": known.metric,
        "factors": [f.name for f in carried if f.role != "fixed"],
        "narrowed": [f.name for f in is_narrow],
        "claims": [claim.name for claim in claims],
    }
    study = {key: value for key, value in raw["study"].items() if key != AFTER}
    return {
        **raw,
        "study": study,
        "factors": joined,
        "claims": {**claim_tables(claims), **own["claims"]},
        AFTER: told,
    }


def _table(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table of the file; empty where there is none, or something else, which is told later."""
    found = raw.get(key)
    return found if isinstance(found, Mapping) else {}


def _carried(known: Study, own: Mapping[str, Any]) -> list[Factor]:
    """Factors that the file does not have and a recipe does, as they can be beside those it has.

    A range, or a factor, that hangs on a level which is not there any more goes.
    """
    carried = [f for f in known.factors if f.name not in own and f.name in FIELDS]
    # of one length only, which every study says itself
    carried = [f for f in carried if f.name != "epochs" or f.role != "fixed"]
    while True:
        here = {**own, **factor_tables(carried)}
        ranges = [tuple(r for r in f.ranges if _can_be(r.when, here)) for f in carried]
        left = [
            replace(f, ranges=kept)
            for f, kept in zip(carried, ranges, strict=True)
            if _can_be(f.when, here) and bool(kept) == f.is_numeric
        ]
        if left == carried:
            return carried
        carried = left


def _narrow(factor: Factor, narrowed: Mapping[str, tuple[Range, ...]]) -> tuple[Range, ...]:
    """A factor's ranges, each as narrow as the one with its condition."""
    by_condition = {tuple(r.when.items()): r for r in narrowed.get(factor.name, ())}
    return tuple(by_condition.get(tuple(r.when.items()), r) for r in factor.ranges)


def _can_be(when: When, factors: Mapping[str, Any]) -> bool:
    """Whether the levels that something hangs on are there."""
    return all(
        any(level in _levels(factors.get(name)) for level in _each(asked))
        for name, asked in when.items()
    )


def _each(asked: Level | tuple[Level, ...]) -> tuple[Level, ...]:
    return asked if isinstance(asked, tuple) else (asked,)


def _levels(table: Any) -> list[Any]:
    """Levels of a factor's table, or its one value."""
    if not isinstance(table, Mapping):
        return []
    levels = table.get("levels", [table.get("value")])
    return levels if isinstance(levels, list) else []


def _is_fixed(table: Any) -> bool:
    return not isinstance(table, Mapping) or table.get("role") == "fixed"


def _is_testable(claim: Claim, factors: Mapping[str, Any]) -> bool:
    """Whether what a claim names varies here."""
    if any(_is_fixed(factors.get(name)) for name in claim.varied):
        return False
    return all(level in _levels(factors.get(name)) for name, level in claim.named)


def _names_a_part_of(claim: Claim, factor: str) -> bool:
    """Whether a claim is about parts of a factor's range, which then has to stay as it was."""
    stated = claim.stated
    return stated.get("factor") == factor and isinstance(stated.get("better"), list | tuple)
