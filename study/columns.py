"""What the parquet tables of a study may hold; the one owner of their column names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agecls.ages import CLASSES
from study.errors import TablesError
from study.factors import WHOLE_FACTORS, Factor

Kind = Literal[
    "trials",
    "epochs",
    "confirm",
    "predictions",
    "importance",
    "interactions",
    "marginals",
    "claims",
    "confirmed",
]
"""Which table; `results/NAME/<kind>.parquet` holds it."""

STATUSES: Final = ("completed", "stopped", "failed", "interrupted")
ORIGINS: Final = ("design", "search", "scout", "repeat")
CONFIG_PREFIX: Final = "config/"
_ROUNDING: Final = 1e-6

TEXT: Final = pa.string()
REAL: Final = pa.float64()
WHOLE: Final = pa.int64()
FLAG: Final = pa.bool_()
TIME: Final = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the file.
        type: Arrow type; None: of a factor that nobody described, as its values are.
        is_needed: The table is useless without it; other absent columns are read as nulls.
        is_filled: No row may lack a value.
        is_fraction: Values lie in 0..1.
        values: The only values allowed; empty: any.
    """

    name: str
    type: pa.DataType | None
    is_needed: bool = False
    is_filled: bool = False
    is_fraction: bool = False
    values: tuple[str, ...] = ()


def _columns(type_: pa.DataType, names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=type_) for name in names.split())


def _keys(type_: pa.DataType, names: str) -> tuple[Column, ...]:
    return tuple(
        Column(name=name, type=type_, is_needed=True, is_filled=True) for name in names.split()
    )


def _fractions(names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=REAL, is_fraction=True) for name in names.split())


def _word(name: str, *values: str, is_needed: bool = False) -> Column:
    return Column(name=name, type=TEXT, values=values, is_needed=is_needed, is_filled=is_needed)


def _scores(prefix: str) -> tuple[Column, ...]:
    """A model's scores on one set of images."""
    return (
        *_fractions(f"{prefix}_accuracy"),
        *_columns(REAL, f"{prefix}_loss {prefix}_qwk {prefix}_mae"),
        *_fractions(f"{prefix}_accuracy_1off {prefix}_macro_f1 {prefix}_ece"),
    )


_INTERVAL: Final = _columns(REAL, "estimate low high")
_SHARES: Final = (
    *_fractions("share low high"),
    _word("verdict", "matters", "negligible", "unresolved"),
)

SCHEMAS: Final[dict[Kind, tuple[Column, ...]]] = {
    "trials": (
        *_keys(TEXT, "trial_id"),
        *_columns(WHOLE, "number"),
        *_columns(TEXT, "arm"),
        _word("origin", *ORIGINS),
        _word("status", *STATUSES, is_needed=True),
        *_columns(FLAG, "collapsed"),
        *_columns(WHOLE, "seed epochs_planned epochs_run"),
        *_fractions("val_accuracy best_val_accuracy"),
        *_columns(WHOLE, "best_epoch"),
        *_columns(REAL, "val_loss val_qwk val_mae"),
        *_columns(TEXT, "error"),
        *_columns(TIME, "started_at ended_at"),
        *_columns(REAL, "train_seconds images_per_second"),
        *_columns(TEXT, "node device"),
        *_columns(REAL, "peak_memory_mib"),
    ),
    "epochs": (
        *_keys(TEXT, "trial_id"),
        *_keys(WHOLE, "epoch"),
        *_columns(REAL, "learning_rate train_loss"),
        *_fractions("train_accuracy"),
        *_columns(REAL, "val_loss"),
        *_fractions("val_accuracy val_accuracy_1off"),
        *_columns(REAL, "val_qwk val_mae"),
        *_fractions("val_macro_f1 val_ece"),
        *_columns(REAL, "seconds"),
    ),
    "confirm": (
        *_keys(TEXT, "arm"),
        *_keys(WHOLE, "seed"),
        *_columns(TEXT, "model trial_id"),
        _word("status", *STATUSES),
        *_columns(FLAG, "collapsed"),
        *_columns(WHOLE, "epochs_planned epochs_run"),
        *_columns(REAL, "search_value search_best_value temperature"),
        *_scores("val"),
        *_scores("test"),
        *_columns(REAL, "test_loss_tempered"),
        *_fractions("test_ece_tempered"),
        *_scores("test_unique"),
        *_columns(REAL, "test_unique_loss_tempered"),
        *_fractions("test_unique_ece_tempered"),
        *_columns(TEXT, "error"),
    ),
    "confirmed": (
        *_keys(TEXT, "arm"),
        *_columns(TEXT, "against"),
        *_keys(TEXT, "split images metric"),
        *_columns(TEXT, "class"),
        *_INTERVAL,
        *_columns(WHOLE, "n_seeds n_images n_clusters"),
    ),
    "predictions": (
        *_keys(TEXT, "model split image"),
        *_columns(WHOLE, "cluster"),
        _word("true", *CLASSES, is_needed=True),
        _word("predicted", *CLASSES, is_needed=True),
        *_fractions(" ".join(f"p_{letter}" for letter in CLASSES)),
        *_columns(FLAG, "is_duplicate"),
    ),
    "importance": (
        *_keys(TEXT, "factor"),
        *_SHARES,
        *_fractions("total_share total_low total_high"),
        *_columns(REAL, "sd sd_low sd_high p_value"),
        *_columns(WHOLE, "n_trials"),
        *_columns(TEXT, "reason"),
    ),
    "interactions": (
        *_keys(TEXT, "factor_a factor_b"),
        *_SHARES,
        *_columns(REAL, "sd probability"),
        *_columns(WHOLE, "n_trials"),
        *_columns(TEXT, "reason"),
    ),
    "marginals": (
        *_keys(TEXT, "factor level"),
        *_INTERVAL,
        *_columns(WHOLE, "n_trials"),
        *_columns(FLAG, "extrapolated"),
    ),
    "claims": (
        *_keys(TEXT, "claim"),
        *_columns(TEXT, "text"),
        *_INTERVAL,
        _word("verdict", "supported", "refuted", "unresolved"),
        _word("stage", "search", "confirm"),
        *_columns(WHOLE, "n_trials n_seeds"),
        *_columns(TEXT, "reason unit split"),
        *_columns(REAL, "p_value p_adjusted adjusted_low adjusted_high"),
        *_columns(REAL, "search_estimate search_low search_high"),
        *_columns(WHOLE, "seeds_needed"),
    ),
}
"""The columns of every table but `config/<factor>`, in order; the owner of their names."""

KEYS: Final[dict[Kind, tuple[str, ...]]] = {
    "trials": ("trial_id",),
    "epochs": ("trial_id", "epoch"),
}
"""Columns that together name a row once."""


def config_column(factor: str) -> str:
    """The column of `trials` that holds this factor's level."""
    return CONFIG_PREFIX + factor


def factor_type(factor: Factor) -> pa.DataType:
    """Arrow type of a factor's column: one that holds all its levels as they are spelled."""
    if factor.is_numeric:
        return WHOLE if factor.name in WHOLE_FACTORS else REAL
    kinds = {type(level) for level in factor.levels}
    if kinds == {bool}:
        return FLAG
    if kinds == {int}:
        return WHOLE
    return REAL if kinds <= {int, float} else TEXT


def columns_of(kind: Kind, factors: Sequence[Factor] = ()) -> tuple[Column, ...]:
    """All columns of a table in order; `trials` has one per factor.

    The column of a varied factor is needed where the factor always exists: without it nobody
    can say what a trial was. Where a factor does not exist its value is null.
    """
    columns = SCHEMAS[kind]
    if kind != "trials":
        return columns
    place = next(i for i, c in enumerate(columns) if c.name == "epochs_planned")
    config = tuple(
        Column(
            name=config_column(f.name),
            type=factor_type(f),
            is_needed=f.role != "fixed" and not f.when,
        )
        for f in factors
    )
    return (*columns[:place], *config, *columns[place:])


def cast(path: Path, column: Column, array: pa.ChunkedArray) -> pa.ChunkedArray:
    """The array in the column's type.

    Raises:
        TablesError: The array's own type means something else, or a value does not fit.
    """
    if array.null_count == len(array):  # without a value the type means nothing
        return pa.nulls(len(array), column.type or TEXT)
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    found, wanted = array.type, column.type
    is_text = pa.types.is_string(found) or pa.types.is_large_string(found)
    is_text = is_text or pa.types.is_string_view(found)
    is_number = pa.types.is_integer(found) or pa.types.is_floating(found)
    fits = {
        TEXT: is_text,
        REAL: is_number,
        WHOLE: is_number,
        FLAG: pa.types.is_boolean(found),
        TIME: is_text or pa.types.is_timestamp(found),
    }
    if wanted is None:  # a factor that nobody described: the widest type of its kind
        kinds = {
            TEXT: is_text,
            FLAG: fits[FLAG],
            WHOLE: pa.types.is_integer(found),
            REAL: is_number,
        }
        wanted = next((type_ for type_, is_it in kinds.items() if is_it), TEXT)
    if not fits[wanted]:
        raise TablesError(f"{path}: column `{column.name}` is {found}; expected {wanted}")
    if wanted == WHOLE and pa.types.is_floating(found):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, found), array)
    try:
        # only times may lose digits: nanoseconds that pandas adds by itself
        return pc.cast(array, wanted, safe=not pa.types.is_timestamp(found))
    except pa.ArrowInvalid as error:
        raise TablesError(f"{path}: column `{column.name}` is not {wanted}: {error}") from error


def check_values(path: Path, table: pa.Table, columns: Sequence[Column], kind: Kind) -> None:
    """Refuse a table that holds what its columns must not, naming the first such row.

    Raises:
        TablesError: A value is missing, out of its range, or names a row twice.
    """
    for column in columns:
        values = table[column.name].to_pandas()
        problem = values.isna() & column.is_filled
        expected = "a value"
        if column.is_fraction and not problem.any():
            problem = (values < -_ROUNDING) | (values > 1 + _ROUNDING)
            expected = "a fraction 0..1, not per cent"
        elif column.values and not problem.any():
            problem = ~(values.isna() | values.isin(column.values))
            expected = "one of " + ", ".join(column.values)
        elif column.name == "epoch" and not problem.any():
            problem = values < 1
            expected = "epochs counted from 1"
        refuse_first(path, column.name, values, problem, expected)
    keys = list(KEYS.get(kind, ()))
    if keys:
        frame = table.select(keys).to_pandas()
        expected = f"each {' and '.join(keys)} once"
        refuse_first(path, keys[0], frame[keys[0]], frame.duplicated(), expected)


def refuse_first(
    path: Path, name: str, values: pd.Series, problem: pd.Series, expected: str
) -> None:
    """Refuse a column if a row has a problem.

    Raises:
        TablesError: Names the file, the first such row (from 1), the value and what is expected.
    """
    rows = np.flatnonzero(problem)
    if len(rows):
        value = values.tolist()[rows[0]]  # plain Python, whose repr people can read
        found = "nothing" if pd.isna(value) else repr(value)
        raise TablesError(
            f"{path}, row {rows[0] + 1}: column `{name}` holds {found}; expected {expected}"
        )
