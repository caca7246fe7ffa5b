"""What a study does besides its search, and what it is made of where that is not our recipe.

These classes hold no logic, and importing them loads nothing heavy.
"""

from dataclasses import dataclass
from typing import Final

from study.asked.claim import Claim
from study.asked.factors import Config, Range
from study.measure import Scale
from study.quantities import count, listed

PILOT: Final = 2
"""Fresh seeds that every arm has before the others are given: as few as tell a spread in folds."""

DEFAULT_FOLDS: Final = 5
"""Folds where a stage needs them and nobody says how many."""


@dataclass(frozen=True, kw_only=True)
class PretrainPlan:
    """A backbone per variant, trained before the search, from which `pretrained` starts.

    Attributes:
        data: A data root, or `synthetic` for drawn faces of another population than the study's.
        images: At most this many training images; None: all.
        epochs: Epochs of each backbone.
    """

    data: str
    epochs: int
    images: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScoutPlan:
    """Short trials before the search that find where training diverges; see `study.plan.scouts`.

    Attributes:
        trials: Per cell: an arm under one optimizer.
        epochs: Length of each.
        widen: The rates tried reach from a declared low end, divided by this, to a declared high
            end, times this.
        declared: The rate's ranges in the study file once scouts have set others; else empty.
    """

    trials: int
    epochs: int
    widen: float
    declared: tuple[Range, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoldPlan:
    """Train and val as folds, each held out in its turn; see `agecls.data.folds`.

    Attributes:
        k: How many.
        search: Whether the search's trials take the folds in turn; else they train on train and
            are validated on val, and only the stages after the search use folds.
    """

    k: int
    search: bool


@dataclass(frozen=True, kw_only=True)
class SettlePlan:
    """Trainings after the search where verdicts are missing; see `study.stages.settle`.

    Attributes:
        trainings: At most so many.
        time_budget: Seconds that they may take, those side by side counted once; None: no limit.
        claims: Added after the search; this stage alone tests them.
    """

    trainings: int
    time_budget: float | None = None
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What is known of a search that somebody else ran.

    Attributes:
        source: Where it comes from, in words.
        scale: How to read its metric.
        epoch: What `epoch` in its tables counts, such as `epoch` or `500 steps`.
        notes: What a reader must know of it, whole sentences.
    """

    source: str
    scale: Scale
    epoch: str = "epoch"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trainable:
    """A function that is trained in the place of our recipe; see `study.trainables`.

    Attributes:
        function: `package.module:function`.
        scale: How to read its metric.
        examples: Likewise the function that says what it is trained on, for folds; None: none.
        folder: Where the module was found, absolute; empty: nobody has looked, or it is installed.
    """

    function: str
    scale: Scale
    examples: str | None = None
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class After:
    """An earlier study, and what of it this one begins with; nothing of it enters a verdict.

    Attributes:
        path: Where it lay, as the study file spelled it.
        study: Its name.
        sha256: Of its lock with all additions; without one, of its record, or its trials.
        metric: What its recipes are the best by.
        factors: Those that come from it, since the file does not have them.
        narrowed: Those of these whose ranges are where its posterior has the best recipes.
        claims: Those that come from it.
        recipes: Its best ones, trained again here as the first trials of the search.
    """

    path: str
    study: str
    sha256: str
    metric: str
    factors: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    recipes: tuple[Config, ...] = ()

    @property
    def sentence(self) -> str:
        """What comes from it, in words."""
        ranges = f" (ranges narrowed: {listed(self.narrowed)})" if self.narrowed else ""
        parts = [
            f"{count(len(self.factors), 'factor')}{ranges}" if self.factors else "",
            count(len(self.claims), "claim") if self.claims else "",
            f"{count(len(self.recipes), 'recipe')} to begin the search with"
            if self.recipes
            else "",
        ]
        what = listed([part for part in parts if part]) or "nothing that fits here"
        return (
            f"After {self.study} ({self.path}, the best by {self.metric}): {what} come from it; "
            "no verdict does"
        )
