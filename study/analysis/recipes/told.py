"""Each arm's simplest recipe as `simplest.parquet` has it, and what is said of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.asked.factors import Level
from study.asked.study import Study
from study.folder.tables import StudyTables
from study.measure import Measure
from study.quantities import count, level, listed

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A factor that was moved to its default, or that stays where it was.

    Attributes:
        factor: Its name.
        before: Its level in the best recipe, as text.
        default: Its default, likewise.
        gives_up: What the recipe gives up then, with everything moved before: estimate, lower and
            upper end, as the study's differences are told.
        probability: That this is within the margin.
        reason: Why it stays; empty where it moved.
    """

    factor: str
    before: str
    default: str
    gives_up: tuple[float, float, float]
    probability: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class SimplestRecipe:
    """What is known of the simplest recipe of an arm.

    Attributes:
        arm: Its name.
        measure: The study's metric.
        margin: What may be given up, as the study's differences are told.
        sure: Probability that this needs.
        trial_id: Trial whose recipe was simplified; None: nothing can be told.
        best: That recipe, all factors that exist.
        recipe: The simplest one; the same where nothing moved, empty where nothing can be told.
        moved: In order.
        kept: What is not at its default and stays.
        reason: Why nothing can be told; empty where something can.
        n_full: Full-length trials of the search, all arms, that the response surface rests on.
    """

    arm: str
    measure: Measure
    margin: float
    sure: float
    trial_id: str | None
    best: dict[str, Level]
    recipe: dict[str, Level]
    moved: tuple[Step, ...]
    kept: tuple[Step, ...]
    reason: str
    n_full: int

    @property
    def margin_text(self) -> str:
        """What may be given up, in words."""
        return self.measure.size(self.margin)

    @property
    def given_up(self) -> str:
        """What it gives up, in words; empty where nothing moved."""
        return size_of(self.moved[-1], self.measure) if self.moved else ""

    @property
    def sentence(self) -> str:
        """How it differs from the best recipe, what that costs and how sure it is."""
        if self.reason:
            return f"No simpler one can be told yet: {self.reason}."
        n, behind = len(self.kept), f"by the search’s {count(self.n_full, 'full-length trial')}"
        if not self.moved:
            which = "its one setting that is not there" if n == 1 else f"any of {n} settings"
            return (
                f"No simpler one is shown to be as good: with {which} at the default it may give "
                f"up more than {self.margin_text} ({behind})."
                if n
                else "All of it is at the defaults."
            )
        names = listed([step.factor for step in self.moved])
        left = f"; {count(n, 'setting')} stay{'s' * (n == 1)} off it" if n else ""
        return (
            f"With {names} at the default it gives up {self.given_up} against the best one, at "
            f"most {self.margin_text} with probability {self.moved[-1].probability:.2f} "
            f"({behind}; not trained itself){left}."
        )


def simplest_recipes(tables: StudyTables) -> list[SimplestRecipe]:
    """One an arm that has trials, in reading order; none where the study was not analysed."""
    if tables.simplest is None or tables.simplest.empty:
        return []
    groups = tables.simplest.groupby("arm", sort=False)
    return [_of_arm(str(arm), rows.to_dict("records"), tables.study) for arm, rows in groups]


def size_of(step: Step, measure: Measure) -> str:
    """What a step gives up with its interval, such as `0.2 [-0.1, 0.6] points`."""
    value, low, high = (measure.effect(x, has_sign=False) for x in step.gives_up)
    return f"{value} [{low}, {high}]{measure.after_effect}"


def settings(recipe: Mapping[str, Level], study: Study) -> dict[str, Level]:
    """A recipe without what the study fixes: what has to be said of it."""
    return {
        f.name: recipe[f.name] for f in study.factors if f.name in recipe and f.role != "fixed"
    }


def recipe_line(recipe: Mapping[str, Level], study: Study) -> str:
    """What is tuned of a recipe, in one line, such as `optimizer sgd, lr 0.03`."""
    tuned = [f.name for f in study.of_role("tuned") if f.name in recipe]
    return ", ".join(f"{name} {level(recipe[name])}" for name in tuned)


def _of_arm(arm: str, rows: list[dict[str, Any]], study: Study) -> SimplestRecipe:
    by_outcome: dict[str, list[Row]] = {}
    for row in rows:
        by_outcome.setdefault(str(row["outcome"]), []).append(row)
    walked = [*by_outcome.get("start", []), *by_outcome.get("moved", [])]
    recipes = [json.loads(row["recipe"]) for row in walked]
    return SimplestRecipe(
        arm=arm,
        measure=study.measure,
        margin=float(rows[0]["margin"]),
        sure=float(rows[0]["sure"]),
        trial_id=str(walked[0]["trial_id"]) if walked else None,
        best=recipes[0] if recipes else {},
        recipe=recipes[-1] if recipes else {},
        moved=tuple(_step(row) for row in by_outcome.get("moved", [])),
        kept=tuple(_step(row) for row in by_outcome.get("kept", [])),
        reason="".join(str(row["reason"]) for row in by_outcome.get("untold", [])),
        n_full=int(rows[0]["n_trials"]),
    )


def _step(row: Row) -> Step:
    return Step(
        factor=str(row["factor"]),
        before=str(row["before"]),
        default=str(row["after"]),
        gives_up=(float(row["estimate"]), float(row["low"]), float(row["high"])),
        probability=float(row["probability"]),
        reason="" if pd.isna(row["reason"]) else str(row["reason"]),
    )
