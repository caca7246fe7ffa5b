"""A figure with the words that belong to it, and how it follows what the reader selects.

The reader chooses arms and brushes ranges; the page (`page.js`) then hides what is not selected.
A figure takes part by what its traces say in `meta`, in the study's own words, never escaped:

- `meta={"arm": name}`: the trace is about one arm and is hidden with it;
- `meta=of_trials(rows, arm)`: each point of the trace stands for one trial, `rows[i]` being the
  trial's position in `tables.trials` (`drawn.index`, as tables are read with a plain index), or
  GAP where a line breaks; points of other trials are hidden. With an arm, both hold. Where only
  the first of a trial's points has a `text`, the page gives it to the others;
- no `meta`: the trace is about all trials or none. It stays, and the page says beside the figure
  that it does not follow. Marks that belong to nothing (a level, a band) are shapes, not traces.

A figure in which a range can be brushed says so in `layout.meta`: see `Brush`.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Generic, Literal, TypeVar

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.report.wording import only_first

T = TypeVar("T")

GAP: Final = -1
"""In place of a trial where a line breaks."""


def of_trials(rows: Sequence[int] | np.ndarray, arm: str | None = None) -> dict[str, Any]:
    """The `meta` of a trace whose points stand for trials, one of `rows` per point."""
    trials = {"trials": np.asarray(rows, dtype=np.int32)}
    return trials if arm is None else {"arm": arm} | trials


@dataclass(frozen=True, kw_only=True)
class Brush:
    """A way to select a range by dragging in a figure.

    Attributes:
        column: The trial table's column: a factor, `arm` or the metric's column.
        along: The axis that is dragged along.
        at: Where that axis stands on the other one, if there are several; None: everywhere.
        low: Position and value of one end of the axis; numbers of `levels` for levels.
        high: Position and value of the other end.
        log: Whether values are spread on a logarithmic scale between the two positions.
    """

    column: str
    along: Literal["x", "y"]
    low: tuple[float, float]
    high: tuple[float, float]
    at: float | None = None
    log: bool = False


def brushes(*each: Brush) -> dict[str, Any]:
    """The `layout.meta` of a figure in which these ranges can be brushed."""
    return {"brush": [asdict(brush) for brush in each]}


@dataclass(frozen=True, kw_only=True)
class SomeArms:
    """What the values of a figure are of: the arms that it has room for.

    Attributes:
        arms: The arms drawn, in reading order.
        n_arms: All that there is something to draw of.
    """

    arms: tuple[str, ...]
    n_arms: int

    def beyond(self, what: str) -> str:
        """The sentence of a note on the other arms, such as of `have a plot`; may be empty."""
        return only_first(len(self.arms), self.n_arms, f"arms {what}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A small table beside a figure, or in its place.

    Attributes:
        columns: Headings.
        rows: Texts, as many per row as there are columns; the first one names the row.
        fold: What stands in place of the table until the reader opens it; empty: it is open.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    fold: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A figure with its words, or the reason why there is none.

    Attributes:
        reading: One sentence that says what to see.
        note: n, and what is left out.
        alt: What the figure shows, for those who cannot see it.
        figure: None where there is nothing to draw; `reading` then says why.
        min_width: Pixels below which the figure scrolls inside its own frame.
        table: Stands below the figure; may be there without one.
    """

    reading: str
    note: str = ""
    alt: str = ""
    figure: go.Figure | None = None
    min_width: int = 0
    table: Table | None = None

    @property
    def drawn(self) -> set[int]:
        """Positions of the trials that points of the figure stand for."""
        traces = () if self.figure is None else self.figure.data
        rows = [np.asarray(t.meta["trials"]) for t in traces if t.meta and "trials" in t.meta]
        return set(np.unique(np.concatenate(rows)).tolist()) - {GAP} if rows else set()

    @property
    def can_brush(self) -> bool:
        """Whether a range can be selected in the figure."""
        meta = None if self.figure is None else self.figure.layout.meta
        return bool(meta and meta.get("brush"))


@dataclass(frozen=True, kw_only=True)
class Placed(Panel):
    """A panel that has its place in a page.

    Attributes:
        id: Anchor in the page.
        title: The question that the figure answers.
    """

    id: str
    title: str


@dataclass(frozen=True)
class Row(Generic[T]):
    """A figure's row in the table of a page.

    Attributes:
        id: Anchor in the page.
        title: The question that the figure answers.
        make: Draws it; None: there is nothing that it could be of.
    """

    id: str
    title: str
    make: Callable[[T], Panel | None]

    def placed(self, given: T) -> Placed | None:
        """The figure at its place, of what is known."""
        panel = self.make(given)
        return None if panel is None else Placed(id=self.id, title=self.title, **vars(panel))


def sample(frame: pd.DataFrame, most: int, *, keep: pd.Series) -> pd.DataFrame:
    """At most `most` rows in their order: those to `keep`, and others drawn at random.

    The draw is the same for the same frame, so that a report written again looks the same.
    """
    if len(frame) <= most:
        return frame
    kept = np.flatnonzero(keep.to_numpy(dtype=bool))[:most]
    others = np.setdiff1d(np.arange(len(frame)), kept)
    drawn = np.random.default_rng(0).choice(others, size=most - len(kept), replace=False)
    return frame.iloc[np.sort(np.concatenate([kept, drawn]))]
