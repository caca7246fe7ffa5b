"""Studies whose factors and metric may have any name, since they are not about our recipe.

There are two: a search that somebody else ran, whose file has a table `[imported]`, and a study
that trains a function of the user's, `[study] trainable`. Neither has data, classes, weights or
scouts. The first trains nothing; the second has all stages but those.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

from pydantic import Field

from study.asked.claim import Claim
from study.asked.claims.forms import ClaimTable, resolve_claim
from study.asked.factor_tables import FreeFactorTable, free_configuration, free_factors
from study.asked.factors import Factor
from study.asked.plans import FoldPlan, Imported, Trainable
from study.asked.resolve import settle_plan, study_name
from study.asked.study import Study
from study.asked.toml_tables import (
    MAX_TRIALS,
    AddedDesign,
    ConfirmTable,
    FoldsTable,
    SettleTable,
)
from study.asked.toml_values import LevelValue, Place, Source, Table, Text, shown
from study.measure import SHARE, Measure, Scale

IMPORTED: Final = "imported"
"""The table that makes a file one of a search that is over."""

TRAINABLE: Final = "trainable"
"""The key of `[study]` that makes it one of a function."""

EPOCHS: Final = "epochs"
"""The factor that says how long a trial is."""

MAX_EPOCHS: Final = 1_000_000

_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")

_TAKEN: Final = frozenset(
    (
        *("trial_id", "number", "arm", "origin", "status", "collapsed", "seed", "fold", "learned"),
        *("epochs_planned", "epochs_run", "epoch", "error", "started_at", "ended_at", "seconds"),
        *("train_seconds", "images_per_second", "node", "device", "peak_memory_mib"),
        *("number_format", "kernels", "best_epoch", "best_val_accuracy"),
        *("event", "at", "rung", "crc", "unread", "unlike"),
        *("model", "search_value", "search_best_value"),
        *("row", "block", "n_images", "n_clusters"),
    )
)
"""Columns of trials, epochs and later trainings, and keys of the record, that mean something else
than a metric. `study.folder.columns`, which owns the columns, is built on this room and cannot be
asked here; a test holds these names against it."""


def is_taken(metric: str) -> bool:
    """Whether a metric cannot have this name, since it names something else.

    Case does not count, as it does not in SQL.
    """
    name = metric.casefold()
    return name in _TAKEN or name.startswith("config/") or name in ("share", "points")


class FreeClaimTable(ClaimTable):
    """`[claims.NAME]`; sizes are in the metric's own unit, of which there may be many."""

    least: float | None = Field(default=None, ge=0.0)
    within: float | None = Field(default=None, gt=0.0)
    # the names of our recipe's are no choice here: `_claims` says what there is
    metric: Text | None = None  # type: ignore[assignment]


class ImportedStudyTable(Table):
    """`[study]`."""

    name: Text | None = None
    question: Text | None = None
    metric: Text
    direction: Literal["maximize", "minimize"] = "maximize"
    trials: int = Field(ge=1, le=MAX_TRIALS)
    epochs: int = Field(default=1, ge=1, le=MAX_EPOCHS)
    seed: int = Field(default=0, ge=0, lt=2**32)
    reduction: int = Field(default=3, ge=2, le=100)


class ImportedTable(Table):
    """`[imported]`."""

    source: Text
    unit: Text | None = None
    smallest: float | None = Field(default=None, gt=0.0)
    epoch: Text | None = None
    notes: list[Text] = Field(default_factory=list)


class ImportedTables(Table):
    """A whole study file of a search that is over."""

    study: ImportedStudyTable
    imported: ImportedTable
    factors: dict[str, FreeFactorTable] = Field(default_factory=dict)
    claims: dict[str, FreeClaimTable] = Field(default_factory=dict)


class TrainableStudyTable(Table):
    """`[study]`; `folder` is the tool's own, once it has found the function."""

    name: Text | None = None
    question: Text | None = None
    trainable: Text
    examples: Text | None = None
    folder: str = ""
    metric: Text
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: Text | None = None
    smallest: float | None = Field(default=None, gt=0.0)
    trials: int = Field(ge=1, le=MAX_TRIALS)
    added: int = Field(default=0, ge=0, le=MAX_TRIALS)
    added_design: list[AddedDesign] = Field(default_factory=list)
    epochs: int | None = Field(default=None, ge=1, le=MAX_EPOCHS)
    seed: int = Field(default=0, ge=0, lt=2**32)
    design_share: float = Field(default=0.4, ge=0.0, le=1.0)
    reduction: int = Field(default=3, ge=2, le=100)


class FreeSettleTable(SettleTable):
    """`[settle]`."""

    # a table of these is one of claims to whoever only reads it
    claims: dict[str, FreeClaimTable] = Field(  # type: ignore[assignment]
        default_factory=dict
    )


class TrainableTables(Table):
    """A whole study file of a function."""

    study: TrainableStudyTable
    confirm: ConfirmTable = ConfirmTable()
    folds: FoldsTable | None = None
    settle: FreeSettleTable | None = None
    factors: dict[str, FreeFactorTable]
    claims: dict[str, FreeClaimTable] = Field(default_factory=dict)
    include: list[dict[str, LevelValue]] = Field(default_factory=list)


def is_imported(raw: Mapping[str, Any]) -> bool:
    """Whether a file is of a search that somebody else ran."""
    return IMPORTED in raw


def is_of_a_function(raw: Mapping[str, Any]) -> bool:
    """Whether a file is of a study that trains a function."""
    return isinstance(raw.get("study"), Mapping) and TRAINABLE in raw["study"]


def resolve_imported(tables: ImportedTables, source: Source, *, default_name: str) -> Study:
    """The study that the tables describe, not yet checked by `study.asked.rules`.

    Raises:
        StudyFileError: A factor, claim, metric or size is wrong by itself.
    """
    asked = tables.study
    scale = _scale(tables.imported, (IMPORTED,), asked.direction, source)
    _check_metric(asked.metric, source)
    factors = free_factors(tables.factors, {}, source)
    return Study(
        name=study_name(asked.name or default_name, source),
        question=asked.question or "Which settings matter in this search?",
        metric=asked.metric,
        trials=asked.trials,
        epochs=asked.epochs,
        seed=asked.seed,
        design_share=0.0,
        reduction=asked.reduction,
        confirm_seeds=0,
        **_NOTHING_OF_FACES,
        factors=factors,
        claims=_claims(tables.claims, ("claims",), factors, Measure(asked.metric, scale), source),
        imported=Imported(
            source=tables.imported.source,
            scale=scale,
            epoch=tables.imported.epoch or "epoch",
            notes=tuple(tables.imported.notes),
        ),
    )


def resolve_trainable(tables: TrainableTables, source: Source, *, default_name: str) -> Study:
    """The study that the tables ask for, not yet checked by `study.asked.rules`.

    Raises:
        StudyFileError: A factor, claim, metric, size or the name of a function is wrong by itself.
    """
    asked = tables.study
    scale = _scale(asked, ("study",), asked.direction, source)
    _check_metric(asked.metric, source)
    for key in (TRAINABLE, "examples"):
        name = getattr(asked, key)
        if name is not None and not _FUNCTION.fullmatch(name):
            problem = f"{shown(name)} names no function; expected package.module:function"
            raise source.error(("study", key), problem)
    if all(f.role == "fixed" for f in tables.factors.values()):
        raise source.error(("factors",), "nothing varies; give a factor the role arm or tuned")
    _check_lengths(tables.factors.get(EPOCHS), source)
    epochs = asked.epochs or _longest(tables.factors.get(EPOCHS))
    length = Factor(name=EPOCHS, role="fixed", levels=(epochs,), whole=False)
    factors = free_factors(tables.factors, {EPOCHS: length}, source)
    named = {f.name: f for f in factors}

    def claims(tables: Mapping[str, ClaimTable], place: Place) -> tuple[Claim, ...]:
        return _claims(tables, place, factors, Measure(asked.metric, scale), source)

    return Study(
        name=study_name(asked.name or default_name, source),
        question=asked.question or f"Which factors of {asked.trainable} matter?",
        metric=asked.metric,
        trials=asked.trials,
        added=asked.added,
        added_design=tuple((first, n) for first, n in asked.added_design),
        epochs=epochs,
        seed=asked.seed,
        design_share=float(asked.design_share),
        reduction=asked.reduction,
        confirm_seeds=tables.confirm.seeds,
        confirm_adaptive=tables.confirm.adaptive,
        **_NOTHING_OF_FACES,
        factors=factors,
        claims=claims(tables.claims, ("claims",)),
        included=tuple(
            free_configuration(config, named, source, ("include", number))
            for number, config in enumerate(tables.include)
        ),
        settle=settle_plan(tables.settle, tables.claims, claims, source),
        folds=FoldPlan(**dict(tables.folds)) if tables.folds else None,
        trainable=Trainable(
            function=asked.trainable, scale=scale, examples=asked.examples, folder=asked.folder
        ),
    )


_NOTHING_OF_FACES: Final[dict[str, Any]] = {
    "data": "", "size": 0, "deduplicate": False, "weights": None, "pretrain": None,
}  # fmt: skip


def _check_metric(metric: str, source: Source) -> None:
    if is_taken(metric):
        problem = f"{shown(metric)} is another column of the tables; rename the metric"
        raise source.error(("study", "metric"), f"{problem} here and there")


class _Sized(Protocol):
    unit: str | None
    smallest: float | None


def _scale(table: _Sized, place: Place, direction: str, source: Source) -> Scale:
    unit, smallest = table.unit or "", table.smallest
    if smallest is None and unit != SHARE:
        problem = "it has no `smallest`, the smallest effect that counts, as a standard deviation"
        raise source.error(
            place, f'{problem} in the metric\'s own unit; add it, or unit = "share"'
        )
    if unit in ("point", "points", "%"):
        problem = f'{shown(unit)} are of a share: keep the metric in 0..1 and set unit = "share"'
        raise source.error((*place, "unit"), problem)
    is_minimised = direction == "minimize"
    if smallest is None:
        return Scale(unit=unit, is_minimised=is_minimised)
    return Scale(smallest=smallest, unit=unit, is_minimised=is_minimised)


def _check_lengths(table: FreeFactorTable | None, source: Source) -> None:
    """Refuse trials that are no whole number of epochs long."""
    if table is None:
        return
    place: Place = ("factors", EPOCHS)
    if table.when:
        raise source.error((*place, "when"), "every trial has a length; drop it")
    if table.has_range:
        # rungs compare trials of equal planned length, so lengths must be few
        problem = f"`{EPOCHS}` takes levels, not a range; list them in `levels`"
        raise source.error(place, problem)
    for key in ("levels", "value"):
        stated = getattr(table, key)
        for length in stated if isinstance(stated, list) else [stated]:
            if length is not None and (type(length) is not int or not 1 <= length <= MAX_EPOCHS):
                problem = f"{shown(length)} is no length; expected a whole number from 1"
                raise source.error((*place, key), problem)


def _longest(table: FreeFactorTable | None) -> int:
    """Epochs of the longest trial where `[study]` does not say; 1: it reports once."""
    if table is None:
        return 1
    return int(max([*(table.levels or []), *([table.value] if table.value else [])], default=1))


def _claims(
    tables: Mapping[str, ClaimTable],
    place: Place,
    factors: tuple[Factor, ...],
    measure: Measure,
    source: Source,
) -> tuple[Claim, ...]:
    """Claims in the unit of the study's metric, which is the only one.

    Raises:
        StudyFileError: One is wrong by itself, or asks for models that no such study has.
    """
    found = []
    for name, table in tables.items():
        if table.metric not in (None, measure.column):
            problem = (
                f"{shown(table.metric)} cannot judge it: [study] metric is the only one that such "
                f"a study has, here {shown(measure.column)}; drop this line, or ask it in a study "
                "with that metric"
            )
            raise source.error((*place, name, "metric"), problem)
        claim = resolve_claim(table, (*place, name), factors=factors, source=source)
        if claim.is_of_other_faces or claim.needs is not None:
            problem = "it asks for models, and this study has none; drop it"
            raise source.error((*place, name), problem)
        if claim.counts_learned:
            problem = "who learned is told of nets on images only; drop the claim"
            raise source.error((*place, name, "outcome"), problem)
        found.append(replace(claim, scale=measure.own, metric=None))
    return tuple(found)
