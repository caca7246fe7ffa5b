"""Every training of a confirm stage with folds: how good it is, and whether it learned.

How often nets learn stands beside, by arm and by level: effects are told among those that do.
"""

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis, TrainingTables
from study.folder.tables import StudyTables
from study.outcomes import outcomes_of
from study.report.look import Mark, arm_marks, new_figure
from study.report.panel import Panel, Table
from study.report.traces import about, either, saying
from study.report.wording import Measure, count, inert, listed, percent

_MOST_ROWS: Final = 40


def folds_figure(each: pd.DataFrame, measure: Measure, marks: dict[str, Mark]) -> go.Figure:
    """A group of columns per fold, in it a column per arm, in it a mark per seed."""
    figure = new_figure(height=420)
    each = each.dropna(subset="score")
    arms, folds = [a for a in marks if a in set(each["arm"])], sorted(each["fold"].unique())
    step = 0.8 / len(arms)
    for at, arm in enumerate(arms):
        for learned in (True, False):
            some = each[(each["arm"] == arm) & (each["learned"] == learned)]
            if some.empty:
                continue
            place = some["fold"].map({fold: n for n, fold in enumerate(folds)})
            marker = either(marks[arm], 9, is_hollow=not learned)
            title = f"{inert(arm)}</b>, seed %{{customdata[0]}}, fold %{{customdata[1]}}<b>"
            ended = "" if learned else "<br>hardly learned"
            figure.add_scatter(
                x=(place + (at + 0.5) * step - 0.4).round(4).tolist(),
                y=(some["score"] * measure.scale).round(4).tolist(),
                mode="markers",
                **about(arm),
                marker=marker,
                customdata=some[["seed", "fold"]].to_numpy().tolist(),
                hovertemplate=saying(title, measure.y + ended),
            )
    figure.update_layout(
        xaxis={
            "tickvals": list(range(len(folds))),
            "ticktext": [f"fold {fold}" for fold in folds],
            "range": [-0.5, len(folds) - 0.5],
        },
        yaxis_title_text=measure.label + measure.unit,
    )
    for edge in range(1, len(folds)):
        figure.add_vline(x=edge - 0.5, line={"color": "#d9dce0", "width": 1}, layer="below")
    return figure


def folds_panel(tables: StudyTables, trained: TrainingTables, analysis: Analysis | None) -> Panel:
    """The figure with its words, and how often nets learn."""
    each = trained.each
    measure = tables.study.measure
    idle = int((~each["learned"]).sum())
    n_seeds, k = each["seed"].nunique(), each["fold"].nunique()
    words = outcomes_of(tables.study.scale)
    failed = f"{idle:,} of {count(len(each), 'training')} {words.missed}"
    what, hollow = "examples", ""
    if not tables.study.is_free:
        what, hollow = (
            "faces",
            (
                " Hollow: hardly learned, no better than naming how common each class is or far "
                "behind the arm’s others; effects are told without it."
            ),
        )
    return Panel(
        reading=f"{failed}. Marks of one column differ by their seed alone; columns of one colour "
        f"by the {what} that were trained and tested on.",
        note=f"n = {count(len(each), 'training')}: {count(n_seeds, 'seed')} in each of {k} folds "
        f"of {words.folded}{_given(tables, each)}, every {words.one} tested on the fold that it "
        f"has not seen.{hollow} Below: how often {words.bring}, with Jeffreys’ 95 % interval; "
        "trials are those of the search’s design.",
        alt=f"{measure.label} of every training by fold and arm. {_alt(trained)}",
        figure=folds_figure(each, measure, arm_marks(tables.study)),
        min_width=22 * each["arm"].nunique() * k if each["arm"].nunique() * k > 14 else 0,
        table=_how_often(tables, trained, analysis),
    )


def _given(tables: StudyTables, each: pd.DataFrame) -> str:
    """Who got how many seeds and why, where they went where the noise is."""
    shares = tables.known.tables("shares")
    if not shares:
        return ""
    seeds = listed([f"{arm} {n}" for arm, n in each.groupby("arm")["seed"].nunique().items()])
    told = f" ({seeds}, given where the noise is"
    spread = shares[-1].table("spread").items()
    if points := listed([f"{arm} {sd:.1f}" for arm, sd in spread if isinstance(sd, float)]):
        told += f": from seed to seed {points} points"
    if is_open := shares[-1].array("open"):
        return f"{told}, for what was open: {listed([str(name) for name in is_open])})"
    return f"{told}, by that alone)"


def _how_often(tables: StudyTables, trained: TrainingTables, analysis: Analysis | None) -> Table:
    """Shares of nets that learn on fresh seeds, and of design trials."""
    rows = [
        (
            row["level"] if pd.isna(row["factor"]) else f"{row['factor']} {row['level']}",
            "fresh seeds",
            *_shares(row),
        )
        for row in trained.counted.to_dict("records")
    ]
    if analysis is not None:
        rows += [
            (f"{row['factor']} {row['level']}", "design trials", *_shares(row))
            for row in analysis.how_often_learned.to_dict("records")
        ]
    return Table(columns=("arm or level", "of", "learned", "share"), rows=tuple(rows[:_MOST_ROWS]))


def _shares(row: dict[str, object]) -> tuple[str, str]:
    k, n = int(str(row["k"])), int(str(row["n"]))
    if not n:
        return "0 of 0", "–"
    low, high = float(str(row["low"])), float(str(row["high"]))
    return f"{k:,} of {n:,}", f"{percent(k / n)} [{100 * low:.0f}, {100 * high:.0f}]"


def _alt(trained: TrainingTables) -> str:
    arms = trained.counted[trained.counted["factor"].isna()]
    shares = zip(arms["k"], arms["n"], arms["level"], strict=True)
    return f"Nets that learned: {listed([f'{k} of {n} in {arm}' for k, n, arm in shares])}."
