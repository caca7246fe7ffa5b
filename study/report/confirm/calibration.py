"""Does a model that says 80 per cent hit in 80 of 100 cases, before and after a temperature?"""

from dataclasses import dataclass
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Predicted
from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues, Value
from study.report.look import Mark, arm_marks, interval_bar
from study.report.panel import Panel, SomeArms
from study.report.small_multiples import small_multiples
from study.report.traces import about, diagonal, scaled
from study.report.wording import Measure, count, inert

MOST_ARMS: Final = 6
_ECE: Final = Measure("val_ece")


@dataclass(frozen=True, kw_only=True)
class CalibrationData(SomeArms):
    """The figure's curves.

    Attributes:
        split: The split that they are of.
        bins: `Predicted.reliability` of these.
        before: Per arm its calibration error.
        after: The same at the models' temperatures; empty on val, to which they were fitted.
    """

    split: str
    bins: pd.DataFrame
    before: dict[str, Value]
    after: dict[str, Value]


def calibration_data(predicted: Predicted, confirmed: ConfirmedValues) -> CalibrationData | None:
    """The curves on the split that claims are judged on; None without predictions of it."""
    split = confirmed.split
    bins = predicted.reliability[predicted.reliability["split"] == split]
    if bins.empty:
        return None
    there = tuple(arm for arm in confirmed.arms if arm in set(bins["arm"]))
    arms = there[:MOST_ARMS]
    before, after = (
        {k: v for k, v in confirmed.by_arm(split=split, metric=m).items() if k in arms}
        for m in ("ece", "ece_tempered")
    )
    return CalibrationData(
        split=split,
        arms=arms,
        n_arms=len(there),
        bins=bins[bins["arm"].isin(arms)],
        before=before,
        after=after,
    )


def calibration_figure(data: CalibrationData, marks: dict[str, Mark]) -> go.Figure:
    """A small plot per arm: hits against confidence, and the line where both agree."""
    grid = small_multiples([_title(data, arm) for arm in data.arms], columns=2, row_height=270)
    for i, arm in enumerate(data.arms):
        place, mark = grid.place(i), marks[arm]
        diagonal(grid.figure, 0, 100, 1, **place)
        of_arm = data.bins[data.bins["arm"] == arm]
        for is_tempered in (False, True):
            rows = of_arm[of_arm["tempered"] == is_tempered].sort_values("confidence")
            if rows.empty:
                continue
            x, y, low, high = scaled(rows, ("confidence", "accuracy", "low", "high"), 100, 4)
            grid.figure.add_trace(
                go.Scatter(
                    x=x,
                    y=y,
                    mode="lines+markers",
                    **about(arm),
                    line={"color": mark.colour, "width": 1.5}
                    | ({"dash": "dot"} if not is_tempered else {}),
                    marker={
                        "symbol": mark.symbol if is_tempered else f"{mark.symbol}-open",
                        "color": mark.colour,
                        "size": 8,
                    },
                    error_y=interval_bar(y, low=low, high=high, colour=mark.colour, width=1),
                    customdata=[
                        f"{'after' if is_tempered else 'before'} temperature, about "
                        f"{count(round(n), 'image')} per model"
                        for n in rows["n_images"]
                    ],
                    hovertemplate=f"<b>{inert(arm)}</b>, %{{customdata}}<br>says %{{x:.0f}} %, "
                    "hits %{y:.0f} %<extra></extra>",
                ),
                **place,
            )
    grid.figure.update_xaxes(range=[0, 102], nticks=6)
    grid.figure.update_yaxes(range=[0, 102], nticks=6)
    grid.figure.update_yaxes(title_text="hits (%)", col=1)
    for i in range(grid.n):
        if grid.is_bottom(i):
            grid.figure.update_xaxes(title_text="confidence (%)", **grid.place(i))
    return grid.figure


def calibration_panel(
    tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted
) -> Panel:
    """The figure with its words, or why there is none."""
    data = calibration_data(predicted, confirmed)
    if data is None:
        reason = f"No predictions of confirmed models on {confirmed.split} are in this folder."
        return Panel(reading=reason)
    first = next(iter(data.before.values()), None)
    note = (
        f"n = {first.n if first else 'unknown'} of the {data.split} split. Points: bins of "
        "confidence with at least 5 images in every model, bars 95 % intervals over seeds and "
        "clusters of images. Hollow, dotted: as trained. "
    )
    if data.after:
        note += "Filled: after each model’s temperature, fitted to val. "
    else:
        note += "After temperature: not shown, for it was fitted to this split. "
    note += "Calibration error (ECE): mean gap between the two, in 15 bins."
    note += data.beyond("have a plot")
    return Panel(
        reading="On the dashed line a model hits as often as it says; below it, it is too sure of "
        "itself.",
        note=note,
        alt=_alt(data),
        figure=calibration_figure(data, arm_marks(tables.study)),
        min_width=620 if len(data.arms) > 1 else 0,
    )


def _title(data: CalibrationData, arm: str) -> str:
    found = [values[arm] for values in (data.before, data.after) if arm in values]
    errors = " → ".join(_ECE.text(value.estimate) for value in found)
    return f"{arm}, error {errors}" if errors else arm


def _alt(data: CalibrationData) -> str:
    parts = []
    for arm in data.arms:
        texts = [
            f"{value.text(_ECE)} {when} temperature"
            for when, values in (("before", data.before), ("after", data.after))
            if (value := values.get(arm)) is not None
        ]
        parts.append(f"{arm} {' and '.join(texts)}")
    return f"Hits against confidence on {data.split}; calibration error: {'; '.join(parts)}."
