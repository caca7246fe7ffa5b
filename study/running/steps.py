"""What an executor knows of the work that it runs, wherever that is; loads nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Backbones = Mapping[str, Mapping[str, bytes | NDArray[np.uint8]]]
"""By source: the files' names and contents; the first one is the weights. As arrays, the trials of
a node share one copy."""

Images = NDArray[np.uint8]
"""(N, size, size, 3) RGB."""

METRICS: Final = "metrics"
PREDICTIONS: Final = "predictions"
FAILURE: Final = "failure"
KIND: Final = "kind"
"""Keys of a step's result: an epoch's metrics, after the last one the probabilities by split where
they were asked for, or the reason why training cannot go on, and of which kind it is: a
`study.running.search_state.Failure`, or `disk` or `changed`, which end the search's run and leave
the trial as it is."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What one trial may use where it runs.

    Attributes:
        threads: Of PyTorch, at least 1.
        wants_gpu: Whether it has a GPU, if there is one at all.
    """

    threads: int = 1
    wants_gpu: bool = False


class Steps(Protocol):
    """What trains one trial after another in one process, step by step."""

    def begin(self, config: Mapping[str, Any]) -> None:
        """Start or continue the trial that `Job.config_of` describes, in a `Place` of its keys."""

    def step(self) -> dict[str, Any]:
        """The next epoch's metrics, or why there is none."""

    def end(self) -> None:
        """Let go of the trial, which may have epochs to come; nothing where there is none."""


def one_line(error: BaseException) -> str:
    """An error's type and the first line of what it says."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
