"""What a user's function is given to tell of its training: `report`, and what it keeps."""

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, Final, Protocol

from study.asked.factors import Level
from study.asked.free import is_taken
from study.running.steps import FAILURE, KIND, METRICS

_SPACING: Final = 10
"""How many times its writing time passes before the next checkpoint."""


class TrialStopped(BaseException):
    """Raised by `report` where a trial ends before its planned length.

    ASHA has stopped it, or the study is wound down and will go on with it later. A function need
    not catch it: `finally` and `with` clean up. It is no `Exception`, so that an `except
    Exception` around a step does not keep a stopped trial alive.
    """


class HasState(Protocol):
    """What can be kept: a model, an optimizer, or anything that can tell and take its state."""

    def state_dict(self) -> Mapping[str, Any]:
        """Tensors, arrays, numbers, texts, lists and dictionaries of these."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Become what `state_dict` told."""


class Configuration(Mapping[str, Level]):
    """A trial's configuration, which knows what was never looked at."""

    def __init__(self, config: Mapping[str, Level]) -> None:
        self._config = dict(config)
        self.unread = set(config)

    def __getitem__(self, name: str) -> Level:
        value = self._config[name]
        self.unread.discard(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return repr(self._config)


class Kept(Protocol):
    """Where a trial's checkpoint lies."""

    def load(self) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
        """Metrics of the epochs that it holds and states by name; None: there is none."""

    def save(self, history: list[dict[str, Any]], states: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace it, whole or not at all."""


class Report:
    """Tells the study of one trial, epoch by epoch: `report(epoch, {"accuracy": 0.91})`.

    The study has an epoch on disk before this returns.
    """

    def __init__(
        self,
        give: Callable[[dict[str, Any]], None],
        *,
        metric: str,
        epochs: int,
        epochs_done: int,
        kept: Kept,
        where: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Made by the study.

        Args:
            give: Hands over a step's result and returns when the next one is wanted.
            metric: The study's, which every epoch must have.
            epochs: Planned.
            epochs_done: Epochs that the study has already.
            kept: The trial's checkpoint.
            where: What is to be said of the place, such as the memory taken.
        """
        self._give, self._metric, self._epochs = give, metric, epochs
        self._epochs_done, self._kept, self._where = epochs_done, kept, where
        self._history: list[dict[str, Any]] = []
        self._objects: dict[str, HasState] = {}
        self._next_at = 0.0
        self._since = time.monotonic()
        self.last: dict[str, Any] | None = None
        """The result of the last planned epoch, to be handed over once the function has ended."""

    @property
    def told(self) -> int:
        """Epochs that were reported, those of the checkpoint among them."""
        return len(self._history)

    def __call__(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Report an epoch.

        Args:
            epoch: From 1, each once and in order; after `keep`, those that it has not.
            metrics: Numbers by name, the study's metric among them.

        Raises:
            TrialStopped: The trial ends here.
        """
        seconds = time.monotonic() - self._since
        problem, kind = self._problem(epoch, metrics)
        if problem:
            self.fail(f"{problem}{self._place()}", kind)
        line = {
            "epoch": int(epoch),
            **{name: _finite(_number(value)) for name, value in metrics.items()},
            "seconds": seconds,
            **self._where(),
        }
        self._history.append(line)
        self._save()
        self._hand_over(line)
        self._since = time.monotonic()

    def keep(self, **objects: HasState) -> int:
        """Keep the state of these objects, so that a trial that was interrupted goes on from it.

        Call it once, before the first epoch, with everything that changes while training. Where
        there is a checkpoint they become what it holds.

        Returns:
            How many epochs they have behind them: 0 at first. The next one to report is one more.

        Raises:
            TrialStopped: The trial ends here.
        """
        if self._objects or self._history:
            self.fail(f"keep() was called twice, or after report(){self._place()}", "refused")
        self._objects = dict(objects)
        found = self._kept.load()
        if found is None:
            return 0
        self._history, states = found
        if states.keys() != objects.keys():
            problem = f"the checkpoint keeps {', '.join(states)}, not {', '.join(objects)}"
            self.fail(f"{problem}{self._place()}", "refused")
        for name, kept in objects.items():
            kept.load_state_dict(states[name])
        for line in self._history[self._epochs_done :]:
            self._hand_over(line)  # the study was killed between the checkpoint and its record
        self._since = time.monotonic()
        return self.told

    def fail(self, reason: str, kind: str) -> None:
        """End the trial as failed; the study does not come back.

        Raises:
            TrialStopped: Always.
        """
        self._give({FAILURE: reason, KIND: kind})
        raise TrialStopped

    def _hand_over(self, line: Mapping[str, Any]) -> None:
        result = {METRICS: dict(line)}
        if line["epoch"] == self._epochs:
            self.last = result  # handed over when the function has ended, which it may fail to
        else:
            self._give(result)

    def _problem(self, epoch: Any, metrics: Any) -> tuple[str, str]:
        """Why this cannot be reported, and the kind of failure that it is; empty if it can."""
        if self.last is not None:
            return f"epoch {epoch} was reported after the last of {self._epochs}", "refused"
        if isinstance(epoch, bool) or not isinstance(epoch, Integral) or epoch != self.told + 1:
            expected = f"expected epoch {self.told + 1}, since each is reported once, in order"
            return f"epoch {epoch!r} was reported; {expected}", "refused"
        if not isinstance(metrics, Mapping):
            return f"metrics are a {type(metrics).__name__}; expected a dictionary", "refused"
        for name, value in metrics.items():
            if not isinstance(name, str) or not _is_name(name):
                return f"a metric cannot be called {name!r}; rename it", "refused"
            if _number(value) is None:
                kind = type(value).__name__
                return f"metric `{name}` is a {kind}; expected a number", "refused"
        twins = [name for name, n in Counter(map(str.casefold, metrics)).items() if n > 1]
        if twins:  # as columns they are one to SQL
            return f"two metrics are called {twins[0]!r} but for their case; rename one", "refused"
        if self._metric not in metrics:
            there = ", ".join(metrics) or "nothing"
            return f"the study's metric `{self._metric}` was not reported, but {there}", "refused"
        value = _number(metrics[self._metric])
        if _finite(value) is None:
            return f"diverged: {self._metric} is {value} in epoch {epoch}", "diverged"
        return "", ""

    def _save(self) -> None:
        began = time.monotonic()
        if not self._objects or (began < self._next_at and self.told < self._epochs):
            return
        self._kept.save(self._history, {n: o.state_dict() for n, o in self._objects.items()})
        ended = time.monotonic()
        self._next_at = ended + _SPACING * (ended - began)

    def _place(self) -> str:
        """Where in the user's code `report` was called, in brackets."""
        frame = sys._getframe(2)
        return f" ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"


def _is_name(name: str) -> bool:
    """Whether a column can have this name."""
    # among what is not printable is half a surrogate pair, which no table's UTF-8 can hold
    return bool(name.strip()) and name.isprintable() and not is_taken(name)


def _finite(value: float | None) -> float | None:
    """A number that a table can hold; None for NaN and infinity."""
    return value if value is not None and math.isfinite(value) else None


def _number(value: Any) -> float | None:
    """The number that a metric is, such as one of numpy's or a tensor of one element."""
    try:
        # a tensor that has a gradient warns where it is made a float
        value = value.item() if hasattr(value, "item") else value
        return None if isinstance(value, str | bytes | bool) else float(value)
    except OverflowError:  # a whole number beyond the largest float
        return math.inf
    except (TypeError, ValueError, RuntimeError):
        return None
