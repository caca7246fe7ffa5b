"""Options that several commands share, and how their values are written. Loads nothing heavy."""

import argparse
from pathlib import Path

from agecls.command import positive as at_least_one
from agecls.command import seconds


def add_place(group: argparse._ArgumentGroup) -> None:
    """Where results lie."""
    group.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("results"), help="default: results"
    )


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
