"""The command `python -m study.query`: a study's tables asked in SQL."""

import argparse
import sys
from collections.abc import Sequence

from agecls.command import Parser, status_of
from study.options import add_place, add_study, study_of

EPILOG = """\
examples:
  python -m study.query faces-cpu "select arm, max(val_accuracy) from trials group by arm"
  python -m study.query faces-cpu "select claim, verdict, stage from claims" --format json
  python -m study.query faces-cpu "show tables"
  python -m study.query faces-cpu "describe trials"

Each parquet file of the study's folder is a table by its name; results/COLUMNS.md says what the
columns mean. A factor's column has a slash, so it stands in quotes: "config/lr". One statement
that reads is taken, in DuckDB's SQL; it sees these tables, no other file and no network.

Needs duckdb: pip install 'agecls-study[sql]'

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser("study.query", "Ask a study's tables in SQL; they are only read.", EPILOG)
    add_study(p)
    p.add_argument("question", metavar="SQL", help="one statement, such as select … from trials")
    p.add_argument(
        "--format",
        choices=("csv", "json"),
        default="csv",
        dest="form",
        help="csv (default), or json: a list of objects",
    )
    add_place(p.add_argument_group("where it lies"))
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    return status_of("study.query", lambda: _query(options))


def _query(options: argparse.Namespace) -> int:
    from study.report.programs.sql import ask

    ask(study_of(options).path, options.question, sys.stdout, form=options.form)
    return 0


if __name__ == "__main__":
    sys.exit(main())
