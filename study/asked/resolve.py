"""From the tables of a study file to a `Study`: levels typed, ranges built, defaults filled in.

Problems that one factor, claim or included configuration has by itself are found here; those
between them, in `study.asked.rules`.
"""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, get_args, get_type_hints

from agecls.classes import Classes
from agecls.command import seconds
from agecls.nets.families import family_of
from agecls.recipe import BOUNDS, CHOICES, Recipe, choices, is_choice
from study.asked.claim import Claim
from study.asked.claims.forms import ClaimTable, resolve_claim
from study.asked.class_words import OfFolders, resolve_classes
from study.asked.factors import (
    Config,
    Factor,
    FoldPlan,
    Level,
    PretrainPlan,
    Range,
    ScoutPlan,
    SettlePlan,
    Study,
    When,
    exact_level,
)
from study.asked.toml_tables import FactorTable, FileTables
from study.asked.toml_values import Place, Source, did_you_mean, shown

FIELDS: Final = tuple(f.name for f in fields(Recipe) if f.name != "seed")
"""What a factor can be: every field of a recipe but the seed, which the plan gives."""

_TYPES: Final[dict[str, type]] = {
    name: (get_args(hint) or (hint,))[0] for name, hint in get_type_hints(Recipe).items()
}
_TYPE_WORDS: Final = {str: "a text", bool: "true or false", int: "a whole number", float: "number"}


def resolve(
    tables: FileTables, source: Source, *, default_name: str, of_folders: OfFolders | None = None
) -> Study:
    """The study that the tables ask for, not yet checked by `study.asked.rules`.

    Raises:
        StudyFileError: A factor, claim or included configuration is wrong by itself.
    """
    factors = _factors(tables, source)
    classes = resolve_classes(tables, source, of_folders)
    return Study(
        name=_name(tables.study.name or default_name, source),
        question=tables.study.question
        or f"Which factors of training matter on these {classes.subject}?",
        metric=tables.study.metric,
        trials=tables.study.trials,
        added=tables.study.added,
        epochs=tables.study.epochs,
        seed=tables.study.seed,
        design_share=float(tables.study.design_share),
        reduction=tables.study.reduction,
        confirm_seeds=tables.confirm.seeds,
        data=tables.data.path,
        size=tables.data.size,
        deduplicate=tables.data.deduplicate,
        max_bad_share=float(tables.data.max_bad_share),
        classes=classes,
        weights=tables.weights.source if tables.weights else None,
        pretrain=PretrainPlan(**dict(tables.pretrain)) if tables.pretrain else None,
        factors=factors,
        claims=_claims(tables.claims, ("claims",), factors, classes, source),
        included=tuple(_typed(c, source, ("include", n)) for n, c in enumerate(tables.include)),
        scout=_scout(tables, factors, source),
        settle=_settle(tables, factors, classes, source),
        folds=FoldPlan(**dict(tables.folds)) if tables.folds else None,
    )


def _claims(
    tables: Mapping[str, ClaimTable],
    place: Place,
    factors: tuple[Factor, ...],
    classes: Classes,
    source: Source,
) -> tuple[Claim, ...]:
    return tuple(
        resolve_claim(table, (*place, name), factors=factors, source=source).about(classes.subject)
        for name, table in tables.items()
    )


def _settle(
    tables: FileTables, factors: tuple[Factor, ...], classes: Classes, source: Source
) -> SettlePlan | None:
    table = tables.settle
    if table is None:
        return None
    for name in table.claims.keys() & tables.claims.keys():
        problem = "a claim of this name was declared before the search; choose another name"
        raise source.error(("settle", "claims", name), problem)
    try:
        budget = None if table.time_budget is None else seconds(table.time_budget)
    except ArgumentTypeError as error:
        raise source.error(("settle", "time_budget"), str(error)) from None
    return SettlePlan(
        trainings=table.trainings,
        time_budget=budget,
        claims=_claims(table.claims, ("settle", "claims"), factors, classes, source),
    )


def _scout(tables: FileTables, factors: tuple[Factor, ...], source: Source) -> ScoutPlan | None:
    table, named = tables.scout, {f.name: f for f in factors}
    if table is None:
        return None
    declared = []
    for number, asked in enumerate(table.declared or []):
        place: Place = ("scout", "declared", number)
        ends = {end: getattr(asked, end) for end in ("low", "high")}
        low, high = (_typed_level("lr", v, source, (*place, k)) for k, v in ends.items())
        if not 0 < float(low) < float(high):
            problem = f"{low:g} to {high:g} is no range of rates; restore the file from a copy"
            raise source.error(place, problem)
        when = _condition(asked.when, named, source, (*place, "when"))
        declared.append(Range(low=float(low), high=float(high), when=when))
    return ScoutPlan(
        trials=table.trials, epochs=table.epochs, widen=table.widen, declared=tuple(declared)
    )


def _name(name: str, source: Source) -> str:
    # it names a folder under results/
    plain = name.isprintable() and not set('/\\:*?"<>|') & set(name)
    # file systems end at 255 bytes, and a second study of the name gets a number behind it
    fits = 0 < len(name) <= 100 and len(name.encode(errors="replace")) <= 200
    if not plain or name.startswith(".") or not fits:
        problem = f"{shown(name)} cannot name a folder; set it to letters, digits and hyphens"
        raise source.error(("study", "name"), problem)
    return name


def _factors(tables: FileTables, source: Source) -> tuple[Factor, ...]:
    if all(f.role == "fixed" for f in tables.factors.values()):
        raise source.error(("factors",), "nothing varies; give a factor the role arm or tuned")
    named = {name: _factor(name, f, source) for name, f in tables.factors.items()}
    init = named["init"].levels if "init" in named else (Recipe.init,)
    variants = named["variant"].levels if "variant" in named else (Recipe.variant,)
    for name in FIELDS:
        having = tuple(v for v in variants if name not in family_of(str(v)).lacks)
        if not having:
            continue
        here: When = {}
        if len(having) < len(variants):
            here = {"variant": having if len(having) > 1 else having[0]}
        if name == "epochs":
            default: Level | None = tables.study.epochs
        else:
            default = getattr(Recipe, name)
        if name == "zero_gamma" and "scratch" in init:
            here = {"init": "scratch", **here}
            default = False
        if default is not None:
            named.setdefault(name, Factor(name=name, role="fixed", levels=(default,), when=here))
    return tuple(_with_typed_conditions(f, named, source) for f in named.values())


def _factor(name: str, table: FactorTable, source: Source) -> Factor:
    place: Place = ("factors", name)
    if name not in FIELDS:
        if name == "seed":
            raise source.error(place, "the plan gives the seeds; set [study] seed instead")
        raise source.error(place, f"a recipe has no such field; {did_you_mean(name, FIELDS)}")
    _check_spelling(name, table, source)
    when = {n: tuple(v) if isinstance(v, list) else v for n, v in table.when.items()}
    if table.role == "fixed":
        value = _typed_level(name, table.value, source, (*place, "value"))
        return Factor(name=name, role="fixed", levels=(value,), when=when)
    if table.levels is not None:
        levels = tuple(
            _typed_level(name, level, source, (*place, "levels", n))
            for n, level in enumerate(table.levels)
        )
        if len(set(levels)) < len(levels):
            twice = next(x for x in levels if levels.count(x) > 1)
            raise source.error((*place, "levels"), f"{shown(twice)} is there twice; drop one")
        return Factor(name=name, role=table.role, levels=levels, when=when)
    return Factor(
        name=name,
        role=table.role,
        ranges=_ranges(name, table, source),
        log=table.log,
        when=when,
    )


def _check_spelling(name: str, table: FactorTable, source: Source) -> None:
    """Refuse a factor that says too little or two things at once about what it varies over."""
    place: Place = ("factors", name)
    has_range = table.low is not None or table.high is not None or table.range is not None
    if table.role == "fixed":
        if table.value is None:
            raise source.error(place, "a fixed factor needs its one `value`")
        if table.levels is not None or has_range:
            raise source.error(place, "a fixed factor has only a `value`; drop levels and range")
    elif table.value is not None:
        problem = f"a value is for fixed factors, this one is {table.role}; give `levels`"
        raise source.error((*place, "value"), problem)
    if table.levels is not None and has_range:
        raise source.error(place, "it has both levels and a range; keep one of them")
    if table.log and not has_range:
        raise source.error((*place, "log"), "only a range can be logarithmic; drop it")
    if name == "epochs" and table.when:
        raise source.error((*place, "when"), "every trial has a length; drop it")
    if table.role == "arm":
        if table.levels is None or len(table.levels) < 2:
            raise source.error(place, "arms are crossed levels; give at least two `levels`")
        if table.when:
            raise source.error((*place, "when"), "an arm always exists; drop it")
    if table.role == "tuned":
        if table.levels is None and not has_range:
            raise source.error(place, "give `levels`, or `low` and `high`")
        if table.levels is not None and len(table.levels) < 2:
            problem = "one level cannot be tuned; add another, or use role fixed and `value`"
            raise source.error((*place, "levels"), problem)


def _ranges(name: str, table: FactorTable, source: Source) -> tuple[Range, ...]:
    place: Place = ("factors", name)
    if name not in BOUNDS or name == "epochs":
        # rungs compare trials of equal planned length, so lengths must be few
        raise source.error(place, f"`{name}` takes levels, not a range; list them in `levels`")
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
            _typed_level(name, _whole(name, low), source, (*at, "low")),
            _typed_level(name, _whole(name, high), source, (*at, "high")),
        )
        if low >= high:
            raise source.error(at, f"low {low:g} is not below high {high:g}; expected low < high")
        if table.log and low <= 0:
            problem = f"{low:g} has no logarithm; give a low above 0, or drop `log`"
            raise source.error((*at, "low"), problem)
        ranges.append(Range(low=float(ends[0]), high=float(ends[1]), when=when))
    return tuple(ranges)


def _whole(name: str, end: float) -> float:
    """A range's end as an int if the field is one, since every end is read as a float."""
    return int(end) if _TYPES[name] is int and end == int(end) else end


def _typed(config: Mapping[str, Any], source: Source, place: Place) -> Config:
    for name in config:
        if name not in FIELDS:
            problem = f"a recipe has no such field; {did_you_mean(name, FIELDS)}"
            raise source.error((*place, name), problem)
    return {name: _typed_level(name, v, source, (*place, name)) for name, v in config.items()}


def _typed_level(name: str, value: Any, source: Source, place: Place) -> Level:
    """The value as the recipe's field has it, if the recipe would take it."""
    wanted = _TYPES[name]
    level: Level | None
    if name in CHOICES:
        is_named = is_choice(name, value) and isinstance(value, str)
        level = value if is_named else exact_level(value, CHOICES[name])
        expected = f"one of {choices(name)}"
    elif name in BOUNDS:
        low, high = BOUNDS[name]
        is_number = isinstance(value, int if wanted is int else int | float)
        is_number = is_number and not isinstance(value, bool)
        level = wanted(value) if is_number and low <= value <= high else None
        expected = f"{_TYPE_WORDS[wanted]} from {low:g} to {high:g}"
    else:
        level = exact_level(value, (False, True))
        expected = _TYPE_WORDS[wanted]
    if level is None:
        problem = f"{shown(value)} is nothing that a recipe's {name} can be; expected {expected}"
        raise source.error(place, problem)
    return level


def _with_typed_conditions(factor: Factor, named: Mapping[str, Factor], source: Source) -> Factor:
    place: Place = ("factors", factor.name)
    ranges = tuple(
        replace(r, when=_condition(r.when, named, source, (*place, "range", n, "when")))
        for n, r in enumerate(factor.ranges)
    )
    return replace(factor, ranges=ranges, when=_existence(factor, named, source))


def _existence(factor: Factor, named: Mapping[str, Factor], source: Source) -> When:
    """The levels under which a factor exists, of which a fixed one may name several."""
    place: Place = ("factors", factor.name, "when")
    typed: dict[str, Level | tuple[Level, ...]] = {}
    for name, asked in factor.when.items():
        if not isinstance(asked, tuple):
            typed |= _condition({name: asked}, named, source, place)
            continue
        if factor.role != "fixed" or not asked:
            problem = f"`{name}` is {shown(asked)} here; name one level, since the factor varies"
            raise source.error(place, problem if asked else f"`{name}` has no level; name one")
        each = [_condition({name: level}, named, source, place)[name] for level in asked]
        typed[name] = tuple(each) if len(each) > 1 else each[0]
    return typed


def _condition(when: Config, named: Mapping[str, Factor], source: Source, place: Place) -> Config:
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
