"""The command `python -m study.confirm`: chosen configurations again, on fresh seeds."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agecls.command import Parser, positive, status_of
from study.options import (
    add_moved,
    add_place,
    add_resources,
    add_study,
    end_of,
    means_of,
    moved,
    shell_line,
    study_of,
    words_again,
)

if TYPE_CHECKING:
    from study.asked.study import Study
    from study.folder.folder import Folder
    from study.stages.jobs import Outcome

DEFAULT_SEEDS = 5
"""Where the study asks for no confirmation but the user does."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

EPILOG = """\
examples:
  python -m study.confirm faces-cpu              as many fresh seeds per arm as the study asks for
  python -m study.confirm faces-cpu --seeds 10   at least ten; those that are there stay
  python -m study.confirm faces-cpu --external UTKFACE --external museum=PORTRAITS
                                                 the confirmed models on other images

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
    add_study(p)
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
        help="only score the confirmed models on these other images; may be repeated",
    )
    add_moved(p)
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
            f"{text!r} names no set of images; write NAME=PATH with letters, digits, ., _ and - "
            "in NAME, and not train, val or test"
        )
    return name, path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    p = parser()
    options = p.parse_args(arguments)
    if options.external and options.seeds:
        p.error("--seeds trains models and --external only scores them; give one at a time")
    if len(dict(options.external)) < len(options.external):
        p.error("two sets of other images have one name; write --external NAME=PATH")
    return status_of(
        "study.confirm",
        lambda: _confirm(options),
        when_interrupted="what is on disk is whole; give the command again to go on",
    )


def _confirm(options: argparse.Namespace) -> int:
    from study.asked.study_file import load_study

    folder = study_of(options)
    study = load_study(folder.study_file, overrides=moved(options))
    outcome = (_score if options.external else _train)(options, study, folder)
    return end_of(outcome, "study.confirm", go_on=_same_command(options))


def _train(options: argparse.Namespace, study: "Study", folder: "Folder") -> "Outcome":
    from study.running import ray_environment

    ray_environment.prepare(is_local=options.address is None)
    from study.stages.jobs import confirm_job

    n_seeds = options.seeds or study.confirm_seeds or DEFAULT_SEEDS
    return confirm_job(study, folder, means_of(options, "study.confirm"), n_seeds=n_seeds)


def _score(options: argparse.Namespace, study: "Study", folder: "Folder") -> "Outcome":
    from agecls.command import usable_device, use_threads
    from study.stages.elsewhere import Elsewhere
    from study.stages.jobs import elsewhere_job

    use_threads(max(1, int(options.cpus_per_trial)) if options.cpus_per_trial else None)
    stage = Elsewhere(faces=dict(options.external), device=usable_device(None))
    return elsewhere_job(study, folder, means_of(options, "study.confirm"), stage)


def _same_command(options: argparse.Namespace) -> str:
    """The command that goes on, with all that it must be told again."""
    told = words_again(options, ("out", "data", "weights", "seeds", "storage", "address"))
    for name, path in options.external:
        told += ["--external", f"{name}={path}"]
    return shell_line("study.confirm", [options.name, *told])


if __name__ == "__main__":
    sys.exit(main())
