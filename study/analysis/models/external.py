"""Confirmed models on other faces: the same scores, and how they change from the study's own.

The change is paired by seed: each model's score on the other faces less its own score on the
study's test split (or val, where there is no test split). The two sets have no image in common,
so their clusters add up; see `intervals.over_sets`. A change says how models of this study fare
elsewhere; it mixes what is harder there with another mix of classes, which the recalls part.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from agecls.intervals import Estimate, over_sets
from study.analysis.models.confirmed import ScoredSet, estimates, images_of, score_images
from study.analysis.models.decisions import COLUMNS as CLAIM_COLUMNS
from study.analysis.models.decisions import holm
from study.analysis.models.scoring import METRICS, TEMPERED, metric_of
from study.analysis.untested import lacks_weights
from study.asked.factors import DropClaim, Study
from study.folder.other_faces import OtherFaces
from study.quantities import points

POINTS: Final = 100.0

COLUMNS: Final = [
    "faces",
    "arm",
    "against",
    "images",
    "metric",
    "class",
    "estimate",
    "low",
    "high",
    "own_split",
    "own",
    "change",
    "change_low",
    "change_high",
    "is_seen",
    "n_seeds",
    "n_images",
    "n_clusters",
]


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """The models on one set of other faces, beside the study's own.

    Attributes:
        faces: The set.
        own: All images of the study's test split, or of val.
        other: By `all` or `unique` (without files that the study holds; only where there are
            any), the same models on the set.
    """

    faces: OtherFaces
    own: ScoredSet
    other: Mapping[str, ScoredSet]

    @property
    def judged_on(self) -> ScoredSet | None:
        """The images of the set that the study does not hold; None where it holds them all."""
        has_copies = self.faces.predictions["is_duplicate"].astype(bool).any()
        return self.other.get("unique" if has_copies else "all")

    def change(
        self, other: ScoredSet, weights: Mapping[str, float], metric: str
    ) -> Estimate | None:
        """A weighted sum of arms' scores there less the same here, over the shared seeds."""
        own_seeds = self.own.shared_seeds(weights)
        seeds = [s for s in other.shared_seeds(weights) if s in own_seeds]
        there = other.weighted(weights, metric, seeds)
        here = self.own.weighted(weights, metric, seeds)
        if there is None or here is None:
            return None
        sets = [(there[1], other.clusters), (here[1], self.own.clusters)]
        return over_sets(there[0] - here[0], sets)


def score_elsewhere(
    models: pd.DataFrame,
    own_predictions: pd.DataFrame,
    faces: Iterable[OtherFaces],
    *,
    seed: int,
    n_draws: int = 2000,
) -> tuple[Elsewhere, ...]:
    """Every model on every set of other faces that it was scored on.

    Args:
        models: `model, arm, seed, temperature`, in reading order of the arms; trained to their
            end.
        own_predictions: As `predictions.parquet`.
        faces: The sets; each is compared on the models that it has.
        seed: Of the draws of clusters.
        n_draws: Of them.
    """
    heat = dict(zip(models["model"], models["temperature"].astype(float), strict=True))
    has_test = (own_predictions["split"] == "test").any()
    found = []
    for one in faces:
        scored = models[models["model"].isin(one.predictions["model"])]
        names = list(scored["model"])
        # by name, so that a set's numbers do not hang on which others there are
        rng = np.random.default_rng([seed, *one.name.encode()])
        parts = {
            "own": images_of(own_predictions, names, "test" if has_test else "val", "all"),
            "all": images_of(one.predictions, names, one.name, "all"),
        }
        if one.predictions["is_duplicate"].astype(bool).any():
            parts["unique"] = images_of(one.predictions, names, one.name, "unique")
        sets = {
            key: score_images(part, scored, heat, n_draws=n_draws, rng=rng)
            for key, part in parts.items()
            if part is not None
        }
        found.append(Elsewhere(faces=one, own=sets.pop("own"), other=sets))
    return tuple(found)


def external_frame(found: Sequence[Elsewhere], *, level: float = 0.95) -> pd.DataFrame:
    """Rows of `external`: per set, arm and pair of arms, every metric.

    Returns:
        `COLUMNS`. `estimate, low, high`: the score there (of a pair: `arm` minus `against`);
        accuracies and recalls are fractions, NLL in nats, MAE in classes; `own`: the same on
        `own_split`; `change`: there less own, with its interval; null for tempered scores where
        the own split is val, to which the temperature was fitted. `is_seen`: see `OtherFaces`; of
        a pair, whether it holds for either.
    """
    rows = [
        row for one in found for other in one.other.values() for row in _rows(one, other, level)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(one: Elsewhere, other: ScoredSet, level: float) -> Iterator[dict[str, object]]:
    for weights, metric, row in estimates(other, (*METRICS, *TEMPERED), level):
        seen = [one.faces.seen.get(name) for name in weights]
        yield row | {
            "faces": one.faces.name,
            "own_split": one.own.split,
            **_change(one, other, weights, metric, level),
            "is_seen": True if True in seen else None if None in seen else False,
        }


def _change(
    one: Elsewhere, other: ScoredSet, weights: Mapping[str, float], metric: str, level: float
) -> dict[str, float]:
    is_fitted = metric in TEMPERED and one.own.split == "val"
    own = one.own.contrast(weights, metric)
    change = one.change(other, weights, metric)
    if is_fitted or own is None or change is None:
        return {}
    low, high = change.interval(level)
    return {"own": own.value, "change": change.value, "change_low": low, "change_high": high}


def judge_drops(study: Study, found: Sequence[Elsewhere], *, alpha: float = 0.05) -> pd.DataFrame:
    """What other faces say of the claims that models hold elsewhere: a row per claim and set.

    The drop of the study's metric, own less elsewhere, averaged over the arms whose weights have
    not seen the set. Two one-sided t tests against `drop_at_most`, p doubled, then Holm's
    step-down over claims and sets: a family of its own, since it is judged at another time and on
    other images than the claims about arms.

    Returns:
        Columns as those of `Decisions`; `split` is the set's name.
    """
    metric = metric_of(study.metric)
    tests = []
    for claim in study.claims:
        if not isinstance(claim, DropClaim) or lacks_weights(study, claim):
            continue
        for one in found:
            there = one.judged_on
            arms = [
                name
                for name, arm in one.own.arms.items()
                if one.faces.seen.get(name) is not True and any(arm.learned)
            ]
            estimate = (
                one.change(there, dict.fromkeys(arms, -POINTS / len(arms)), metric)
                if there is not None and arms
                else None
            )
            tests.append((claim, one, arms, estimate))
    told = {id(e): _p(c, e)[0] for c, _, _, e in tests if e is not None}
    held = dict(zip(told, holm(list(told.values())), strict=True))
    rows = []
    for claim, one, arms, estimate in tests:
        base = {
            "claim": claim.name,
            "text": claim.text,
            "verdict": "unresolved",
            "stage": "confirm",
            "unit": "points",
            "split": one.faces.name,
        }
        if estimate is None:
            why = (
                "no arm is left whose nets learned and whose weights had not seen these faces"
                if one.judged_on is not None
                else f"{one.faces.name} has no image that the study does not hold"
            )
            why = f"not tested: {why}"
            rows.append(base | {"reason": why, "n_trials": 0, "n_seeds": 0})
            continue
        adjusted, share = held[id(estimate)]
        low, high = estimate.interval(1 - alpha)
        adjusted_low, adjusted_high = estimate.interval(1 - alpha * share)
        is_settled = adjusted <= alpha
        rows.append(
            base
            | {
                "estimate": estimate.value,
                "low": low,
                "high": high,
                "verdict": _p(claim, estimate)[1] if is_settled else "unresolved",
                "n_trials": len(arms) * estimate.n_seeds,
                "n_seeds": estimate.n_seeds,
                "reason": _reason(claim, one, arms, adjusted, len(told)),
                "p_value": told[id(estimate)],
                "p_adjusted": adjusted,
                "adjusted_low": adjusted_low,
                "adjusted_high": adjusted_high,
            }
        )
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


def _p(claim: DropClaim, drop: Estimate) -> tuple[float, str]:
    """Two-sided p and the verdict that it speaks for."""
    p = {
        "supported": drop.p_below(claim.drop_at_most),
        "refuted": drop.p_above(claim.drop_at_most),
    }
    verdict = min(p, key=lambda name: p[name])
    return min(1.0, 2 * p[verdict]), verdict


def _reason(claim: DropClaim, one: Elsewhere, arms: Sequence[str], p: float, n_tests: int) -> str:
    there = one.judged_on
    assert there is not None  # there is an estimate
    over = f"Holm's adjustment for {n_tests} tests" if n_tests > 1 else "one test"
    parts = [
        f"p = {p:.2g} against a drop of {points(claim.drop_at_most)} from the {one.own.split} "
        f"split ({over}); {there.n_images:,} images of {one.faces.name} in {there.clusters.n:,} "
        "clusters"
    ]
    left_out = [arm for arm in there.arms if arm not in arms]
    if left_out:
        parts.append(f"left out, since their weights were trained on these: {', '.join(left_out)}")
    unknown = [arm for arm in arms if one.faces.seen.get(arm) is None]
    if unknown:
        parts.append(f"nobody can tell whether these saw them before: {', '.join(unknown)}")
    return "; ".join(parts)
