"""The command `python -m agecls.faces`: draws a face set into a folder."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agecls.command import Parser
from agecls.errors import one_line
from agecls.faces.face_set import DEFAULT, MOST_FAMILIES, SOURCE, FaceSet, Progress, draw_face_set


def _bar(stream: Any) -> Progress | None:
    """Progress on a terminal, shown once the drawing has taken more than two seconds."""
    if not stream.isatty():
        return None
    start = time.monotonic()

    def show(done: int, total: int) -> None:
        if time.monotonic() - start > 2 and (done % 50 == 0 or done == total):
            stream.write(f"\r{done} of {total} pictures" + "\n" * (done == total))
            stream.flush()

    return show


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "agecls.faces", "Draw a synthetic set of face-like pictures in the family-faces layout."
    )
    p.add_argument("out", metavar="OUT", type=Path, help="a new or empty folder")
    p.add_argument(
        "--families",
        metavar="N",
        type=int,
        help="train families, about 20 pictures each; val and test get half as many, at most 50 "
        f"(default {DEFAULT.families})",
    )
    p.add_argument(
        "--size", metavar="PX", type=int, help=f"side in pixels (default {DEFAULT.size})"
    )
    p.add_argument("--seed", metavar="N", type=int, help="default 0; 1 with --source")
    p.add_argument(
        "--duplicates", metavar="N", type=int, help="plant N train pictures in train twice"
    )
    p.add_argument(
        "--leaks", metavar="N", type=int, help="plant N train pictures in val, N others in test"
    )
    p.add_argument(
        "--source",
        action="store_true",
        help="another population, without a test split, for pretraining",
    )
    return p


def _asked(arguments: argparse.Namespace) -> FaceSet:
    """The set that a command line asks for; raises ValueError on a value out of range."""
    faces = SOURCE if arguments.source else DEFAULT
    fields = ("families", "size", "seed", "duplicates", "leaks")
    given = {name: v for name in fields if (v := getattr(arguments, name)) is not None}
    if "families" in given:
        held_out = min(max(math.ceil(given["families"] / 2), 1), MOST_FAMILIES["val"])
        given["val_families"] = held_out
        given["test_families"] = held_out if faces.test_families else 0
    return replace(faces, **given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(arguments)
    try:
        draw_face_set(asked.out, _asked(asked), progress=_bar(sys.stderr))
    except ValueError as error:  # DataLayoutError too
        sys.stderr.write(one_line(f"agecls.faces: {error}") + "\n")
        return 2
    except OSError as error:
        sys.stderr.write(one_line(f"agecls.faces: {asked.out}: {error.strerror or error}") + "\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            one_line(f"agecls.faces: interrupted; nothing was left at {asked.out}") + "\n"
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
