"""The design as a picture: rows of recipes that cross the levels which claims are about."""

from typing import Final

import plotly.graph_objects as go

from study.report.look import MUTED, name_rows, new_figure
from study.report.panel import Panel
from study.report.settle.facts import Facts
from study.report.traces import cells
from study.report.wording import count, inert, level, listed

_CELL: Final = 30
_COLUMN: Final = 92


def design_figure(facts: Facts) -> go.Figure:
    """A line a row, a column a factor; one colour a level, a dash where a factor is not there."""
    rows, factors = facts.rows, facts.factors
    by_factor = [facts.levels(name) for name in factors]
    places = [_places(levels) for levels in by_factor]
    figure = new_figure(height=_CELL * len(rows) + 70)
    figure.add_trace(
        cells(
            [[column[r] for column in places] for r in range(len(rows))],
            [[_word(column[r]) for column in by_factor] for r in range(len(rows))],
            span=1,
            gap=2,
            hovertemplate="row %{y}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(
        tickvals=list(range(len(factors))),
        ticktext=[inert(name) for name in factors],
        tickangle=0,
        side="top",
        ticks="",
        showline=False,
    )
    figure.update_yaxes(tickfont={"color": MUTED})
    name_rows(figure, [f"row {row}" for row in rows])
    figure.update_layout(margin={"t": 36, "b": 12})
    return figure


def design_panel(facts: Facts) -> Panel:
    """The figure with its words."""
    known = facts.tables.known.table("settle")
    n_blocks, n_rows = len(facts.blocks), len(facts.rows)
    folds = facts.trainings["fold"].nunique()
    on = f"each on one of {count(folds, 'fold')} so far and " if folds else "each "
    note = (
        f"n = {count(len(facts.trainings), 'training')}: {count(n_rows, 'row')} in "
        f"{count(n_blocks, 'block')}, {on}from a fresh seed. What is not a column is set "
        "by the search, for each row at its best; the table of trainings has it."
    )
    if aliases := known.array("aliases"):
        groups = [" = ".join(f"{a} x {b}" for a, b in group) for group in aliases]
        note += f" Pairs of factors that cannot be told apart here: {'; '.join(groups)}."
    if unasked := known.table("unasked"):
        texts = {claim.name: claim.text for claim in facts.tables.study.every_claim}
        named = [f"“{texts.get(name, name)}” ({reason})" for name, reason in unasked.items()]
        note += f" Not asked, so these keep their answer: {listed(named)}."
    return Panel(
        reading="Each line is a recipe. Down a column its two levels stand equally often beside "
        "each other column’s, so that every training speaks to every claim at once.",
        note=note,
        alt="Levels of the design. " + "; ".join(_said(facts)) + ".",
        figure=design_figure(facts),
        min_width=70 + _COLUMN * len(facts.factors) if len(facts.factors) > 3 else 0,
    )


def _said(facts: Facts) -> list[str]:
    """Per factor, its level in each row."""
    return [
        f"{name}: {', '.join(_word(value) for value in facts.levels(name))}"
        for name in facts.factors
    ]


def _places(levels: list[object]) -> list[float | None]:
    """0 for a column's first level, then 1, 2 and so on; None where the factor is not there."""
    each = list(dict.fromkeys(value for value in levels if value is not None))
    step = 0.85 / max(len(each) - 1, 1)
    return [None if value is None else 0.15 + step * each.index(value) for value in levels]


def _word(value: object) -> str:
    return "–" if value is None else inert(level(value))  # type: ignore[arg-type]
