"""Confirmed trainings of which a metric is all that is known: one score each, on record.

There are no images to draw, so how far a score may be off is told by trainings over seeds and,
where there are some, folds: `maths.by_training`. Arms are compared on the seeds and folds that all
of them have. A training that failed or diverged has no score: it is counted, and left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from agecls.intervals import Estimate
from study.analysis.confirm.confirmed import Confirmed, asked_of
from study.analysis.confirm.scored import Arm, Told, Training, trainings_of
from study.analysis.maths.by_training import of_trainings
from study.folder.columns import names_of
from study.measure import SHARE, Measure
from study.outcomes import TRAININGS, Outcomes

SPLIT: Final = "val"
"""What tables call that which a function scores its trainings on."""


@dataclass(frozen=True, kw_only=True)
class MeasuredSet:
    """All arms on whatever their function scores them on.

    Attributes:
        arms: By name.
        split: Its name in tables.
        outcomes: How its trainings are spoken of.
        leaves_out: Those that brought nothing are no part of estimates.
    """

    arms: Mapping[str, Arm]
    split: str = SPLIT
    outcomes: Outcomes = TRAININGS
    leaves_out: bool = True

    def told(
        self, weights: Mapping[str, float], metric: str, *, mixture: bool = False
    ) -> Told | None:
        """A weighted sum of arms' scores over the seeds and folds that all of them have.

        None where there is none, or with folds fewer than two. Trainings without a score cannot
        be counted as they are, so a `mixture` of arms is the same, or NaN.
        """
        arms = [self.arms[name] for name in weights]
        places = [dict(zip(arm.trainings, arm.scores[metric], strict=True)) for arm in arms]
        common = [t for t in arms[0].trainings if all(t in place for place in places)]
        seeds, folds = (list(dict.fromkeys(side)) for side in _sides(common))
        table = np.full((len(seeds), len(folds)), np.nan)
        for training, seed, fold in zip(common, *_sides(common), strict=True):
            each = zip(weights.values(), places, strict=True)
            table[seeds.index(seed), folds.index(fold)] = sum(w * p[training] for w, p in each)
        estimate = of_trainings(table)
        has_folds = any(len(training) > 1 for training in common)
        # one fold that is left says nothing of others
        if estimate is None or (has_folds and estimate.folds < 2):
            return _NOTHING if mixture else None
        return Told(
            estimate=estimate,
            n_seeds=estimate.n_seeds,
            n_trainings=int(np.isfinite(table).sum()) * len(arms),
        )

    def without(self, name: str, training: Training) -> "MeasuredSet":
        """The set as if one training of an arm had no score."""
        arm = self.arms[name]
        is_other = np.array([one != training for one in arm.trainings])
        one = replace(
            arm,
            scores={metric: np.where(is_other, s, np.nan) for metric, s in arm.scores.items()},
            learned=tuple((is_other & arm.learned).tolist()),
        )
        return replace(self, arms={**self.arms, name: one})

    def beyond_seeds(self, estimate: Estimate) -> str:
        """Why no number of seeds would settle a claim with this estimate."""
        near = "the true difference lies too near the limit"
        if estimate.folds > 1:
            return f"what {estimate.folds} folds leave open is too wide, or {near}"
        return near


_NOTHING: Final = Told(
    estimate=Estimate(
        value=float("nan"),
        by_clusters=0.0,
        by_seeds=0.0,
        freedom=1.0,
        n_seeds=0,
        clusters_freedom=1.0,
    ),
    n_seeds=0,
    n_trainings=0,
)
"""Of arms none of whose trainings compare."""


def measured_confirmed(
    models: pd.DataFrame, measure: Measure, *, level: float = 0.95
) -> Confirmed:
    """Scores of arms and of pairs of arms with intervals, from the trainings' own scores.

    Args:
        models: `model, arm, seed, fold` and the metric, null where a training failed; in reading
            order of the arms.
        measure: The metric.
        level: Of the intervals.
    """
    one = MeasuredSet(
        arms={
            str(arm): _arm(str(arm), rows, measure.score)
            for arm, rows in models.groupby("arm", sort=False)
        }
    )
    return Confirmed(
        models=models[["model"]],
        estimates=pd.DataFrame(_rows(one, measure, level), columns=names_of("confirmed")),
        sets=(one,),
    )


def _arm(name: str, rows: pd.DataFrame, metric: str) -> Arm:
    scores = rows[metric].to_numpy(dtype=np.float64)
    return Arm(
        arm=name,
        trainings=trainings_of(rows),
        scores={metric: scores},
        learned=tuple(np.isfinite(scores).tolist()),
    )


def _rows(one: MeasuredSet, measure: Measure, level: float) -> Iterator[dict[str, object]]:
    for arm, against, weights in asked_of(one.arms):
        told = one.told(weights, measure.score)
        if told is None:
            continue
        low, high = told.estimate.interval(level)
        if against is None and measure.own is not None and measure.own.unit == SHARE:
            low, high = np.clip([low, high], 0.0, 1.0)
        yield {
            "arm": arm,
            "against": against,
            "split": one.split,
            "images": "all",
            "metric": measure.score,
            "estimate": told.estimate.value,
            "low": low,
            "high": high,
            "n_seeds": told.n_seeds,
            "n_trainings": told.n_trainings if told.estimate.folds > 1 else None,
        }


def _sides(trainings: Sequence[Training]) -> tuple[list[int], list[int]]:
    """Seeds, and folds, of which there is one where there are none."""
    return [t[0] for t in trainings], [t[1] if len(t) > 1 else 0 for t in trainings]
