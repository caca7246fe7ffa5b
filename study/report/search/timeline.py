"""The trials over wall time, slot by slot: what ran when, and how busy the machines were."""

import heapq
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.folder.tables import StudyTables
from study.report.look import MUTED, SURFACE, Mark, arm_marks, new_figure
from study.report.panel import GAP, Panel, of_trials
from study.report.traces import in_pieces
from study.report.wording import count, inert, listed, percent

MOST_BARS: Final = 1500
"""More trials are counted over time instead: a sample of bars would show idle slots."""

MOST_SLOTS: Final = 48
BINS: Final = 200
_UNITS: Final = (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


@dataclass(frozen=True, kw_only=True)
class TimelineData:
    """Bars of the figure.

    Attributes:
        bars: A row per trial with a beginning and an end: `trial (position in the table), number,
            arm, status, collapsed, epochs, slot, start, end` in `unit` since the first beginning.
        slots: Node of each slot, a slot being one place in which a trial ran at a time.
        unit: Of the time axis.
        seconds: In one unit.
        first: When the first trial began.
        busy: Share of slots × wall time in which a trial ran.
        n_without: Trials without a beginning or an end.
    """

    bars: pd.DataFrame
    slots: tuple[str, ...]
    unit: str
    seconds: float
    first: str
    busy: float
    n_without: int

    @property
    def is_counted(self) -> bool:
        """Whether there are too many trials or slots for a bar each."""
        return len(self.bars) > MOST_BARS or len(self.slots) > MOST_SLOTS


def timeline_data(tables: StudyTables) -> TimelineData | None:
    """The bars; None where no trial has both times."""
    trials = tables.trials
    timed = trials[trials["started_at"].notna() & trials["ended_at"].notna()]
    timed = timed[timed["ended_at"] > timed["started_at"]]
    if timed.empty:
        return None
    first = timed["started_at"].min()
    start = (timed["started_at"] - first).dt.total_seconds()
    end = (timed["ended_at"] - first).dt.total_seconds()
    node = timed["node"].fillna("").astype(str)
    slot, slots = _slots(start.to_numpy(), end.to_numpy(), node.tolist())
    span = float(end.max())
    unit, seconds = _unit(span)
    bars = pd.DataFrame(
        {
            "trial": timed.index,
            "number": timed["number"],
            "arm": timed["arm"],
            "status": timed["status"],
            "collapsed": timed["collapsed"].fillna(False).astype(bool),
            "epochs": timed["epochs_run"],
            "slot": slot,
            "start": start / seconds,
            "end": end / seconds,
        }
    )
    return TimelineData(
        bars=bars.reset_index(drop=True),
        slots=slots,
        unit=unit,
        seconds=seconds,
        first=f"{first:%Y-%m-%d %H:%M} UTC",
        busy=float((end - start).sum() / (len(slots) * span)),
        n_without=len(trials) - len(timed),
    )


def timeline_figure(data: TimelineData, marks: dict[str, Mark]) -> go.Figure:
    """A bar per trial, or, of very many, how many ran at a time."""
    return _counted(data, marks) if data.is_counted else _bars(data, marks)


def timeline_panel(tables: StudyTables) -> Panel:
    """The figure with its words, or why there is none."""
    data = timeline_data(tables)
    if data is None:
        reading = "No trial has both a beginning and an end in the table."
        return Panel(reading=reading)
    marks = arm_marks(tables.study)
    nodes = len(set(data.slots))
    span = float(data.bars["end"].max())
    where = f" on {count(nodes, 'node')}" if nodes > 1 else ""
    reading = (
        f"{count(len(data.bars), 'trial')} took {span:.1f} {data.unit} on "
        f"{count(len(data.slots), 'slot')}{where}, which were busy {percent(data.busy)} of that "
        "time."
    )
    note = f"n = {count(len(data.bars), 'trial')}, from {data.first}. "
    if data.is_counted:
        note += f"Height: trials that ran at a time, mean over each of {BINS} equal stretches."
    else:
        note += (
            "A row is a slot: a place where one trial ran at a time. Pale: stopped early. "
            "Ending in a cross: failed; in an open circle: interrupted. Line inside: "
            "collapsed."
        )
    if data.n_without:
        note += f" Left out: {count(data.n_without, 'trial')} without both times."
    parts = [f"{n:,} {status}" for status, n in data.bars["status"].value_counts().items()]
    return Panel(
        reading=reading,
        note=note,
        alt=f"Trials over {span:.1f} {data.unit}: {listed(parts)}.",
        figure=timeline_figure(data, marks),
        min_width=0 if data.is_counted else 480,
    )


def _slots(
    start: np.ndarray, end: np.ndarray, node: list[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A slot for each trial, the lowest of its node that is free; slots by node."""
    free: dict[str, list[int]] = {}
    running: dict[str, list[tuple[float, int]]] = {}
    used: dict[str, int] = {}
    own = np.zeros(len(start), dtype=int)
    for i in np.argsort(start, kind="stable"):
        here = node[i]
        heap, places = running.setdefault(here, []), free.setdefault(here, [])
        while heap and heap[0][0] <= start[i]:
            heapq.heappush(places, heapq.heappop(heap)[1])
        if not places:
            heapq.heappush(places, used.setdefault(here, 0))
            used[here] += 1
        own[i] = heapq.heappop(places)
        heapq.heappush(heap, (float(end[i]), int(own[i])))
    names = sorted(used)
    offset, total = {}, 0
    for name in names:
        offset[name] = total
        total += used[name]
    slot = np.array([offset[here] + place for here, place in zip(node, own, strict=True)])
    return slot, tuple(name for name in names for _ in range(used[name]))


def _bars(data: TimelineData, marks: dict[str, Mark]) -> go.Figure:
    height = max(10, min(26, 900 // len(data.slots)))
    figure = new_figure(height=height * len(data.slots) + 90)
    width = height * 0.62
    for arm, mark in marks.items():
        of_arm = data.bars[data.bars["arm"] == arm]
        for is_pale in (False, True):
            bars = of_arm[(of_arm["status"] == "stopped") == is_pale]
            if not bars.empty:
                figure.add_trace(_lines(bars, arm, mark, data, width, is_pale=is_pale))
        collapsed = of_arm[of_arm["collapsed"]]
        if not collapsed.empty:
            figure.add_trace(_middle_lines(collapsed, arm))
        for status, symbol in (("failed", "x-thin"), ("interrupted", "circle-open")):
            ends = of_arm[of_arm["status"] == status]
            if not ends.empty:
                figure.add_scatter(
                    x=ends["end"].round(4).tolist(),
                    y=ends["slot"].tolist(),
                    mode="markers",
                    meta=of_trials(ends["trial"].to_numpy(), arm),
                    marker={
                        "symbol": symbol,
                        "size": 9,
                        "color": mark.colour,
                        "line": {"width": 2, "color": mark.colour},
                    },
                    hoverinfo="skip",
                )
    figure.update_xaxes(title_text=f"{data.unit} since the first trial began", showgrid=True)
    ticks = [i for i, node in enumerate(data.slots) if i == 0 or data.slots[i - 1] != node]
    many = len(ticks) > 1
    figure.update_yaxes(
        tickvals=ticks if many else list(range(len(data.slots))),
        ticktext=[inert(data.slots[i]) or "node" for i in ticks]
        if many
        else [f"slot {i + 1}" for i in range(len(data.slots))],
        range=[len(data.slots) - 0.4, -0.6],
        showgrid=False,
        ticks="",
    )
    return figure


def _lines(
    bars: pd.DataFrame, arm: str, mark: Mark, data: TimelineData, width: float, *, is_pale: bool
) -> go.Scatter:
    """All bars of one look as one trace of thick lines, parted by gaps."""
    rows = bars.round({"start": 4, "end": 4}).to_dict("records")
    # a point in the middle, so that a long bar can be pointed at
    x = in_pieces((r["start"], round((r["start"] + r["end"]) / 2, 4), r["end"]) for r in rows)
    y = in_pieces([r["slot"]] * 3 for r in rows)
    texts = [text for row in bars.to_dict("records") for text in [_hover(row, arm, data)] * 4]
    trials = in_pieces(([r["trial"]] * 3 for r in rows), GAP)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        meta=of_trials(trials, arm),
        line={"color": mark.colour, "width": width},
        opacity=0.4 if is_pale else 0.92,
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )


def _middle_lines(bars: pd.DataFrame, arm: str) -> go.Scatter:
    rows = bars.round({"start": 4, "end": 4}).to_dict("records")
    x = in_pieces((row["start"], row["end"]) for row in rows)
    y = in_pieces((row["slot"], row["slot"]) for row in rows)
    trials = in_pieces(((row["trial"], row["trial"]) for row in rows), GAP)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        meta=of_trials(trials, arm),
        line={"color": SURFACE, "width": 2},
        hoverinfo="skip",
    )


def _unit(span: float) -> tuple[str, float]:
    """The largest unit of which a span in seconds holds two, and its seconds."""
    return next((u, s) for u, s in _UNITS if span >= 2 * s or s == 1.0)


def _hover(row: dict[str, Any], arm: str, data: TimelineData) -> str:
    took = (row["end"] - row["start"]) * data.seconds
    unit, seconds = _unit(took)
    collapsed = ", collapsed" if row["collapsed"] else ""
    epochs = "" if pd.isna(row["epochs"]) else f", {count(int(row['epochs']), 'epoch')}"
    return (
        f"<b>Trial {row['number']}</b>, {inert(arm)}<br>{row['status']}{collapsed}{epochs} in "
        f"{took / seconds:.1f} {unit}"
    )


def _counted(data: TimelineData, marks: dict[str, Mark]) -> go.Figure:
    """Trials that ran at a time, arms on top of each other."""
    figure = new_figure(height=300)
    edges = np.linspace(0, float(data.bars["end"].max()), BINS + 1)
    middle = ((edges[:-1] + edges[1:]) / 2).round(4).tolist()
    for arm, mark in marks.items():
        bars = data.bars[data.bars["arm"] == arm]
        if bars.empty:
            continue
        running = concurrency(bars["start"].to_numpy(), bars["end"].to_numpy(), edges)
        figure.add_scatter(
            x=middle,
            y=running.round(3).tolist(),
            mode="lines",
            stackgroup="arms",
            meta={"arm": arm},
            line={"width": 1, "color": mark.colour},
            fillcolor=mark.colour,
            hovertemplate=f"<b>{inert(arm)}</b>: %{{y:.1f}} at a time<extra></extra>",
        )
    figure.add_hline(y=len(data.slots), line={"color": MUTED, "dash": "dash", "width": 1})
    figure.update_xaxes(title_text=f"{data.unit} since the first trial began")
    figure.update_yaxes(title_text="trials at a time", rangemode="tozero")
    return figure


def concurrency(start: np.ndarray, end: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean number of intervals that hold, in each bin between two edges (bins,)."""

    def before(times: np.ndarray) -> np.ndarray:
        """Sum over times of how long ago each was, at every edge."""
        ordered = np.sort(times)
        n = np.searchsorted(ordered, edges)
        return np.asarray(n * edges - np.concatenate([[0.0], np.cumsum(ordered)])[n])

    return np.asarray(np.diff(before(start) - before(end)) / np.diff(edges))
