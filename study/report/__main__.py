"""The command `python -m study.report`: from a results folder to its report."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agecls.command import Parser, status_of
from study.errors import TablesError

FORMATS = ("html", "md", "svg", "png", "json")

EPILOG = """\
examples:
  python -m study.report faces-cpu               results/faces-cpu/report.html
  python -m study.report first second            results/first-vs-second.html: what moved
  python -m study.report faces-cpu --format md   results/faces-cpu/report.md, to paste
  python -m study.report faces-cpu --format svg  results/faces-cpu/figures/; needs kaleido
  python -m study.report faces-cpu --format json                    the answer for programs
  python -m study.report faces-cpu --format json --claim bcd_beats_org    of one claim

The path of what was written is printed; json is printed itself (docs/programs.md).

exit status: 0 done, 1 failed, 2 wrong usage or bad input
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.report",
        "Analyse what is on disk and write the report, one HTML file for offline use; of several\n"
        "studies, one report that compares them.",
        EPILOG,
    )
    p.add_argument(
        "names", nargs="+", metavar="NAME",
        help="a folder under --out, or the path of one; several are compared with the first",
    )  # fmt: skip
    p.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR",
        help="where results lie, and where a comparison goes (default: results)",
    )  # fmt: skip
    p.add_argument(
        "--format", choices=FORMATS, default="html", dest="form",
        help="html (default); md: a summary to paste; svg or png: the figures, by kaleido; "
        "json: the answer, printed",
    )  # fmt: skip
    p.add_argument("--claim", metavar="ID", help="json of this claim alone")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report and print its path; returns the exit status."""
    options = parser().parse_args(arguments)

    def work() -> int:
        folders = [find_folder(name, out=options.out) for name in options.names]
        if options.form == "json":
            return _print_answer(folders, options.claim)
        if options.claim is not None:
            raise TablesError("--claim is for --format json; other forms have every claim")
        path = _write(folders, options.form, out=options.out)
        # a path need not be text
        sys.stdout.write(f"{path}\n".encode(errors="backslashreplace").decode())
        return 0

    return status_of("study.report", work)


def find_folder(name: str, *, out: Path) -> Path:
    """The folder that a user means by a name.

    Raises:
        TablesError: There is no such folder; says where it looked and what there is.
    """
    from study.folder.folder import studies

    for folder in (out / name, Path(name)):
        with suppress(OSError):  # such as a name that no folder can have, for its length
            if folder.is_dir():
                return folder
    there = ", ".join(studies(out))
    known = f"; there are {there}" if there else ""
    raise TablesError(f"{name}: no such study, neither {out / name} nor {Path(name)}{known}")


def _print_answer(folders: Sequence[Path], claim: str | None) -> int:
    from study.report.programs.answer import answer_json

    if len(folders) > 1:
        raise TablesError("--format json is of one study; name one")
    sys.stdout.write(answer_json(folders[0], claim=claim))
    return 0


def _write(folders: Sequence[Path], form: str, *, out: Path) -> Path:
    # imported here, so that --help need not wait for pandas and Plotly
    if len(folders) > 1:
        return _compare(folders, form, out=out)
    if form == "md":
        from study.report.summary import write_summary

        return write_summary(folders[0])
    if form in ("svg", "png"):
        from study.report.images import write_images

        return write_images(folders[0], form)
    return _write_page(folders[0])


def _write_page(folder: Path) -> Path:
    """Write the page; say in a line each which recipe to use and what checks found."""
    from study.analysis import conclude
    from study.measure import NARROW
    from study.report.checks.named import counts_of
    from study.report.head.digest import recipe_line_of
    from study.report.page import write_page

    found = conclude(folder)
    path = write_page(found)
    recipe = recipe_line_of(found.tables).replace(NARROW, " ")
    # apart from the path, which scripts read
    sys.stderr.write("".join(f"{line}\n" for line in (recipe, counts_of(found.checked)) if line))
    return path


def _compare(folders: Sequence[Path], form: str, *, out: Path) -> Path:
    from study.report.compare.comparison import MOST_STUDIES, default_path, write_comparison

    if form != "html":
        raise TablesError(f"--format {form} is of one study; a comparison is html")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise TablesError("a study is named twice; name each one once")
    if len(folders) > MOST_STUDIES:
        raise TablesError(f"{len(folders)} studies named; at most {MOST_STUDIES} are compared")
    return write_comparison(folders, default_path(folders, out))


if __name__ == "__main__":
    sys.exit(main())
