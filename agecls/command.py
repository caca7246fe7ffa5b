"""What the commands of this package share: complaints of one line, statuses, progress."""

import argparse
import os
import platform
import re
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from agecls.classes import FOLDERS, NAMED, Classes
from agecls.errors import AgeclsError, ToldError, one_line
from agecls.machine import cores
from agecls.standard_output import guard_streams

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130

Handler = Callable[[int, FrameType | None], None]
"""Of a signal."""

_EVERY_SECONDS: Final = 10.0
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints take one line; `--version` is there.

    Args:
        module: What follows `python -m`.
        description: Printed as its lines are.
        epilog: Likewise.
    """

    def __init__(self, module: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"python -m {module}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--version",
            action="version",
            version=f"{module.partition('.')[0]} {version('agecls-study')}",
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; from here on the standard streams bear every text and reader."""
        guard_streams()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        self.exit(BAD_INPUT, one_line(f"{self.prog.removeprefix('python -m ')}: {message}") + "\n")


def add_classes(parser: argparse.ArgumentParser) -> None:
    """The option that `classes_of` reads."""
    parser.add_argument(
        "--classes",
        metavar="C",
        default="eight",
        help="eight, decades, folders (as the data name them), or a TOML file with [classes] "
        "(default: eight, of ages)",
    )


def classes_of(words: str, data: str) -> Classes:
    """The classes that `--classes` means on these data.

    Raises:
        AgeclsError: The words mean none, or the data name none themselves.
    """
    if words in NAMED:
        return NAMED[words]
    if words == FOLDERS:
        return _own_classes(data)
    table = classes_of_file(words)
    if table == {"of": FOLDERS}:
        return _own_classes(data)
    try:
        return _of_table(table)
    except (TypeError, ValueError) as error:
        raise AgeclsError(f"--classes: {words}, [classes]: {error}; correct it") from None


def classes_of_file(words: str) -> dict[str, Any]:
    """`[classes]` of the TOML file that `--classes` names, as it stands.

    Raises:
        AgeclsError: There is no such file, or no such table in it.
    """
    try:
        table = tomllib.loads(Path(words).read_text(encoding="utf-8-sig")).get("classes")
    except OSError as error:
        raise AgeclsError(
            f"--classes: {words!r} is none of {', '.join((*NAMED, FOLDERS))} and no file that can "
            f"be read ({error.strerror})"
        ) from None
    except ValueError as error:
        raise AgeclsError(f"--classes: {words} is not TOML: {error}; correct it") from None
    if not isinstance(table, dict):
        raise AgeclsError(f"--classes: {words} has no [classes]; add it")
    return table


def _own_classes(data: str) -> Classes:
    from agecls.data.records import own_classes  # not for the sake of --help

    found = own_classes(Path(data).expanduser())
    if found is None:
        raise AgeclsError(
            f"--classes {FOLDERS}: {data} has no two folders of images and no table of labels; "
            "give such a folder, or other classes"
        )
    return found


def _of_table(table: dict[str, Any]) -> Classes:
    """TypeError or ValueError where it is no table of classes."""
    if unknown := set(table) - {"names", "years", "ordered"}:
        raise ValueError(f"`{min(unknown)}` is none of names, years, ordered")
    names, years, ordered = (table.get(key) for key in ("names", "years", "ordered"))
    if not (names is None or _is_list(names, str)):
        raise TypeError("`names` is a list of texts")
    pairs = years is None or _is_list(years, list)
    if not pairs or any(len(pair) != 2 or not _is_list(pair, int) for pair in years or ()):
        raise TypeError("`years` is a list of two ages each, as in [13, 19]")
    if not (ordered is None or isinstance(ordered, bool)):
        raise TypeError("`ordered` is true or false")
    ages = None if years is None else tuple((low, high) for low, high in years)
    return Classes.asked(names, ages, ordered)


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(type(item) is of for item in value)


def seconds(text: str) -> float:
    """A length of time such as 45s, 90m or 6h, for argparse."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 45s, 90m or 6h")
    return float(match[1]) * _UNITS[match[2]]


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def status_of(
    module: str,
    work: Callable[[], int],
    *,
    when_interrupted: str = "",
    way_on: Callable[[], str] = str,
) -> int:
    """The exit status of a command's work; errors become one line on standard error.

    SIGTERM ends it as Ctrl-C does. This is the one ladder of errors of all commands.

    Args:
        module: Opens the line.
        work: Returns the status.
        when_interrupted: What an interrupted user must know; empty: nothing.
        way_on: How to go on with what is on disk when the work was interrupted or the system
            refused something; empty: nothing has begun.
    """
    _one_blas_thread()
    try:
        with sigterm_as_ctrl_c():
            return work()
    except ToldError as error:
        parts, status = [str(error)], error.status
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        parts, status = [f"{where}{error.strerror or error}", way_on()], FAILED
    except KeyboardInterrupt:
        parts, status = ["interrupted", when_interrupted, way_on()], INTERRUPTED
    sys.stderr.write(f"{module}: {one_line('; '.join(filter(None, parts)))}\n")
    return status


def _one_blas_thread() -> None:
    """Have numpy and scipy, not yet loaded, compute products with one thread; a user's word stays.

    The analysis' products are small, so that further threads of OpenBLAS wait and cost: a report
    of 10,000 trials took 14.0 CPU and 11.4 wall seconds with two, 5.3 and 5.3 with one (two cores,
    n = 1). On x86 PyTorch's threads are its own; builds for other processors may compute with
    OpenBLAS, whose threads training needs.
    """
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    if is_x86 and not os.environ.keys() & {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within the block SIGTERM raises KeyboardInterrupt, where nothing inside handles it."""
    before = signal.signal(signal.SIGTERM, of_this_process(_interrupt))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def progress_on_stderr(what: str) -> Callable[[int, int], None]:
    """Shows "what: 100 of 2,000": in place on a terminal, else a line every ten seconds.

    Nothing is shown of what takes less than two seconds.
    """
    started = shown = time.monotonic()
    is_terminal = sys.stderr.isatty()
    every = 0.2 if is_terminal else _EVERY_SECONDS
    is_open = False

    def show(done: int, total: int) -> None:
        nonlocal shown, is_open
        now = time.monotonic()
        is_last = done >= total
        if (now - shown >= every and now - started >= 2) or (is_last and is_open):
            line = f"{what}: {done:,} of {total:,}"
            end = "\n" if is_last or not is_terminal else ""
            sys.stderr.write(("\r" if is_terminal else "") + line + end)
            sys.stderr.flush()
            shown, is_open = now, is_terminal and not is_last

    return show


def usable_device(asked: str | None) -> str:
    """The device asked for; None: a GPU if there is one.

    Raises:
        AgeclsError: It is not there.
    """
    import torch

    if asked is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=asked)
    # a build without CUDA asserts; a wrong name is a RuntimeError
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).partition("\n")[0]
        raise AgeclsError(f"--device {asked} cannot be used: {first}") from error
    return asked


def use_threads(asked: int | None) -> None:
    """Let torch use so many threads; None: as many as it takes, but no more than our cores."""
    import torch

    torch.set_num_threads(asked or min(torch.get_num_threads(), cores()))


def of_this_process(handle: Handler) -> Handler:
    """A handler of signals that a forked child does not inherit: there the signal ends it.

    Else the workers of a user's own pool would take part in winding down, and would not end.
    """
    owner = os.getpid()

    def guarded(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            handle(number, frame)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    return guarded


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
