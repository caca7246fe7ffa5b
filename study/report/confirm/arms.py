"""Fresh seeds beside the search: how good each arm is, and by how much the search flattered it."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from study.folder.tables import StudyTables
from study.report.confirm.values import SET_NAMES, ConfirmedValues
from study.report.grounds import spread_over
from study.report.look import INK, SURFACE, Mark, arm_marks, interval_bar, new_figure
from study.report.panel import Panel, SomeArms
from study.report.traces import about, either, heading, saying, scaled
from study.report.wording import Measure, inert, listed

SEARCH_BEST: Final = "search’s best trial"
CHOSEN: Final = "chosen trial, in the search"

MOST_ARMS: Final = 12

_ROW: Final = 25
_HEAD: Final = 34


@dataclass(frozen=True, kw_only=True)
class ConfirmedArms(SomeArms):
    """Rows of the figure.

    Attributes:
        rows: `arm, what, value, low, high` as in the tables; no interval for the search's.
        n: What the confirmed rows rest on, per set of images.
        measure: The metric, on val.
    """

    rows: pd.DataFrame
    n: tuple[str, ...]
    measure: Measure


def confirmed_arms_data(tables: StudyTables, confirmed: ConfirmedValues) -> ConfirmedArms:
    """Each arm's search values, then its confirmed ones on every set of images."""
    models = tables.confirm if tables.confirm is not None else pd.DataFrame()
    arms = confirmed.arms[:MOST_ARMS]
    rows: list[dict[str, object]] = []
    for arm in arms:
        of_arm = models[models["arm"] == arm] if len(models) else models
        for what, column in ((SEARCH_BEST, "search_best_value"), (CHOSEN, "search_value")):
            known = of_arm[column].dropna().tolist() if len(of_arm) else []
            rows += [{"arm": arm, "what": what, "value": float(value)} for value in known[:1]]
        for split, images in confirmed.sets:
            found = confirmed.get(arm, split=split, images=images)
            if found is not None:
                ends = {"value": found.estimate, "low": found.low, "high": found.high}
                rows.append({"arm": arm, "what": SET_NAMES[split, images], **ends})
    first = [confirmed.get(arms[0], split=s, images=i) for s, i in confirmed.sets]
    return ConfirmedArms(
        rows=pd.DataFrame(rows, columns=["arm", "what", "value", "low", "high"]),
        arms=arms,
        n_arms=len(confirmed.arms),
        n=tuple(
            f"{SET_NAMES[key]}: {value.n}"
            for key, value in zip(confirmed.sets, first, strict=True)
            if value is not None
        ),
        measure=confirmed.measure("val"),
    )


def confirmed_arms_figure(data: ConfirmedArms, marks: dict[str, Mark]) -> go.Figure:
    """A block per arm: hollow what the search said, filled what fresh seeds say."""
    places = _places(data)
    height = int(-places[-1]) + _ROW + 62
    figure = new_figure(height=height)
    scale = data.measure.scale
    rows = data.rows.assign(y=places)
    for arm in data.arms:
        of_arm = rows[rows["arm"] == arm]
        mark = marks[arm]
        for is_search in (True, False):
            part = of_arm[of_arm["low"].isna() == is_search]
            if part.empty:
                continue
            values, low, high = scaled(part, ("value", "low", "high"), scale, 4)
            figure.add_scatter(
                x=values,
                y=part["y"].tolist(),
                mode="markers",
                **about(arm),
                marker=either(mark, 9 if is_search else 11, is_hollow=is_search),
                error_x=None
                if is_search
                else interval_bar(values, low=low, high=high, colour=mark.colour),
                customdata=[_hover(row, data.measure) for row in part.to_dict("records")],
                hovertemplate=saying(inert(arm), "%{customdata}"),
            )
        top = float(of_arm["y"].max()) + _ROW * 0.85
        text = f"<b>{inert(arm)}</b>"
        heading(figure, text, top, bgcolor=SURFACE, font={"color": INK, "size": 13})
    figure.update_layout(
        xaxis={"showgrid": True, "title_text": data.measure.short + data.measure.unit},
        yaxis={
            "tickvals": places,
            "ticktext": rows["what"].tolist(),
            "range": [places[-1] - _ROW * 0.8, _HEAD],
            "showgrid": False,
            "ticks": "",
        },
        margin={"l": 150},
    )
    return figure


def confirmed_arms_panel(tables: StudyTables, confirmed: ConfirmedValues) -> Panel:
    """The figure with its words."""
    data = confirmed_arms_data(tables, confirmed)
    where = listed([SET_NAMES[key] for key in confirmed.sets])
    reading = (
        "Hollow marks are what the search saw; filled ones are fresh seeds of the chosen "
        f"configuration. A hollow mark to the {'left' if data.measure.is_minimised else 'right'} "
        "of the filled one on val is the winner’s curse: the best of many looks is best partly by "
        "luck."
    )
    note = (
        f"Filled: mean over fresh seeds on {where}, bars 95 % intervals over "
        f"{spread_over(tables.study)} ({'; '.join(data.n)}). Hollow: one trial on val each, no "
        "interval."
    )
    if "test" in {split for split, _ in confirmed.sets}:
        note += " Without duplicates: without files that also stand in train or val."
    note += data.beyond("are drawn")
    return Panel(
        reading=reading,
        note=note,
        alt=_alt(data),
        figure=confirmed_arms_figure(data, arm_marks(tables.study)),
    )


def _places(data: ConfirmedArms) -> list[float]:
    """Heights of the rows, downwards, with room for each arm's name."""
    found, y = [], 0.0
    for before, arm in zip([None, *data.rows["arm"]], data.rows["arm"], strict=False):
        if before is not None:
            y -= _ROW if before == arm else _ROW + _HEAD
        found.append(y)
    return found


def _hover(row: dict[str, Any], measure: Measure) -> str:
    return f"{row['what']}: {measure.interval(row['value'], row['low'], row['high'])}"


def _alt(data: ConfirmedArms) -> str:
    parts = []
    for arm in data.arms:
        rows = data.rows[data.rows["arm"] == arm].to_dict("records")
        parts.append(f"{arm}: " + listed([_hover(row, data.measure) for row in rows]))
    return f"Rows of {data.measure.short} per arm. {'; '.join(parts)}."
