"""From the tables of a study file to a `Study`: levels typed, ranges built, defaults filled in.

Problems that one factor, claim or included configuration has by itself are found here; those
between them, in `study.asked.rules`.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, get_args, get_type_hints

from agecls.command import seconds
from agecls.nets.families import family_of
from agecls.recipe import BOUNDS, CHOICES, Recipe, choices, is_choice
from study.asked.claim import Claim
from study.asked.claims.forms import ClaimTable, resolve_claim
from study.asked.class_words import OfFolders, resolve_classes
from study.asked.factor_tables import (
    check_spelling,
    read_factor,
    typed_condition,
    with_typed_conditions,
)
from study.asked.factors import Config, Factor, Level, Range, When, exact_level
from study.asked.plans import After, FoldPlan, PretrainPlan, ScoutPlan, SettlePlan
from study.asked.study import Study
from study.asked.toml_tables import AfterTable, FactorTable, FileTables, SettleTable
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

    def claims(tables: Mapping[str, ClaimTable], place: Place) -> tuple[Claim, ...]:
        return tuple(
            resolve_claim(t, (*place, name), factors=factors, source=source).about(classes.subject)
            for name, t in tables.items()
        )

    return Study(
        name=study_name(tables.study.name or default_name, source),
        question=tables.study.question
        or f"Which factors of training matter on these {classes.subject}?",
        metric=tables.study.metric,
        trials=tables.study.trials,
        added=tables.study.added,
        added_design=tuple((first, n) for first, n in tables.study.added_design),
        epochs=tables.study.epochs,
        seed=tables.study.seed,
        design_share=float(tables.study.design_share),
        reduction=tables.study.reduction,
        confirm_seeds=tables.confirm.seeds,
        confirm_adaptive=tables.confirm.adaptive,
        data=tables.data.path,
        size=tables.data.size,
        deduplicate=tables.data.deduplicate,
        max_bad_share=float(tables.data.max_bad_share),
        classes=classes,
        weights=tables.weights.source if tables.weights else None,
        pretrain=PretrainPlan(**dict(tables.pretrain)) if tables.pretrain else None,
        factors=factors,
        claims=claims(tables.claims, ("claims",)),
        included=tuple(_typed(c, source, ("include", n)) for n, c in enumerate(tables.include)),
        scout=_scout(tables, factors, source),
        settle=settle_plan(tables.settle, tables.claims, claims, source),
        folds=FoldPlan(**dict(tables.folds)) if tables.folds else None,
        after=_after(tables.after, source),
    )


def _after(table: AfterTable | None, source: Source) -> After | None:
    if table is None:
        return None
    recipes = [_typed(c, source, ("after", "recipe", n)) for n, c in enumerate(table.recipe)]
    return After(
        path=table.path,
        study=table.study,
        sha256=table.sha256,
        metric=table.metric,
        factors=tuple(table.factors),
        narrowed=tuple(table.narrowed),
        claims=tuple(table.claims),
        recipes=tuple(recipes),
    )


def settle_plan(
    table: SettleTable | None,
    before: Mapping[str, ClaimTable],
    claims: Callable[[Mapping[str, ClaimTable], Place], tuple[Claim, ...]],
    source: Source,
) -> SettlePlan | None:
    """What `[settle]` asks for; None: nothing.

    Args:
        table: What it says.
        before: Claims that were declared before the search.
        claims: Reads those that came after it.
        source: For errors.

    Raises:
        StudyFileError: A claim is there twice, or the budget is no length of time.
    """
    if table is None:
        return None
    for name in table.claims.keys() & before.keys():
        problem = "a claim of this name was declared before the search; choose another name"
        raise source.error(("settle", "claims", name), problem)
    try:
        budget = None if table.time_budget is None else seconds(table.time_budget)
    except ArgumentTypeError as error:
        raise source.error(("settle", "time_budget"), str(error)) from None
    return SettlePlan(
        trainings=table.trainings,
        time_budget=budget,
        claims=claims(table.claims, ("settle", "claims")),
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
        when = typed_condition(asked.when, named, source, (*place, "when"))
        declared.append(Range(low=float(low), high=float(high), when=when))
    return ScoutPlan(
        trials=table.trials, epochs=table.epochs, widen=table.widen, declared=tuple(declared)
    )


def study_name(name: str, source: Source) -> str:
    """A study's name, which names a folder under results/.

    Raises:
        StudyFileError: It cannot.
    """
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
    return tuple(with_typed_conditions(f, named, source) for f in named.values())


def _factor(name: str, table: FactorTable, source: Source) -> Factor:
    place: Place = ("factors", name)
    if name not in FIELDS:
        if name == "seed":
            raise source.error(place, "the plan gives the seeds; set [study] seed instead")
        raise source.error(place, f"a recipe has no such field; {did_you_mean(name, FIELDS)}")
    check_spelling(name, table, source)
    if name == "epochs" and table.when:
        raise source.error((*place, "when"), "every trial has a length; drop it")
    if table.has_range and (name not in BOUNDS or name == "epochs"):
        # rungs compare trials of equal planned length, so lengths must be few
        raise source.error(place, f"`{name}` takes levels, not a range; list them in `levels`")
    return read_factor(name, table, source, typed=_typed_level, end=_typed_end)


def _typed_end(name: str, end: float, source: Source, place: Place) -> Level:
    """A range's end as the recipe's field has it; the file's are all read as floats."""
    whole = int(end) if _TYPES[name] is int and end == int(end) else end
    return _typed_level(name, whole, source, place)


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
