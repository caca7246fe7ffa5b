"""How the confirmed models do on other people's faces."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from agecls.classes import Classes
from study.analysis.confirm.scoring import possible
from study.folder.tables import StudyTables
from study.measure import metric_of
from study.report.grounds import images_in_clusters
from study.report.look import Mark, arm_marks, name_rows
from study.report.panel import Panel, Table
from study.report.small_multiples import small_multiples
from study.report.traces import about, either, estimate, filled
from study.report.wording import Measure, count, inert, interval, only_first, signed

MOST_SETS: Final = 6
MOST_ARMS: Final = 12


@dataclass(frozen=True, kw_only=True)
class ElsewhereData:
    """The figure's values.

    Attributes:
        rows: Rows of `external` of single arms in the study's metric, on all images.
        sets: Sets of faces drawn.
        n_sets: All sets.
        arms: The arms drawn, in reading order.
        measure: The metric.
    """

    rows: pd.DataFrame
    sets: tuple[str, ...]
    n_sets: int
    arms: tuple[str, ...]
    measure: Measure


def elsewhere_data(tables: StudyTables) -> ElsewhereData | None:
    """What other faces say; None where none were scored."""
    frame = tables.external
    if frame is None:
        return None
    metric = metric_of(tables.study.metric)
    is_shown = frame["against"].isna() & (frame["metric"] == metric) & (frame["images"] == "all")
    rows = frame[is_shown & frame[["estimate", "low", "high"]].notna().all(axis=1)]
    if rows.empty:
        return None
    ends = {name: [possible(metric, end) for end in rows[name]] for name in ("low", "high")}
    rows = rows.assign(**ends)
    sets = tuple(dict.fromkeys(rows["faces"]))
    there = set(rows["arm"])
    arms = tuple(arm for arm in arm_marks(tables.study) if arm in there)[:MOST_ARMS]
    return ElsewhereData(
        rows=rows[rows["arm"].isin(arms) & rows["faces"].isin(sets[:MOST_SETS])],
        sets=sets[:MOST_SETS],
        n_sets=len(sets),
        arms=arms,
        measure=Measure(f"val_{metric}"),
    )


def elsewhere_figure(data: ElsewhereData, marks: dict[str, Mark]) -> go.Figure:
    """A small plot per set: hollow on the study's own split, filled on the other faces."""
    grid = small_multiples(data.sets, columns=2, row_height=32 * len(data.arms) + 80)
    scale = data.measure.scale
    for i, faces in enumerate(data.sets):
        of_set = data.rows[data.rows["faces"] == faces].set_index("arm")
        for y, arm in enumerate(data.arms):
            if arm not in of_set.index:
                continue
            row, mark = of_set.loc[arm], marks[arm]
            ends = tuple(round(row[name] * scale, 4) for name in ("estimate", "low", "high"))
            said = _said(row, data.measure)
            there = estimate(
                ends, y, filled(mark, 11), **about(arm),
                hovertemplate=f"<b>{inert(arm)}</b> on {inert(faces)}<br>{said}<extra></extra>",
            )  # fmt: skip
            grid.figure.add_trace(there, **grid.place(i))
            if pd.isna(row["own"]):
                continue
            home = go.Scatter(
                x=[round(row["own"] * scale, 4)],
                y=[y - 0.22],
                mode="markers",
                **about(arm),
                marker=either(mark, 9, is_hollow=True),
                hovertemplate=f"<b>{inert(arm)}</b> on its own {row['own_split']} split<br>"
                f"{data.measure.text(row['own'])}<extra></extra>",
            )
            grid.figure.add_trace(home, **grid.place(i))
    name_rows(grid.figure, [inert(arm) for arm in data.arms], above=0.6)
    grid.figure.update_xaxes(showgrid=True, title_text=data.measure.name + data.measure.unit)
    return grid.figure


def elsewhere_panel(tables: StudyTables) -> Panel | None:
    """The figure with its words; None where no other faces were scored."""
    data = elsewhere_data(tables)
    if data is None:
        return None
    sizes = [
        f"{faces}: {images_in_clusters(int(first['n_images']), int(first['n_clusters']))}, "
        f"{count(int(first['n_seeds']), 'seed')}"
        for faces in data.sets
        for first in [data.rows[data.rows["faces"] == faces].iloc[0]]
    ]
    own = tables.study.classes
    seen = data.rows[data.rows["is_seen"].fillna(False).astype(bool)]
    note = f"n = {'; '.join(sizes)}. Bars: 95 % intervals over seeds and clusters of images."
    if len(seen):
        names = ", ".join(f"{row['arm']} on {row['faces']}" for row in seen.to_dict("records"))
        note += f" Not a fair test: {names} started from weights trained on these {own.subject}."
    note += only_first(len(data.sets), data.n_sets, "sets are drawn")
    return Panel(
        reading="The further a filled mark lies from the hollow one, the more is lost away from "
        f"home: other {_what_differs(own)}.",
        note=note,
        alt=f"Score on other {own.subject} per arm: "
        + "; ".join(
            f"{row['arm']} on {row['faces']} "
            f"{_said(row, data.measure)}, at home "
            f"{data.measure.text(row['own'])}"
            for row in data.rows.to_dict("records")
        )
        + ".",
        figure=elsewhere_figure(data, arm_marks(tables.study)),
        min_width=620 if len(data.sets) > 1 else 0,
        table=_changes(data, own.subject),
    )


def _said(row: Any, measure: Measure) -> str:
    return measure.interval(row["estimate"], row["low"], row["high"])


def _what_differs(own: Classes) -> str:
    if own.years is None:
        return "places, cameras and ways to sort"
    return "people, cameras and ways to tell an age"


def _changes(data: ElsewhereData, subject: str) -> Table:
    """What was lost, in numbers."""
    rows = []
    for row in data.rows.to_dict("records"):
        change = "–"
        if not pd.isna(row["change"]):
            value, low, high = (
                row[name] * 100 for name in ("change", "change_low", "change_high")
            )
            unit = " points" if data.measure.suffix else " hundredths"
            change = interval(value, low, high, signed) + unit
        there = _said(row, data.measure)
        home = f"{data.measure.text(row['own'])} ({row['own_split']})"
        rows.append((f"{row['arm']} on {row['faces']}", there, home, change))
    return Table(
        columns=(
            f"Models on {subject}",
            "There [95 % interval]",
            "At home",
            "Change [95 % interval]",
        ),
        rows=tuple(rows),
    )
