"""A search as another tool recorded it: what all sources are read into."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

State = Literal["completed", "stopped", "failed", "interrupted"]
"""What the other tool says; `lengths` says whether a completed trial came to its end."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What a parameter could be, as the other tool declared it.

    Attributes:
        choices: Of a categorical parameter; else empty.
        low: Lower end of a number, included.
        high: Upper end, included.
        is_log: Whether it was drawn on a logarithmic scale.
        is_whole: Whether it is a whole number.
    """

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial.

    Attributes:
        name: Its identity.
        state: How it ended.
        params: Values of its parameters; one that it did not have is absent.
        domains: What these could be, where that is known.
        curve: (step, value) of the metric, by step; empty where only the end is known.
        value: The final value; None where there is none.
        error: Why it failed; empty: it did not, or nobody knows.
        started_at: When it began, if that is known.
        ended_at: When it ended.
    """

    name: str
    state: State
    params: Mapping[str, Any]
    domains: Mapping[str, Domain] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()
    value: float | None = None
    error: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Search:
    """All trials of a search.

    Attributes:
        source: Where it was read, in words.
        metric: Name of the metric.
        is_minimised: Whether less is better.
        trials: In the order in which they began, as far as that is known.
        step: What steps of curves count, such as `epoch`.
        left_out: Rows that could not be used, by reason.
        notes: What else a reader must know, whole sentences.
    """

    source: str
    metric: str
    is_minimised: bool
    trials: tuple[Trial, ...]
    step: str = "epoch"
    left_out: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
