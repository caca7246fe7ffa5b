"""Command line of the main job: parse, call, exit status. Heavy imports wait for the work."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agecls.command import Parser, status_of
from study.options import (
    add_place,
    add_resources,
    end_of,
    means_of,
    resources_of,
    shell_line,
    words_again,
)

EPILOG = """\
examples:
  python -m study.run                                    the demo on drawn faces, minutes
  python -m study.run faces-cpu --data FACES --dry-run   what a study of your faces would cost
  python -m study.run faces-cpu --data FACES             the study: tables and report.html
  python -m study.run --resume faces-cpu                 go on where it was interrupted
  python -m study.run my-study.toml                      a study of your own, also of a function

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted (resumable)
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.run",
        "Search recipes for classes of images, such as ages of faces, or settings of your own\n"
        "function, then report which factors matter.",
        EPILOG,
    )
    p.add_argument(
        "study", nargs="?", help="a preset's name or a TOML file (default: demo, on drawn faces)"
    )
    what = p.add_argument_group("what is studied (each replaces the study file's value)")
    what.add_argument("--data", metavar="PATH", help="folder or table of images")
    what.add_argument(
        "--classes", metavar="WHICH", help="eight, decades, folders or a TOML file with [classes]"
    )
    what.add_argument("--size", metavar="PX", type=int, help="image side in pixels")
    what.add_argument("--trials", metavar="N", type=int, help="search trials, all arms together")
    what.add_argument("--epochs", metavar="N", type=int, help="longest schedule")
    what.add_argument("--seed", metavar="N", type=int, help="root of every random stream")
    what.add_argument(
        "--weights",
        metavar="SOURCE",
        help="where pretrained arms start: a file (may hold {variant} and {depth}) or "
        "torchvision:IMAGENET1K_V1",
    )
    where = p.add_argument_group("where it goes")
    where.add_argument("--name", metavar="NAME", help="folder under --out (default: the study's)")
    add_place(where)
    where.add_argument("--resume", metavar="NAME", help="go on with an interrupted study")
    where.add_argument(
        "--by-design",
        action="store_true",
        help="of --resume with more --trials: draw the new ones over the whole box and train them "
        "to the end, which tells of shares; without it they are searched for",
    )
    how = p.add_argument_group("what it may use")
    add_resources(how)
    p.add_argument(
        "--dry-run",
        action="store_true",
        help="factors, plan and cost; no training (of a function: two epochs)",
    )
    p.add_argument(
        "--benchmark",
        action="store_true",
        help="images/s with one trial and with several at a time, the fastest kernels; keeps no "
        "model",
    )
    p.add_argument("--list", action="store_true", help="the presets and what they ask")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    folder: Path | None = None

    def work() -> int:
        nonlocal folder
        if options.list:
            return _list()
        study, folder = _resolve(options)
        study = _located(options, study, folder)
        if options.dry_run:
            return _dry_run(options, study, folder)
        if options.benchmark:
            return _benchmark(study)
        return _run(options, study, folder)

    return status_of("study.run", work, way_on=lambda: _way_on(options, folder))


def _way_on(options: argparse.Namespace, folder: Path | None) -> str:
    """How to go on with what has begun; nothing where nothing has."""
    from study.folder.folder import Folder

    leaves_nothing = options.dry_run or options.benchmark
    if folder is None or leaves_nothing or not Folder(folder).study_file.exists():
        return ""
    return f"what is on disk is whole, go on with: {_resume_command(options, folder)}"


def _located(options: argparse.Namespace, study: Any, folder: Path) -> Any:
    """The study with places that mean the same wherever it is resumed.

    Raises:
        StudyFileError: Its function's module is nowhere.
    """
    if study.trainable is None:
        return replace(study, data=lasting_path(study.data))
    from study.trainables.found import located

    near = folder if options.study is None else Path(options.study).parent
    return replace(study, trainable=located(study.trainable, near=near))


def lasting_path(data: str) -> str:
    """Where faces lie, whatever folder a later command is given in; drawn ones lie nowhere."""
    from agecls.data.loading import SYNTHETIC, SYNTHETIC_SOURCE

    is_drawn = data in (SYNTHETIC, SYNTHETIC_SOURCE)
    return data if is_drawn else str(Path(data).expanduser().absolute())


def own_classes(data: str) -> Any:
    """The classes that the data name themselves; loads what reads data only if it is asked."""
    from study.trainables.study_faces import classes_of_folders

    return classes_of_folders(data)


def earlier_of(options: argparse.Namespace) -> Any:
    """Who reads the study that a file goes on from: a folder under --out, or a path."""

    def read(path: str) -> Any:
        from study.analysis.recipes.earlier import earlier_study
        from study.report.__main__ import find_folder

        if path not in known:
            folder = find_folder(path, out=options.out)
            sys.stderr.write(f"reading {folder}, which this study goes on from\n")
            known[path] = earlier_study(folder)
        return known[path]

    known: dict[str, Any] = {}
    return read


def _resume_command(options: argparse.Namespace, folder: Path) -> str:
    """The command that goes on, with what it must be told again to find the checkpoints."""
    is_below = folder == options.out / folder.name
    name = folder.name if is_below else str(folder)
    told = ("out", "storage", "address") if is_below else ("storage", "address")
    return shell_line("study.run", ["--resume", name, *words_again(options, told)])


def _resolve(options: argparse.Namespace) -> tuple[Any, Path]:
    """The study that the options mean and its folder.

    Raises:
        StudyError: The study file is wrong, or the folder is in use for another study.
    """
    from study.asked.after import before_as_earlier
    from study.asked.study_file import grown_study, is_safe_change, load_study, study_diff
    from study.errors import StudyFileError
    from study.folder.folder import Folder

    names = ("data", "classes", "size", "trials", "epochs", "seed", "weights", "name")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if options.by_design and (options.resume is None or options.trials is None):
        raise StudyFileError(
            "--by-design is of trials that a study is resumed with: --resume NAME --trials N "
            "--by-design. A new study has [study] design_share."
        )
    if options.resume is None:
        of_earlier = earlier_of(options)
        study = load_study(
            options.study or "demo",
            overrides=given,
            of_folders=own_classes,
            of_earlier=of_earlier,
        )
        folder = options.out / study.name
        if not options.dry_run and Folder(folder).study_file.exists():
            if options.name is not None:
                raise StudyFileError(
                    f"{folder}: a study of this name is there already. "
                    f"Go on with --resume {study.name}, or choose another --name."
                )
            study, folder = _renamed(options, given, study.name, of_earlier)
        return study, folder
    folder = _existing(options)
    before = Folder(folder).read_study()
    given["name"] = before.name
    if options.trials is not None and options.trials < before.trials:
        raise StudyFileError(
            f"{folder}: it has {before.trials} trials; --trials takes as many or more"
        )
    is_a_design = before.trials in [first + n for first, n in before.added_design]
    if options.by_design and options.trials == before.trials and not is_a_design:
        raise StudyFileError(
            f"{folder}: its {before.trials} trials are planned, the last ones as search trials; "
            "--by-design is of more --trials than that"
        )
    if options.trials is not None:
        # or the designs that were added would not be among the added trials of so many
        given["added"] = before.added + options.trials - before.trials
    file = options.study or Folder(folder).study_file
    began_after = before_as_earlier(before)
    asked = load_study(
        file,
        overrides=given,
        of_folders=own_classes,
        # its folder may be gone: what came from it is in this study's
        of_earlier=(lambda _: began_after) if began_after else earlier_of(options),
    )
    # Faces and modules may have moved; their fingerprints say whether they are the same.
    before = replace(before, data=asked.data)
    if before.trainable and asked.trainable:
        there = replace(asked.trainable, folder=before.trainable.folder)
        asked = replace(asked, trainable=there)
    if not is_safe_change(before, asked):
        changes = "; ".join(study_diff(before, asked))
        raise StudyFileError(
            f"{folder}: the study has changed since it began ({changes}). "
            "Undo the change, or begin a new study with --name."
        )
    return grown_study(before, asked, by_design=options.by_design), folder


def _existing(options: argparse.Namespace) -> Path:
    from study.errors import StudyFileError
    from study.folder.folder import Folder

    candidates = (options.out / options.resume, Path(options.resume))
    for folder in candidates:
        if Folder(folder).study_file.is_file():
            return Path(folder)
    raise StudyFileError(
        f"{candidates[0]}: no study to resume there (no study.toml). "
        "Name a folder under --out or give its path."
    )


def _renamed(
    options: argparse.Namespace, given: dict[str, Any], name: str, of_earlier: Any
) -> tuple[Any, Path]:
    """The study under the first free name after `name`, such as `demo-2`."""
    from study.asked.study_file import load_study

    n = 2
    while (options.out / f"{name}-{n}").exists():
        n += 1
    study = load_study(
        options.study or "demo",
        overrides={**given, "name": f"{name}-{n}"},
        of_folders=own_classes,
        of_earlier=of_earlier,
    )
    return study, options.out / study.name


def _list() -> int:
    from study.asked.study_file import preset_questions

    for name, (trials, question) in preset_questions().items():
        sys.stdout.write(f"{name:10}  {trials:4} trials  {question}\n")
    return 0


def _dry_run(options: argparse.Namespace, study: Any, folder: Path) -> int:
    from study.cost.begun import NOTHING, Begun
    from study.running.terminal import console

    # a new study is priced whole, whatever lies where an earlier one of its name was
    begun = NOTHING if options.resume is None else Begun.of(folder)
    if study.trainable is not None:
        from study.cost.function import describe_function

        near, resources = Path(study.trainable.folder), resources_of(options)
        describe_function(
            study,
            console(),
            at_a_time=resources.at_a_time_here(),
            place=resources.place,
            near=near,
            begun=begun,
        )
        return 0
    from study.cost.estimate import describe_plan

    at_a_time = resources_of(options).at_a_time_here()
    describe_plan(study, console(), at_a_time=at_a_time, begun=begun)
    return 0


def _benchmark(study: Any) -> int:
    from study.cost.benchmark import describe_speed
    from study.errors import StudyFileError
    from study.running.terminal import console

    if study.trainable is not None:
        raise StudyFileError(
            f"--benchmark measures our own nets, and {study.name} trains "
            f"{study.trainable.function}; --dry-run says what its first epochs took"
        )
    describe_speed(study, console())
    return 0


def _run(options: argparse.Namespace, study: Any, folder: Path) -> int:
    from study.running import ray_environment

    ray_environment.prepare(is_local=options.address is None)
    from study.folder.folder import Folder
    from study.stages.jobs import main_job

    outcome = main_job(study, Folder(folder), means_of(options, "study.run"))
    return end_of(outcome, "study.run", go_on=_resume_command(options, folder))


if __name__ == "__main__":
    sys.exit(main())
