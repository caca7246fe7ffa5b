"""Figures of several studies on the same axes, a colour and a symbol for each study."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from study.report.head.digest import Digest
from study.report.look import INK, Mark, interval_bar, marks_of, new_figure
from study.report.panel import Panel
from study.report.traces import either, heading
from study.report.wording import (
    count,
    in_points_of,
    inert,
    interval,
    listed,
    only_first,
    percent,
)

MOST_ROWS: Final = 40

_LINE: Final = 22
_HEAD: Final = 26


@dataclass(frozen=True, kw_only=True)
class Point:
    """An estimate of one study.

    Attributes:
        row: What it is of.
        study: Whose.
        value: On the figure's axis.
        low: Lower end of its 95 % interval; None: none.
        high: Upper end.
        is_filled: Hollow marks are of the search.
        text: What a reader reads when pointing at it.
    """

    row: str
    study: str
    value: float
    low: float | None
    high: float | None
    is_filled: bool
    text: str


def claims_points(studies: Mapping[str, Digest]) -> list[Point]:
    """Each study's answer to each claim in points: the one that counts."""
    points = []
    for name, digest in studies.items():
        for entry in digest.claims:
            one = entry.standing
            if one is None or one.is_share or one.estimate is None:
                continue
            points.append(
                Point(
                    row=in_points_of(entry.text, one.measure),
                    study=name,
                    value=one.estimate,
                    low=one.low,
                    high=one.high,
                    is_filled=one.stage != "search",
                    text=f"{one.value}, {entry.verdict} ({one.stage} stage)",
                )
            )
    return _by_row(points)


def arms_points(studies: Mapping[str, Digest]) -> list[Point]:
    """Each study's arms: on fresh seeds, or the search's best where it was not confirmed."""
    points = []
    for name, digest in studies.items():
        for row in digest.arms:
            value, confirmed = row.confirmed, digest.confirmed
            if value is not None and confirmed is not None:
                measure = confirmed.measure(confirmed.split)
                points.append(
                    Point(
                        row=row.arm,
                        study=name,
                        value=value.estimate * measure.scale,
                        low=value.low * measure.scale,
                        high=value.high * measure.scale,
                        is_filled=True,
                        text=f"{value.text(measure)}{measure.name_after}, {value.n}",
                    )
                )
            elif row.best_value is not None:
                points.append(
                    Point(
                        row=row.arm,
                        study=name,
                        value=row.best_value * digest.measure.scale,
                        low=None,
                        high=None,
                        is_filled=False,
                        text=f"{digest.measure.text(row.best_value)}"
                        f"{digest.measure.name_after}, the best of {count(row.n_trials, 'trial')}",
                    )
                )
    return _by_row(points)


def shares_points(studies: Mapping[str, Digest]) -> list[Point]:
    """Each study's share of the variance per factor, with its interval."""
    points = []
    for name, digest in studies.items():
        frame = digest.tables.importance
        for row in () if frame is None else frame.dropna(subset=["share"]).to_dict("records"):
            points.append(
                Point(
                    row=str(row["factor"]),
                    study=name,
                    value=float(row["share"]) * 100,
                    low=float(row["low"]) * 100,
                    high=float(row["high"]) * 100,
                    is_filled=row["verdict"] == "matters",
                    text=f"{interval(row['share'], row['low'], row['high'], percent)}, "
                    f"{row['verdict']}",
                )
            )
    return _by_row(points)


def rows_figure(points: list[Point], marks: Mapping[str, Mark], *, axis: str) -> go.Figure:
    """A block per row, a line per study in it."""
    places, heads, y, before = [], {}, 0.0, None
    for point in points:
        if point.row != before:
            y += _HEAD if before is None else _HEAD + _LINE * 0.6
            heads[point.row] = y - _HEAD * 0.85
            before = point.row
        places.append(y)
        y += _LINE
    figure = new_figure(height=int(y) + 78)
    for point, at in zip(points, places, strict=True):
        mark = marks[point.study]
        has_ends = point.low is not None and point.high is not None
        figure.add_scatter(
            x=[round(point.value, 4)],
            y=[at],
            mode="markers",
            name=inert(point.study),
            marker=either(mark, 10, is_hollow=not point.is_filled),
            error_x=interval_bar(
                [point.value], low=[point.low or 0.0], high=[point.high or 0.0], colour=mark.colour
            )
            if has_ends
            else None,
            hovertemplate=f"<b>{inert(point.study)}</b>: {inert(point.row)}<br>"
            f"{inert(point.text)}<extra></extra>",
        )
    for row, at in heads.items():
        heading(figure, f"<b>{inert(row)}</b>", at, font={"color": INK, "size": 13})
    figure.update_layout(
        xaxis={"title_text": axis, "showgrid": True},
        yaxis={
            "tickvals": places,
            "ticktext": [inert(point.study) for point in points],
            "range": [y, -8],
            "showgrid": False,
            "ticks": "",
        },
    )
    return figure


def claims_panel(studies: Mapping[str, Digest]) -> Panel | None:
    """The claims on one axis; None where no study has an estimate of one."""
    return _panel(
        claims_points(studies),
        studies,
        axis="difference in points, 95 % interval",
        reading="Where the bars of two studies lie apart, the claim’s answer has moved. Filled: "
        "fresh seeds; hollow: the search alone, whose estimates a selection may flatter.",
        note="Left out: claims about shares of variance, and those without an estimate.",
    )


def arms_panel(studies: Mapping[str, Digest]) -> Panel | None:
    """The arms on one axis."""
    digests = list(studies.values())
    if len({digest.tables.study.metric for digest in digests}) > 1:
        return None  # no axis holds two metrics
    measure = digests[0].measure
    splits = {d.confirmed.split if d.confirmed else "val" for d in digests}
    return _panel(
        arms_points(studies),
        studies,
        axis=measure.name + measure.unit,
        reading="Filled marks with bars are fresh seeds. Hollow marks are the best of many "
        "trials, which more trials flatter more: they do not compare.",
        note=f"Scored on {listed(sorted(splits))}."
        + (" Different splits do not compare." if len(splits) > 1 else ""),
    )


def shares_panel(studies: Mapping[str, Digest]) -> Panel | None:
    """The factors' shares on one axis; None where no study knows one."""
    return _panel(
        shares_points(studies),
        studies,
        axis="share of the variance (%), 95 % interval",
        reading="Filled marks are factors that matter; hollow ones are negligible or unresolved. "
        "Shares are over each study’s own ranges: a wider range gives its factor more.",
        note="Left out: factors for which a study has too few trials.",
    )


def _panel(
    points: list[Point],
    studies: Mapping[str, Digest],
    *,
    axis: str,
    reading: str,
    note: str,
) -> Panel | None:
    if not points:
        return None
    rows = list(dict.fromkeys(point.row for point in points))
    shown = [point for point in points if point.row in set(rows[:MOST_ROWS])]
    trials = listed([f"{len(d.tables.trials):,} in {name}" for name, d in studies.items()])
    note = f"n = trials: {trials}; n of each mark when pointed at, and in the table. {note}"
    note += only_first(MOST_ROWS, len(rows), "rows are drawn")
    return Panel(
        reading=reading,
        note=note,
        alt="; ".join(f"{p.row}, {p.study}: {p.text}" for p in shown) + ".",
        figure=rows_figure(shown, marks_of(list(studies)), axis=axis),
    )


def _by_row(points: list[Point]) -> list[Point]:
    """The points of one row together, rows in the order in which they first come."""
    rows = list(dict.fromkeys(point.row for point in points))
    return sorted(points, key=lambda point: rows.index(point.row))
