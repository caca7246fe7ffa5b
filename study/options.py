"""Options that several commands share, and how their values are written. Loads nothing heavy."""

import argparse
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from agecls.command import FAILED, INTERRUPTED, seconds
from agecls.command import positive as at_least_one
from agecls.standard_output import say_last

if TYPE_CHECKING:
    from study.folder.folder import Folder
    from study.running.ray_session import Resources
    from study.stages.jobs import Outcome
    from study.stages.session import Means


def add_study(parser: argparse.ArgumentParser) -> None:
    """Which study."""
    parser.add_argument("name", metavar="NAME", help="a folder under --out, or the path of one")


def study_of(options: argparse.Namespace) -> "Folder":
    """The folder of the study that is named.

    Raises:
        TablesError: There is none, or it is no study's.
    """
    from study.folder.folder import Folder
    from study.folder.tables import check_is_study
    from study.report.__main__ import find_folder

    folder = find_folder(options.name, out=options.out)
    check_is_study(folder)
    return Folder(folder)


def add_place(group: argparse._ArgumentGroup) -> None:
    """Where results lie."""
    group.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("results"), help="default: results"
    )


def add_moved(parser: argparse.ArgumentParser) -> None:
    """Where what a study was begun on lies now."""
    parser.add_argument("--data", metavar="PATH", help="where the study's images lie now")
    parser.add_argument("--weights", metavar="SOURCE", help="where the study's weights lie now")


def moved(options: argparse.Namespace) -> dict[str, str]:
    """What was given of `add_moved`, for the study file."""
    return {n: getattr(options, n) for n in ("data", "weights") if getattr(options, n)}


def add_resources(group: argparse._ArgumentGroup) -> None:
    """What Ray may use, how long, and where checkpoints go."""
    group.add_argument("--time-budget", metavar="90m", type=seconds, help="as 45s, 90m or 6h")
    group.add_argument("--cpus-per-trial", metavar="X", type=positive, help="default: 1")
    group.add_argument(
        "--gpus-per-trial", metavar="X", type=not_negative, help="a fraction shares a GPU"
    )
    group.add_argument(
        "--concurrency", metavar="N", type=at_least_one, help="trials at a time (what fits)"
    )
    group.add_argument("--address", metavar="ADDR", help="join this Ray cluster")
    group.add_argument(
        "--storage",
        metavar="URI",
        help="where checkpoints go, reachable from every node: a shared folder, s3://… (default: "
        "inside the study's folder)",
    )


def resources_of(options: argparse.Namespace) -> "Resources":
    """What Ray may use, from the options of `add_resources`."""
    from study.running.ray_session import Resources

    return Resources(
        cpus_per_trial=options.cpus_per_trial or 1.0,
        gpus_per_trial=options.gpus_per_trial or 0.0,
        concurrency=options.concurrency,
        address=options.address,
    )


def means_of(options: argparse.Namespace, module: str) -> "Means":
    """What the command `module` works with, from the options of `add_resources`."""
    from study.folder.provenance import this_command
    from study.running import tune_run
    from study.running.interruption import StopRequest
    from study.running.terminal import console
    from study.running.trainable import trained
    from study.stages.session import Means

    resources = resources_of(options)
    return Means(
        resources=resources,
        executor=tune_run.OnRay(resources, trainer=trained),
        command=this_command(module),
        console=console(),
        storage=options.storage,
        stop=StopRequest.after(options.time_budget),
    )


def end_of(outcome: "Outcome", module: str, *, go_on: str) -> int:
    """The exit status of a job; says what came of it and, with `go_on`, how to go on."""
    for line in outcome.summary:
        say_last(line)
    if outcome.report is not None:
        say_last(f"Report: {outcome.report}")
    if outcome.interrupted is None:
        return 0
    if outcome.failed:
        sys.stderr.write(f"{module}: {outcome.interrupted}\n")
        return FAILED
    say_last(f"Stopped early: {outcome.interrupted}. Go on with: {go_on}")
    return INTERRUPTED


def words_again(options: argparse.Namespace, names: Iterable[str]) -> list[str]:
    """What a command must be told again to go on: of these options those that were given."""
    given = {name: getattr(options, name) for name in names}
    if given.get("out") == Path("results"):
        del given["out"]
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def shell_line(module: str, words: Iterable[str]) -> str:
    """A command as a user types it."""
    return shlex.join(["python", "-m", module, *words])


def positive(text: str) -> float:
    """A number above 0."""
    value = not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def not_negative(text: str) -> float:
    """A finite number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return value
