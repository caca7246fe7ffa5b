"""The command `python -m study.import_from`: a study's folder from somebody else's search."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agecls.command import Parser, status_of
from study.options import add_place, positive

if TYPE_CHECKING:
    from study.imports.search import Search

EPILOG = """\
examples:
  python -m study.import_from optuna journal.log theirs
  python -m study.import_from optuna sqlite:///optuna.db theirs --study resnets
  python -m study.import_from ray ~/ray_results/train_2026-11-28 theirs --metric val_loss
  python -m study.import_from table runs.csv theirs --metric val_acc --factors lr,dropout,net
  python -m study.report theirs                  results/theirs/report.html

NAME becomes a folder under --out with study.toml (yours to edit: names of arms, ranges that were
guessed, claims), trials.parquet and epochs.parquet. What is there already is never replaced, the
source is only read, and nothing in it is unpickled. The path of study.toml is printed, and below
it what the data cannot say.

exit status: 0 done, 1 failed, 2 wrong usage or bad input
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.import_from",
        "Write a study's folder from a search of Optuna or Ray Tune, or from a table (W&B's and\n"
        "MLflow's exports among them); study.report then says which settings matter.",
        EPILOG,
    )
    p.add_argument("tool", choices=("optuna", "ray", "table"), help="who wrote the search")
    p.add_argument(
        "source", metavar="SOURCE",
        help="optuna: a journal, a file of SQLite or a URL; ray: an experiment's folder; table: "
        "CSV or parquet",
    )  # fmt: skip
    p.add_argument("name", metavar="NAME", help="a new folder under --out")
    add_place(p.add_argument_group("where the study goes"))
    group = p.add_argument_group("what the search was judged by")
    group.add_argument("--metric", metavar="COLUMN", help="ray, table: the metric's name")
    group.add_argument(
        "--direction", choices=("minimize", "maximize"),
        help="ray, table: whether less or more of it is better (by its name)",
    )  # fmt: skip
    group.add_argument(
        "--unit",
        metavar="WORD",
        help="word behind its numbers; share: values in 0..1, as per cent",
    )
    group.add_argument(
        "--smallest", metavar="X", type=positive,
        help="smallest effect that counts, in the metric's unit (by the spread of the values)",
    )  # fmt: skip
    group = p.add_argument_group("how it was made")
    group.add_argument(
        "--study", metavar="STUDY", dest="which", help="optuna: which study of the storage"
    )
    group.add_argument(
        "--random", action="store_true",
        help="configurations were drawn without regard to results: random or grid search",
    )  # fmt: skip
    group.add_argument(
        "--length", metavar="N", type=positive,
        help="step at which a trial is at its end (the longest trial's last)",
    )  # fmt: skip
    group.add_argument("--step", metavar="COLUMN", help="ray, table: what curves are told over")
    group = p.add_argument_group("columns of a table, where they are not found by name")
    group.add_argument("--factors", metavar="A,B,…", help="the settings that were varied")
    group.add_argument("--trial", metavar="COLUMN", help="the trial that a row belongs to")
    group.add_argument("--state", metavar="COLUMN", help="how the trial ended")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)

    return status_of("study.import_from", lambda: _import(options))


def _import(options: argparse.Namespace) -> int:
    """Write the folder; say which, and what it cannot tell.

    Raises:
        StudyError: The source cannot be read, or the folder holds a study already.
    """
    from study.folder.folder import Folder
    from study.imports.folder import Wishes, write_search

    search = _read(options)
    home = Folder(options.out / options.name)
    wishes = Wishes(
        smallest=options.smallest,
        unit=options.unit,
        length=options.length,
        at_random=options.random,
    )
    study = write_search(search, home, wishes)
    lines = [str(home.study_file)]
    if study.imported is not None:
        lines += [f"- {note}" for note in study.imported.notes]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _read(options: argparse.Namespace) -> "Search":
    from study.errors import StudyError

    if options.tool == "optuna":
        import optuna

        from study.imports.optuna_storage import read_optuna

        # what is wrong is said in one line, ours
        optuna.logging.disable_default_handler()
        return read_optuna(options.source, options.which)
    if options.tool == "ray":
        from study.imports.ray_folder import read_ray

        return read_ray(
            Path(options.source).expanduser(),
            metric=options.metric,
            direction=options.direction,
            step=options.step,
        )
    from study.imports.table_file import Columns, read_table_file

    if options.metric is None:
        raise StudyError("a table needs --metric COLUMN: what its trials were judged by")
    columns = Columns(
        metric=options.metric,
        factors=options.factors.split(",") if options.factors else None,
        trial=options.trial,
        step=options.step,
        state=options.state,
    )
    return read_table_file(Path(options.source), columns, direction=options.direction)


if __name__ == "__main__":
    sys.exit(main())
