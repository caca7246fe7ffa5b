"""The command `python -m study.settle`: trainings where verdicts are missing."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agecls.command import Parser, positive, status_of
from study.options import (
    add_moved,
    add_place,
    add_resources,
    add_study,
    end_of,
    means_of,
    moved,
    resources_of,
    shell_line,
    study_of,
    words_again,
)

if TYPE_CHECKING:
    from study.asked.study import Study
    from study.folder.folder import Folder
    from study.stages.settle import Settle

DEFAULT_TRAININGS = 96
"""Where the study has no [settle] table and the user says nothing."""

EPILOG = """\
examples:
  python -m study.settle faces-cpu --dry-run          rows, blocks, cost, what intervals to expect
  python -m study.settle faces-cpu                    as many trainings as the study says, or 96
  python -m study.settle faces-cpu --trainings 160    more of them; those that are there stay
  python -m study.settle faces-cpu --time-budget 2h   two hours of it now, the rest another day

how it works: each claim about two levels (better and worse, or equal) that is still open becomes
a column of a small design. Its rows, 2 to 32 recipes a block, cross these levels so that every
training speaks to every claim; the search's results set all else, so that each side is tuned. A
block trains the rows once, on one fold of train and validation and from one seed. After blocks 1,
2, 3, 5, 8, ... and the last one it looks: a claim whose interval, at the level that this look may
spend of what all looks and claims share, lies on one side of its limit is settled. It ends when
no claim is open or the trainings are spent. The test split is not looked at. Claims about shares
of variance are no rows' to settle: the dry run tells which study would, and the command.

a claim that comes to mind after the search goes into the study's study.toml, before the first
training, as [settle.claims.NAME]; the report marks it as not declared before.

It goes on where it was when the command is given again, after Ctrl-C, a kill or a reboot. The
study may come from another machine: study.toml, the tables and the faces (--data) are enough.

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted (resumable)
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.settle",
        "Spend trainings where verdicts are missing: a designed experiment around the tuned\n"
        "recipes, until every claim about two levels is settled or the budget is spent.",
        EPILOG,
    )
    add_study(p)
    p.add_argument(
        "--trainings",
        metavar="N",
        type=positive,
        help=f"at most so many in all (default: the study's, or {DEFAULT_TRAININGS})",
    )
    add_moved(p)
    p.add_argument(
        "--dry-run", action="store_true", help="rows, blocks, cost and intervals; no training"
    )
    add_place(p.add_argument_group("where it lies"))
    add_resources(p.add_argument_group("what it may use"))
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    go_on = "what is on disk is whole; give the command again to go on"
    return status_of(
        "study.settle",
        lambda: _settle(options),
        when_interrupted="" if options.dry_run else go_on,
    )


def _settle(options: argparse.Namespace) -> int:
    from study.asked.study_file import load_study

    folder = study_of(options)  # refuses what is not one before Ray starts
    study = load_study(folder.study_file, overrides=moved(options))
    if options.dry_run:
        return _dry_run(options, study, folder)
    from study.running import ray_environment

    ray_environment.prepare(is_local=options.address is None)
    from study.stages.jobs import settle_job

    means = means_of(options, "study.settle")
    outcome = settle_job(study, folder, means, _stage(options, study))
    told = words_again(options, ("out", "data", "weights", "trainings", "storage", "address"))
    go_on = shell_line("study.settle", [options.name, *told])
    return end_of(outcome, "study.settle", go_on=go_on)


def _stage(options: argparse.Namespace, study: "Study") -> "Settle":
    from study.stages.settle import Settle

    plan = study.settle
    return Settle(
        trainings=options.trainings or (plan.trainings if plan else DEFAULT_TRAININGS),
        time_budget=plan.time_budget if plan else None,
    )


def _dry_run(options: argparse.Namespace, study: "Study", folder: "Folder") -> int:
    from study.cost.settling import describe_settling
    from study.running.terminal import console

    describe_settling(
        study,
        folder.path,
        console(),
        trainings=_stage(options, study).trainings,
        at_a_time=resources_of(options).at_a_time_here(),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
