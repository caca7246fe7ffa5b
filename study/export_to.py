"""The command `python -m study.export_to`: a study's tables for other people's tools."""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from agecls.command import Parser, status_of
from study.errors import StudyError
from study.exporters.forms import FORMS, exporter
from study.options import add_place, add_study

EPILOG = """\
examples:
{examples}
Every trial is a run with its factors' levels, its metrics per epoch, how it came about and how it ended; so is every
model of the confirm stage and every training of settling (settle-...), with its scores. The study's own tables stay the record.

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted
"""  # noqa: E501


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.export_to",
        f"Write a study's tables in the form of {' or '.join(f.title for f in FORMS.values())}.",
        EPILOG.format(examples="".join(form.examples for form in FORMS.values())),
    )
    p.add_argument("tracker", choices=tuple(FORMS))
    add_study(p)
    p.add_argument("--to", metavar="PLACE", help="; ".join(form.to for form in FORMS.values()))
    add_place(p.add_argument_group("where the study lies"))
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)

    return status_of("study.export_to", lambda: _export(options))


def _export(options: argparse.Namespace) -> int:
    """Write it and say where.

    Raises:
        StudyError: There is no such study, no such package, or something is there already.
    """
    from study.folder.tables import read_study
    from study.report.__main__ import find_folder

    if find_spec(options.tracker) is None:
        raise StudyError(
            f"{options.tracker} is not installed; pip install {FORMS[options.tracker].package}"
        )
    tables = read_study(find_folder(options.name, out=options.out))
    sys.stdout.write(f"{exporter(options.tracker).export(tables, options.to)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
