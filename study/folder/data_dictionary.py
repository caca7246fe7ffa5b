"""What every column of every table means, as a page of Markdown: `results/COLUMNS.md`.

It is made from `study.folder.columns`; a test compares the file with what this writes.
"""

import sys
from collections.abc import Iterator
from typing import Final

from study.folder.column import FLAG, REAL, TEXT, TIME, WHOLE, Column
from study.folder.columns import (
    CONFIG_PREFIX,
    KEYS,
    REPORTED,
    SCHEMAS,
    WITH_CONFIG,
    WITH_METRIC,
    Kind,
)
from study.folder.tabulate import MOST_REPORTED

ROWS: Final[dict[Kind, str]] = {
    "trials": "a trial of the search",
    "epochs": "a finished epoch of a trial",
    "confirm": "a model of the confirm stage: an arm's chosen configuration on a fresh seed",
    "predictions": "an image as a model of the confirm stage sees it",
    "importance": "a varied factor",
    "interactions": "a pair of varied factors",
    "marginals": "a level of a factor, or a value of its range",
    "contrasts": "a difference that the search estimates between two levels, or two arms",
    "simplest": "a step from an arm's best recipe to the simplest that is as good",
    "claims": "a claim at a stage: the search's answer, and those of later stages that gave one",
    "checks": "a check with a name",
    "confirmed": "a metric of an arm, or of one arm minus another, on one set of images",
    "external": "a metric of an arm, or of one arm minus another, on a set of other faces",
    "settle": "a training of the settling stage: a row of its design on one fold, from one seed",
    "looks": "a claim as it stood when the settling stage had finished so many blocks",
    "pairs": "a pair of factors of the settling stage's design",
}
"""What one row of each table is."""

_TYPES: Final = {
    TEXT: "text",
    REAL: "number",
    WHOLE: "whole number",
    FLAG: "true or false",
    TIME: "time, UTC",
}

_HEAD: Final = """\
# The tables of a study, column by column

Written by `python -m study.folder.data_dictionary > results/COLUMNS.md` from
`study/folder/columns.py`.

`results/NAME/<table>.parquet` holds each table that the study has come to. Anything that reads
parquet reads them:

```python
import duckdb, pandas, polars

trials = "results/NAME/trials.parquet"
pandas.read_parquet(trials)
polars.read_parquet(trials)
duckdb.sql(f"select arm, count(*) from '{trials}' where status = 'completed' group by arm")
```

`study.load("results/NAME")` checks them too, and gives them typed. Any value may be null unless
the column says *filled*. Accuracies and shares are fractions 0..1, differences of accuracy are
points, losses nats per image, lengths of time seconds, times UTC. Each file carries its schema
version, kind and study in its metadata. The classes are a (0-6 years) to h (67-80 years), unless
the study has others.
"""


def data_dictionary() -> str:
    """The page."""
    parts = [_HEAD]
    for kind, columns in SCHEMAS.items():
        keys = ", ".join(f"`{name}`" for name in KEYS.get(kind, ()))
        unique = f"; {keys} names it once" if keys else ""
        lines = [f"## {kind}", "", f"A row is {ROWS[kind]}{unique}.", ""]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        parts.append("\n".join([*lines, *_rows(kind, columns), *_of_a_function(kind)]) + "\n")
    return "\n".join(parts)


def _rows(kind: Kind, columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        if kind in WITH_CONFIG and column.name == "epochs_planned":
            yield (
                f"| `{CONFIG_PREFIX}FACTOR` | as its levels | one column per factor of the study: "
                "its level; null where the factor does not exist under the others' levels |"
            )
        yield f"| `{column.name}` | {_type(column)} | {column.about} |"


def _of_a_function(kind: Kind) -> Iterator[str]:
    """Rows of columns whose names are those that a user's function, or another tool, gave them."""
    if kind in WITH_METRIC:
        yield (
            "| `METRIC` | number | of a study of a function, or of an imported search: its "
            "metric, as the function calls it; columns above of metrics of nets hold nothing |"
        )
    if kind in REPORTED:
        when = "after the last epoch that it ran" if kind == "trials" else "after the epoch"
        yield (
            "| `ANY OTHER NAME` | number | of a study of a function: what else it reports, "
            f"{when}; up to {MOST_REPORTED} names; null where it was not told or is not finite |"
        )


def _type(column: Column) -> str:
    assert column.type is not None  # only of factors that nobody described
    named = "fraction" if column.is_fraction else _TYPES[column.type]
    if column.values:
        named = " ".join(f"`{value}`" for value in column.values)
    return f"{named}, filled" if column.is_filled else named


if __name__ == "__main__":
    sys.stdout.write(data_dictionary())
