"""One column of a parquet table: its type, its meaning and what it may hold."""

from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

TEXT: Final = pa.string()
REAL: Final = pa.float64()
WHOLE: Final = pa.int64()
FLAG: Final = pa.bool_()
TIME: Final = pa.timestamp("us", tz="UTC")


OF_AN_ORDER: Final = "; null where classes have no order"
"""What is said of metrics that ask how far two classes are from each other."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the file.
        about: What a value means and in which unit, one line.
        type: Arrow type; None: of a factor that nobody described, as its values are.
        is_needed: The table is useless without it; other absent columns are read as nulls.
        is_filled: No row may lack a value.
        is_fraction: Values lie in 0..1.
        values: The only values allowed; empty: any.
    """

    name: str
    about: str
    type: pa.DataType | None
    is_needed: bool = False
    is_filled: bool = False
    is_fraction: bool = False
    values: tuple[str, ...] = ()


def columns(type_: pa.DataType, **about: str) -> tuple[Column, ...]:
    """Columns of one type, by name and meaning."""
    return tuple(Column(name=name, about=text, type=type_) for name, text in about.items())


def keys(type_: pa.DataType, **about: str) -> tuple[Column, ...]:
    """Columns of one type that the table needs and that no row may lack."""
    return tuple(replace(c, is_needed=True, is_filled=True) for c in columns(type_, **about))


def fractions(**about: str) -> tuple[Column, ...]:
    """Columns of reals in 0..1."""
    return tuple(replace(c, is_fraction=True) for c in columns(REAL, **about))


def word(name: str, about: str, *values: str, is_needed: bool = False) -> Column:
    """A column of text, of these values only if any are given."""
    return Column(
        name=name,
        about=about,
        type=TEXT,
        values=values,
        is_needed=is_needed,
        is_filled=is_needed,
    )


def scores(prefix: str, images: str) -> tuple[Column, ...]:
    """A model's scores on one set of images."""
    return (
        *fractions(**{f"{prefix}_accuracy": f"share of {images} whose class is predicted"}),
        *columns(
            REAL,
            **{
                f"{prefix}_loss": f"negative log-likelihood on {images}, nats per image",
                f"{prefix}_qwk": f"quadratically weighted kappa on {images}{OF_AN_ORDER}",
                f"{prefix}_mae": f"mean distance of predicted and true class on {images}, "
                f"classes{OF_AN_ORDER}",
            },
        ),
        *fractions(
            **{
                f"{prefix}_accuracy_1off": f"share of {images} predicted at most one class "
                f"off{OF_AN_ORDER}",
                f"{prefix}_accuracy_top5": f"share of {images} whose class is among the five most "
                "probable ones; null for up to ten classes",
                f"{prefix}_macro_f1": f"mean F1 of the classes that occur in {images}",
                f"{prefix}_ece": f"expected calibration error on {images}, 15 bins",
            }
        ),
    )


def tempered(prefix: str, images: str) -> tuple[Column, ...]:
    """What the temperature makes of a model's scores."""
    loss = {f"{prefix}_loss_tempered": f"the loss on {images} at the temperature, nats per image"}
    ece = {f"{prefix}_ece_tempered": f"calibration error on {images} at the temperature"}
    return (*columns(REAL, **loss), *fractions(**ece))


def interval(unit: str) -> tuple[Column, ...]:
    """An estimate and the ends of its interval."""
    return columns(
        REAL,
        estimate=f"the estimate, {unit}",
        low="lower end of its 95 % interval, same unit",
        high="upper end of its 95 % interval, same unit",
    )


def share(of: str) -> tuple[Column, ...]:
    """A share of variance with its interval and verdict."""
    return (
        *fractions(
            share=f"share of the variance over the reference box that is {of}; posterior median",
            low="lower end of its 95 % interval; 0 unless there is evidence",
            high="upper end of its 95 % interval",
        ),
        word("verdict", f"whether {of} shows", "matters", "negligible", "unresolved"),
    )
