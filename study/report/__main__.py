"""The command `python -m study.report`: from a results folder to its report."""

import sys
from collections.abc import Sequence
from pathlib import Path

from study import __version__
from study.errors import StudyError, TablesError
from study.options import Parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report of one study and print its path; returns the exit status."""
    parser = Parser(
        prog="python -m study.report",
        description="Analyse what is on disk and write the report, one HTML file for offline use.",
    )
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="a folder under --out, or the path of one"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR",
        help="where results lie (default: results)",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"agecls-study {__version__}")
    options = parser.parse_args(arguments)
    try:
        if len(options.names) > 1:
            raise TablesError(
                f"{len(options.names)} names given, but comparing several studies is not built "
                "yet; name one"
            )
        path = _write(find_folder(options.names[0], out=options.out))
    except StudyError as error:
        sys.stderr.write(f"study.report: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"study.report: the report cannot be written: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    # a path need not be text
    sys.stdout.write(f"{path}\n".encode(errors="backslashreplace").decode())
    return 0


def find_folder(name: str, *, out: Path) -> Path:
    """The folder that a user means by a name.

    Raises:
        TablesError: There is no such folder; says where it looked and what there is.
    """
    for folder in (out / name, Path(name)):
        if folder.is_dir():
            return folder
    there = sorted(p.parent.name for p in out.glob("*/trials.parquet"))
    known = f"; there are {', '.join(there)}" if there else ""
    raise TablesError(f"{name}: no such study, neither {out / name} nor {Path(name)}{known}")


def _write(folder: Path) -> Path:
    # imported here, so that --help need not wait for pandas and Plotly
    from study.report.page import write_report

    return write_report(folder)


if __name__ == "__main__":
    sys.exit(main())
