"""The command `python -m study.confirm`: chosen configurations again, on fresh seeds."""

import argparse
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from agecls.command import FAILED, INTERRUPTED, Parser, positive, status_of
from agecls.streams import say_last
from study.options import add_place, add_resources, resources_of, shell_line, words_again

DEFAULT_SEEDS = 5
"""Where the study asks for no confirmation but the user does."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

EPILOG = """\
examples:
  python -m study.confirm faces-cpu              as many fresh seeds per arm as the study asks for
  python -m study.confirm faces-cpu --seeds 10   at least ten; those that are there stay
  python -m study.confirm faces-cpu --external UTKFACE --external museum=PORTRAITS
                                                 the confirmed models on other faces

An interrupted confirmation goes on when the command is given again. Results on the test split are
looked at once per study: each further look, by more seeds or by this command given once more, is
recorded in study.json and shown in the report.

--external trains nothing, needs no Ray and does not look at the test split again. A set is a
folder in any layout that a study reads; all its images count, whatever splits it has. Scoring
runs on a GPU where there is one.

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted (resumable)
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.confirm",
        "Train each arm's chosen configuration on fresh seeds, look at the test split once, and\n"
        "write the report again.",
        EPILOG,
    )
    p.add_argument("name", metavar="NAME", help="a folder under --out, or the path of one")
    p.add_argument(
        "--seeds",
        metavar="N",
        type=positive,
        help=f"fresh seeds per arm (default: the study's, or {DEFAULT_SEEDS} where it has none)",
    )
    p.add_argument(
        "--external",
        metavar="[NAME=]DATA",
        action="append",
        type=other_faces,
        default=[],
        help="only score the confirmed models on these other faces; may be repeated",
    )
    p.add_argument("--data", metavar="PATH", help="where the study's faces lie now")
    p.add_argument("--weights", metavar="SOURCE", help="where the study's weights lie now")
    add_place(p.add_argument_group("where it lies"))
    add_resources(p.add_argument_group("what it may use"))
    return p


def other_faces(text: str) -> tuple[str, str]:
    """Name and place of a set of other faces; without a name, that of its folder."""
    name, equals, path = text.partition("=")
    if not equals or "/" in name:  # a path may hold the sign too
        name, path = Path(text).expanduser().resolve().name, text
    if not _NAME.fullmatch(name) or name in ("train", "val", "test") or not path:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no set of faces; write NAME=PATH with letters, digits, ., _ and - in "
            "NAME, and not train, val or test"
        )
    return name, path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    p = parser()
    options = p.parse_args(arguments)
    if options.external and options.seeds:
        p.error("--seeds trains models and --external only scores them; give one at a time")
    if len(dict(options.external)) < len(options.external):
        p.error("two sets of other faces have one name; write --external NAME=PATH")
    return status_of(
        "study.confirm",
        lambda: _confirm(options),
        when_interrupted="what is on disk is whole; give the command again to go on",
    )


def _confirm(options: argparse.Namespace) -> int:
    from study.asked.study_file import load_study
    from study.folder.folder import Folder
    from study.folder.tables import read_study
    from study.report.__main__ import find_folder

    folder = find_folder(options.name, out=options.out)
    given = {n: getattr(options, n) for n in ("data", "weights") if getattr(options, n)}
    read_study(folder)  # refuses what is not a study before Ray starts
    study = load_study(Folder(folder).study_file, overrides=given)
    if options.external:
        return _score(options, study, folder)

    from study.running import ray_environment

    ray_environment.prepare(is_local=options.address is None)
    from study.report.page import write_report
    from study.running.terminal import console

    out = console()
    interrupted, failed = _run(options, study, folder, out)
    say_last(f"Report: {write_report(folder)}")
    if interrupted is None:
        return 0
    if failed:
        sys.stderr.write(f"study.confirm: {interrupted}\n")
        return FAILED
    _say_stopped(interrupted, options)
    return INTERRUPTED


def _say_stopped(why: str, options: argparse.Namespace) -> None:
    told = words_again(options, ("out", "data", "weights", "seeds", "storage", "address"))
    for name, path in options.external:
        told += ["--external", f"{name}={path}"]
    line = shell_line("study.confirm", [options.name, *told])
    say_last(f"Stopped early: {why}. Go on with: {line}")


def _score(options: argparse.Namespace, study: Any, folder: Path) -> int:
    """Score the confirmed models on other faces and write the report; the exit status."""
    from agecls.command import usable_device, use_threads
    from study.folder.folder import Folder
    from study.folder.provenance import Provenance, this_command
    from study.report.page import write_report
    from study.running.interruption import StopRequest, stop_on_signals
    from study.running.terminal import console
    from study.stages.elsewhere import Scoring, confirmed_models, score_other_faces
    from study.stages.study_faces import study_faces

    confirmed_models(folder)  # refuses a study that has none before faces are read
    use_threads(max(1, int(options.cpus_per_trial)) if options.cpus_per_trial else None)
    out = console()
    stop = StopRequest.after(options.time_budget)
    data = study_faces(study, out)
    # study.json is read and written again: nobody else changes it meanwhile
    with _held(folder), stop_on_signals(stop):
        work = Scoring(
            study=study,
            folder=folder,
            data=data,
            device=usable_device(None),
            source=Provenance.read(Folder(folder)),
            command=shlex.join(this_command("study.confirm")),
            console=out,
        )
        is_over = score_other_faces(work, dict(options.external), stop)
    if not is_over:
        _say_stopped(stop.reason or "interrupted", options)
        return INTERRUPTED
    say_last(f"Report: {write_report(folder)}")
    return 0


@contextmanager
def _held(folder: Path) -> Iterator[Any]:
    """The study's open record, which one process holds; None where another tool wrote the tables.

    Raises:
        RecordError: Another process works on the study.
    """
    from study.folder.folder import Folder
    from study.folder.record import Record

    if not Folder(folder).record.exists():
        yield None
        return
    with Record(folder) as record:
        yield record


def _run(
    options: argparse.Namespace, study: Any, folder: Path, out: Any
) -> tuple[str | None, bool]:
    """Why the stage ended before its end (None: it did not), and whether it could not go on."""
    from agecls.errors import AgeclsError
    from study.errors import StudyError
    from study.folder.folder import Folder
    from study.folder.provenance import this_command
    from study.running import ray_session
    from study.running.interruption import StopRequest, stop_on_signals
    from study.stages.confirm import confirm
    from study.stages.session import confirm_work, open_provenance
    from study.stages.study_faces import study_faces

    stop = StopRequest.after(options.time_budget)
    resources = resources_of(options)
    data = study_faces(study, out)
    command = this_command("study.confirm")
    with ExitStack() as stack:
        is_searched = True
        record = stack.enter_context(_held(folder))
        if record is not None:
            n_over = sum(t.status != "running" for t in record.trials.values())
            is_searched = n_over >= study.trials
            if not is_searched:
                out.print(
                    f"The search is not over: choosing from {n_over} of {study.trials} trials.",
                    highlight=False,
                )
        source = open_provenance(study, folder, data, command)
        n_seeds = options.seeds or study.confirm_seeds or DEFAULT_SEEDS
        work = confirm_work(
            study, folder, data, options.storage, resources, source, command, out, n_seeds=n_seeds
        )
        stack.enter_context(ray_session.ray_session(resources))
        source.write(Folder(folder))
        stack.enter_context(stop_on_signals(stop))
        failed = False
        try:
            is_over = confirm(work, n_seeds=n_seeds, stop=stop, look_again=True)
        except (StudyError, AgeclsError) as error:
            stop.reason, failed, is_over = str(error), True, False
        interrupted = None if is_over else stop.reason or "the confirmation did not end"
        unfinished = None if is_searched else "the search is not over"
        source.get_up(interrupted or unfinished)
        source.write(Folder(folder))
    return interrupted, failed


if __name__ == "__main__":
    sys.exit(main())
