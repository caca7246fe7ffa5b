"""A search that somebody else ran: factors of any name, a metric of any name, nothing to train.

A study file with a table `[imported]` is one of these. It has no data, weights or stages, since
the study trains nothing: there are its tables, and what can be said of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from pydantic import Field

from study.asked.claim import Claim
from study.asked.claims.forms import ClaimTable, resolve_claim
from study.asked.factor_tables import check_spelling, read_factor, with_typed_conditions
from study.asked.factors import Factor, Imported, Level, Study
from study.asked.resolve import study_name
from study.asked.toml_tables import MAX_TRIALS, FactorTable, parsed
from study.asked.toml_values import Place, Source, Table, Text, shown
from study.measure import SHARE, Scale

IMPORTED: Final = "imported"
"""The table that makes a file one of these."""

_TAKEN: Final = frozenset(
    (
        *("trial_id", "number", "arm", "origin", "status", "collapsed", "seed", "fold", "learned"),
        *("epochs_planned", "epochs_run", "epoch", "error", "started_at", "ended_at", "seconds"),
        *("train_seconds", "images_per_second", "node", "device", "peak_memory_mib"),
        *("number_format", "best_epoch", "best_val_accuracy"),
    )
)
"""Columns of trials and epochs that mean something else than a metric."""


def is_taken(metric: str) -> bool:
    """Whether a metric cannot have this name, since it names something else."""
    return metric in _TAKEN or metric.startswith("config/") or metric in ("share", "points")


class ImportedStudyTable(Table):
    """`[study]`."""

    name: Text | None = None
    question: Text | None = None
    metric: Text
    direction: Literal["maximize", "minimize"] = "maximize"
    trials: int = Field(ge=1, le=MAX_TRIALS)
    epochs: int = Field(default=1, ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    reduction: int = Field(default=3, ge=2, le=100)


class ImportedTable(Table):
    """`[imported]`."""

    source: Text
    unit: Text | None = None
    smallest: float | None = Field(default=None, gt=0.0)
    epoch: Text | None = None
    notes: list[Text] = Field(default_factory=list)


class ImportedFactorTable(FactorTable):
    """`[factors.NAME]`."""

    whole: bool = False


class ImportedClaimTable(ClaimTable):
    """`[claims.NAME]`; sizes are in the metric's own unit, of which there may be many."""

    least: float | None = Field(default=None, ge=0.0)
    within: float | None = Field(default=None, gt=0.0)


class ImportedTables(Table):
    """A whole study file."""

    study: ImportedStudyTable
    imported: ImportedTable
    factors: dict[str, ImportedFactorTable] = Field(default_factory=dict)
    claims: dict[str, ImportedClaimTable] = Field(default_factory=dict)


def parse_imported(raw: Mapping[str, Any], source: Source) -> ImportedTables:
    """The file's tables with every key known and every value of its type.

    Raises:
        StudyFileError: The first problem found.
    """
    return parsed(ImportedTables, raw, source)


def resolve_imported(tables: ImportedTables, source: Source, *, default_name: str) -> Study:
    """The study that the tables describe, not yet checked by `study.asked.rules`.

    Raises:
        StudyFileError: A factor, claim, metric or size is wrong by itself.
    """
    asked, scale = tables.study, _scale(tables, source)
    if is_taken(asked.metric):
        problem = f"{shown(asked.metric)} is another column of the tables; rename the metric"
        raise source.error(("study", "metric"), f"{problem} here and there")
    named = {name: _factor(name, table, source) for name, table in tables.factors.items()}
    factors = tuple(with_typed_conditions(f, named, source) for f in named.values())
    claims = [
        resolve_claim(table, ("claims", name), factors=factors, source=source)
        for name, table in tables.claims.items()
    ]
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
        data="",
        size=0,
        deduplicate=False,
        weights=None,
        pretrain=None,
        factors=factors,
        claims=tuple(_of_a_search(claim, scale, source) for claim in claims),
        imported=Imported(
            source=tables.imported.source,
            scale=scale,
            epoch=tables.imported.epoch or "epoch",
            notes=tuple(tables.imported.notes),
        ),
    )


def _scale(tables: ImportedTables, source: Source) -> Scale:
    unit, smallest = tables.imported.unit or "", tables.imported.smallest
    if smallest is None and unit != SHARE:
        problem = "it has no `smallest`, the smallest effect that counts, as a standard deviation"
        raise source.error(
            ("imported",), f'{problem} in the metric\'s own unit; add it, or unit = "share"'
        )
    if unit in ("point", "points", "%"):
        problem = f'{shown(unit)} are of a share: keep the metric in 0..1 and set unit = "share"'
        raise source.error(("imported", "unit"), problem)
    is_minimised = tables.study.direction == "minimize"
    if smallest is None:
        return Scale(unit=unit, is_minimised=is_minimised)
    return Scale(smallest=smallest, unit=unit, is_minimised=is_minimised)


def _factor(name: str, table: ImportedFactorTable, source: Source) -> Factor:
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


def _kind(level: Level) -> type:
    return float if type(level) is int else type(level)


def _as_it_is(_: str, value: Any, __: Source, ___: Place) -> Level:
    level: Level = value
    return level


def _of_a_search(claim: Claim, scale: Scale, source: Source) -> Claim:
    """A claim in the metric's unit.

    Raises:
        StudyFileError: No search can tell anything of it.
    """
    if claim.is_of_other_faces or claim.needs is not None:
        problem = "it asks for models, and this study has none; drop it"
        raise source.error(("claims", claim.name), problem)
    return replace(claim, scale=scale)
