"""Standard output and error that no locale, reader or closed descriptor turns into an error."""

import io
import os
import sys
from typing import Any, TextIO


class _Lasting(io.FileIO):
    """A descriptor to write to; once its reader has left, what is written goes nowhere."""

    has_reader = True

    def write(self, data: Any) -> int:
        """The number of bytes that went out or were dropped."""
        try:
            return super().write(data)
        except BrokenPipeError:
            self.has_reader = False
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def guard_streams() -> None:
    """From here on, every text can be written, whoever reads it.

    What the locale has no letter for is escaped. A reader that leaves, such as `head`, ends no
    work. Descriptors that were closed lead nowhere: else the next file opened would get their
    numbers, and what others print to these.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free
    sys.stdout = _guarded(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _guarded(sys.stderr, sys.__stderr__, 2)


def say_last(line: str) -> None:
    """Write how it ended to standard output; to standard error where nobody reads that."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if not has_reader():
        sys.stderr.write(f"{line}\n")


def has_reader() -> bool:
    """Whether the reader of standard output has not left; known after a flush."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return not isinstance(raw, _Lasting) or raw.has_reader


def _guarded(stream: TextIO | None, original: TextIO | None, number: int) -> TextIO:
    """The stream, or one in its place; what is no longer the process's own stays as it is."""
    if stream is None:
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    elif stream is not original or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
