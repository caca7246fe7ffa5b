"""Where further fresh seeds are worth most, from those that all arms have had: spreads and claims.

Only train and validation are looked at, out of fold; nothing of the test split is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.folded import FoldedSet, fold_models
from study.asked.study import Study
from study.measure import Measure
from study.plan.allocation import SURE, Noise, allocate, needs
from study.plan.streams import Stream, stream_seed


@dataclass(frozen=True, kw_only=True)
class Share:
    """How further seeds are given, and why.

    Attributes:
        seeds: Of each arm, with those that it had.
        spread: Of each arm, sd of the study's metric on all folds from one seed whose nets learn
            to the next, points; None where nothing tells it.
        learned: Of each arm, how many of its nets learned, and of how many.
        open: Claims that arms decide and that are still open; they share the seeds.
        closed: Those that are sure already.
    """

    seeds: dict[str, int]
    spread: dict[str, float | None]
    learned: dict[str, tuple[int, int]]
    open: tuple[str, ...]
    closed: tuple[str, ...]


def share_out(
    study: Study,
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    first: Mapping[str, int],
    n: int,
    n_draws: int = 2000,
) -> Share:
    """Give `n` further seeds where they take most from the variances of what is open.

    Args:
        study: The resolved study, which has folds.
        models: `model, arm, seed, fold` of those trained to their end, arms in reading order.
        predictions: As `predictions.parquet`.
        first: Seeds that each arm has had.
        n: Seeds to give, over all arms.
        n_draws: Of clusters.
    """
    noise: dict[str, Noise | None] = dict.fromkeys(first)
    if models.empty:
        return Share(
            seeds=allocate(needs(noise, ()), first, n),
            spread=dict.fromkeys(first), learned={}, open=(), closed=(),
        )  # fmt: skip
    scored = fold_models(
        models,
        predictions,
        classes=study.classes,
        seed=stream_seed(study, Stream.CONFIRMED),
        n_draws=n_draws,
    )
    noise |= {arm: _noise(scored, arm, study.measure) for arm in scored.arms}
    decide = Decisions(alpha=SURE)
    compared = decide.compared(study, scored)
    stands = decide.decided(compared)
    weights = {name: one.weights for name, one in compared.items()}
    is_open = [name for name, one in stands.items() if one.verdict == "unresolved"]
    asked = [weights[name] for name in is_open] or list(weights.values())
    k = len(scored.folds.numbers)
    return Share(
        seeds=allocate(needs(noise, asked), first, n),
        spread={
            arm: None if one is None else round((one.variance / k) ** 0.5, 3)
            for arm, one in noise.items()
        },
        learned={name: (sum(arm.learned), len(arm.learned)) for name, arm in scored.arms.items()},
        open=tuple(is_open),
        closed=tuple(name for name in weights if name not in is_open),
    )


def _noise(scored: FoldedSet, arm: str, measure: Measure) -> Noise | None:
    """Of an arm's trainings; None where none repeats within a fold."""
    told = scored.told({arm: measure.per_claim}, measure.score)
    learned = scored.arms[arm].learned
    if told is None or told.n_trainings is None or told.n_trainings <= told.estimate.folds:
        return None
    return Noise(
        variance=told.estimate.by_seeds * told.n_trainings,
        freedom=told.n_trainings - told.estimate.folds,
        learned=sum(learned) / len(learned),
    )
