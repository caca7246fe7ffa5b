"""The trainings one by one: what each row scored in each block."""

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.folder.columns import config_column
from study.measure import Measure
from study.quantities import capital
from study.report.look import MUTED, name_rows, new_figure
from study.report.panel import Panel, Table
from study.report.settle.facts import Facts
from study.report.traces import cells
from study.report.wording import count, inert, level, listed

_CELL: Final = 26
_WIDTH: Final = 44


def trainings_figure(facts: Facts, measure: Measure) -> go.Figure:
    """A line a row, a column a block, darker where the score is higher."""
    rows, blocks = facts.rows, facts.blocks
    by_place = {(int(t["row"]), int(t["block"])): t for t in facts.trainings.to_dict("records")}
    value = np.array(
        [[_value(by_place.get((row, block)), measure) for block in blocks] for row in rows]
    )
    known = value[np.isfinite(value)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    span = max(float(high - low), 1e-9)
    figure = new_figure(height=_CELL * len(rows) + 90)
    figure.add_trace(
        cells(
            np.round(value, 4),
            [[_cell(by_place.get((r, b)), measure) for b in blocks] for r in rows],
            low=low,
            span=span,
            customdata=[[_told(by_place.get((r, b))) for b in blocks] for r in rows],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    folds = facts.trainings.drop_duplicates("block").set_index("block")["fold"]
    named = {b: "" if pd.isna(folds[b]) else f"<br>fold {folds[b]}" for b in blocks}
    figure.update_xaxes(
        tickvals=list(range(len(blocks))),
        ticktext=[f"{block + 1}{named[block]}" for block in blocks],
        tickangle=0,
        title_text="block",
        side="top",
        ticks="",
    )
    figure.update_yaxes(tickfont={"color": MUTED})
    name_rows(figure, [f"row {row}" for row in rows])
    figure.update_layout(margin={"t": 66, "b": 12})
    return figure


def trainings_panel(facts: Facts) -> Panel:
    """The figure and the rows' recipes, with words."""
    measure = facts.tables.study.measure
    table = facts.trainings
    failed = int((table["status"] == "failed").sum())
    idle = table[table["learned"].notna() & ~table["learned"].fillna(True).astype(bool)]
    parts = [count(len(table), "training")]
    parts += [f"{failed} failed (×)"] if failed else []
    parts += [f"{len(idle)} hardly learned (in brackets)"] if len(idle) else []
    hours = float(table["train_seconds"].sum()) / 3600
    took = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"
    return Panel(
        reading=f"Down a column: {_shared(facts)} for all rows. A column that is darker as a "
        f"whole has {_luck(facts)}; what claims are judged by are differences within columns.",
        note=f"n = {listed(parts)}, {took} of training. {_scored(facts, measure)}",
        alt=f"{capital(measure.label)} by row and block: "
        + "; ".join(_row_said(facts, row, measure) for row in facts.rows)
        + ".",
        figure=trainings_figure(facts, measure),
        min_width=70 + _WIDTH * len(facts.blocks) if len(facts.blocks) > 6 else 0,
        table=_recipes(facts, measure),
    )


def _shared(facts: Facts) -> str:
    """What the trainings of a block have in common."""
    return "one seed" if facts.trainings["fold"].isna().all() else "one fold and one seed"


def _luck(facts: Facts) -> str:
    """What makes a whole block score higher."""
    return "a lucky seed" if facts.trainings["fold"].isna().all() else "an easy fold"


def _scored(facts: Facts, measure: Measure) -> str:
    """What the numbers are, and which of them no effect is made of."""
    name = capital(measure.label)
    if not facts.tables.study.is_free:
        return (
            f"{name} of each on the images of its fold. Nets that hardly learned are no part of "
            "effects in points."
        )
    return f"{name} of each after its last epoch. Those that failed are no part of effects."


def _recipes(facts: Facts, measure: Measure) -> Table:
    """What each row trains, and its mean."""
    varied = [f.name for f in facts.tables.study.factors if f.role != "fixed"]
    first = facts.trainings.drop_duplicates("row").set_index("row")
    rows = []
    for row in facts.rows:
        own = facts.trainings[facts.trainings["row"] == row][measure.column]
        cells = [_level(first.loc[row, config_column(name)]) for name in varied]
        rows.append(
            (
                f"row\N{NO-BREAK SPACE}{row}",
                *cells,
                measure.text(None if own.isna().all() else own.mean()),
            )
        )
    return Table(columns=("Row", *varied, f"Mean {measure.label}"), rows=tuple(rows))


def _level(value: Any) -> str:
    return "–" if pd.isna(value) else level(value)


def _value(training: dict[str, Any] | None, measure: Measure) -> float:
    found = None if training is None else training[measure.column]
    return float("nan") if found is None or pd.isna(found) else float(found) * measure.scale


def _cell(training: dict[str, Any] | None, measure: Measure) -> str:
    value = _value(training, measure)
    if training is None:
        return ""
    if np.isnan(value):
        return "×" if training["status"] == "failed" else "…"
    digits = 1 if measure.suffix else 2
    text = f"{value:.{digits if measure.own is None else measure.digits}f}"
    return f"({text})" if training["learned"] is False else text


def _told(training: dict[str, Any] | None) -> str:
    if training is None:
        return "not begun"
    told = (
        f"<b>{training['trial_id']}</b>, row {training['row']}, block {training['block'] + 1}<br>"
        f"{_fold(training)}seed {training['seed']}<br>{training['status']}, "
        f"{training['epochs_run']} of {training['epochs_planned']} epochs"
    )
    return told if pd.isna(training["error"]) else f"{told}<br>{inert(training['error'])}"


def _fold(training: dict[str, Any]) -> str:
    return "" if pd.isna(training["fold"]) else f"fold {training['fold']}, "


def _row_said(facts: Facts, row: int, measure: Measure) -> str:
    own = facts.trainings[facts.trainings["row"] == row].to_dict("records")
    return f"row {row}: {', '.join(_cell(one, measure) for one in own)}"
