"""The command `python -m study.confirm`: chosen configurations again, on fresh seeds."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from study import __version__
from study.options import add_place, add_resources

DEFAULT_SEEDS = 5
"""Where the study asks for no confirmation but the user does."""

EPILOG = """\
examples:
  python -m study.confirm faces-cpu              as many fresh seeds per arm as the study asks for
  python -m study.confirm faces-cpu --seeds 10   at least ten; those that are there stay

An interrupted confirmation goes on when the command is given again. Results on the test split are
looked at once per study: each further look, by more seeds or by this command given once more, is
recorded in study.json and shown in the report.

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted (resumable)
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = argparse.ArgumentParser(
        prog="python -m study.confirm",
        description="Train each arm's chosen configuration on fresh seeds, look at the test split "
        "once, and write the report again.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("name", metavar="NAME", help="a folder under --out, or the path of one")
    p.add_argument(
        "--seeds",
        metavar="N",
        type=_at_least_one,
        help=f"fresh seeds per arm (default: the study's, or {DEFAULT_SEEDS} where it has none)",
    )
    p.add_argument("--data", metavar="PATH", help="where the study's faces lie now")
    p.add_argument("--weights", metavar="SOURCE", help="where the study's weights lie now")
    add_place(p.add_argument_group("where it lies"))
    add_resources(p.add_argument_group("what it may use"))
    p.add_argument("--version", action="version", version=f"study {__version__}")
    return p


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    from agecls.errors import AgeclsError
    from study.errors import StudyError

    try:
        return _confirm(options)
    except (AgeclsError, StudyError) as error:
        sys.stderr.write(f"study.confirm: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("study.confirm: interrupted\n")
        return 130
    except OSError as error:
        sys.stderr.write(f"study.confirm: {error}\n")
        return 1


def _confirm(options: argparse.Namespace) -> int:
    from study.report.__main__ import find_folder
    from study.study_file import load_study
    from study.tables import read_study

    folder = find_folder(options.name, out=options.out)
    given = {n: getattr(options, n) for n in ("data", "weights") if getattr(options, n)}
    read_study(folder)  # refuses what is not a study before Ray starts
    study = load_study(folder / "study.toml", overrides=given)

    from study import ray_environment

    ray_environment.prepare(is_local=options.address is None)
    from study.report.page import write_report
    from study.terminal import console

    out = console()
    interrupted, failed = _run(options, study, folder, out)
    out.print(f"Report: {write_report(folder)}", highlight=False, markup=False)
    if interrupted is None:
        return 0
    if failed:
        sys.stderr.write(f"study.confirm: {interrupted}\n")
        return 1
    where = "" if options.out == Path("results") else f" --out {options.out}"
    out.print(
        f"Stopped early: {interrupted}. Go on with: python -m study.confirm {options.name}{where}",
        highlight=False,
        markup=False,
    )
    return 130


def _run(
    options: argparse.Namespace, study: Any, folder: Path, out: Any
) -> tuple[str | None, bool]:
    """Why the stage ended before its end (None: it did not), and whether it could not go on."""
    import time

    from agecls.data import load_data
    from study import tune_run
    from study.conduct import close_provenance, confirm_work, open_provenance
    from study.confirmation import confirm
    from study.errors import SearchError
    from study.provenance import this_command
    from study.record import FILE_NAME, Record
    from study.terminal import progress
    from study.tune_run import Resources, StopRequest

    budget = options.time_budget
    stop = StopRequest(deadline=None if budget is None else time.time() + budget)
    resources = Resources(
        cpus_per_trial=options.cpus_per_trial or 1.0,
        gpus_per_trial=options.gpus_per_trial or 0.0,
        concurrency=options.concurrency,
        address=options.address,
    )
    with progress("Reading faces", out) as advance:
        data = load_data(
            study.data,
            size=study.size,
            seed=study.seed,
            deduplicate=study.deduplicate,
            progress=advance,
        )
    command = this_command("study.confirm")
    with ExitStack() as stack:
        is_searched = True
        if (folder / FILE_NAME).exists():  # another tool may have written the tables
            record = stack.enter_context(Record(folder))
            n_over = sum(t.status != "running" for t in record.trials.values())
            is_searched = n_over >= study.trials
            if not is_searched:
                out.print(
                    f"The search is not over: choosing from {n_over} of {study.trials} trials.",
                    highlight=False,
                )
        source = open_provenance(study, folder, data, command)
        work = confirm_work(study, folder, data, options.storage, resources, source, command, out)
        stack.enter_context(tune_run.ray_session(resources))
        stack.enter_context(tune_run.stop_on_signals(stop))
        n_seeds = options.seeds or study.confirm_seeds or DEFAULT_SEEDS
        failed = False
        try:
            is_over = confirm(work, n_seeds=n_seeds, stop=stop, look_again=True)
        except SearchError as error:
            stop.reason, failed, is_over = str(error), True, False
        interrupted = None if is_over else stop.reason or "the confirmation did not end"
        unfinished = None if is_searched else "the search is not over"
        close_provenance(folder, source, interrupted or unfinished)
    return interrupted, failed


if __name__ == "__main__":
    sys.exit(main())
