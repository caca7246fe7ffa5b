"""Asking a stage to end: signals, a time budget or an error; what is running ends its epoch first.

Where there is no epoch to finish, SIGTERM is `agecls.command.sigterm_as_ctrl_c`'s to handle.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Self

from agecls.command import of_this_process


@dataclass
class StopRequest:
    """Whether the search should wind down, and why: read after each epoch.

    Attributes:
        reason: Set by signals, and by an error in our own code.
        deadline: Of `time.monotonic`, which no setting of the clock moves; past it no epoch
            starts.
        error: What went wrong inside Ray's loop, to be raised once the loop has ended.
    """

    reason: str | None = None
    deadline: float | None = None
    error: Exception | None = None

    @classmethod
    def after(cls, seconds: float | None) -> Self:
        """Once so many seconds have passed from now; None: never by itself."""
        return cls(deadline=None if seconds is None else time.monotonic() + seconds)

    def due(self) -> bool:
        """Whether to stop now; past the deadline the reason becomes the time budget."""
        if self.reason is None and self.deadline is not None and time.monotonic() >= self.deadline:
            self.reason = "the time budget is used up"
        return self.reason is not None

    @contextmanager
    def on_error(self) -> Iterator[None]:
        """Turn an error within the block into a request to stop, since Ray would bury it.

        The first one is kept: later ones often follow from it.
        """
        try:
            yield
        except Exception as error:
            if self.error is None:
                self.error = error
                self.reason = f"an error: {error}"


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """First Ctrl-C or SIGTERM: wind down after the running epochs; a second one: now."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.reason is not None:
            raise KeyboardInterrupt
        stop.reason = "interrupted" if number == signal.SIGINT else "asked to end by SIGTERM"

    ours = of_this_process(handle)
    before = {number: signal.signal(number, ours) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
