"""What each training of a confirm stage has a part in: effects, failures, verdicts.

Effects are told in points among nets that learned, beside the mixture of all as they came, and how
often nets learn stands apart. A verdict hangs on one training where leaving that out turns it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from study.analysis.confirm.decisions import Decision, Decisions
from study.analysis.confirm.scored import Apart, Training
from study.analysis.maths.counted import Counted
from study.asked.claim import Verdict
from study.asked.study import Study, arm_name


@dataclass(frozen=True, kw_only=True)
class TrainingTables:
    """The trainings of a study's confirm stage.

    Attributes:
        each: `arm, seed, fold, score` (of the study's metric on its fold), `learned`.
        counted: How often nets learn: `factor` (null: `level` is an arm), `level, k, n, low,
            high`, the interval Jeffreys'.
        effects: Per claim that arms decide, in points: `claim, first, second` (the levels),
            `estimate, low, high` among nets that learned, `all_estimate, all_low, all_high` of
            all as they came.
        influence: `claim, arm, seed, fold, shift` (points that the estimate moves without this
            training), `verdict` (without it), `stands` (the verdict with it).
    """

    each: pd.DataFrame
    counted: pd.DataFrame
    effects: pd.DataFrame
    influence: pd.DataFrame


def describe_trainings(study: Study, scored: Apart) -> TrainingTables:
    """All of it; some hundred trainings take some ten seconds."""
    metric = study.measure.score
    each = [
        {**_places(training), "arm": name, "score": float(score), "learned": learned}
        for name, arm in scored.arms.items()
        for training, score, learned in zip(
            arm.trainings, arm.scores[metric], arm.learned, strict=True
        )
    ]
    decide = Decisions()
    effects = []
    for name, compared in decide.compared(study, scored).items():
        if compared.test.claim.counts_learned:  # no score: `counted` tells it
            continue
        _, first, second = compared.test.claim.compares or ("", "", "")
        row: dict[str, float] = {}
        for prefix, mixture in (("", False), ("all_", True)):
            own = study.measure_of(compared.test.claim).score
            told = scored.told(compared.weights, own, mixture=mixture)
            if told is not None:
                low, high = told.estimate.interval()
                row |= {
                    f"{prefix}estimate": told.estimate.value,
                    f"{prefix}low": low,
                    f"{prefix}high": high,
                }
        effects.append({"claim": name, "first": str(first), "second": str(second)} | row)
    columns = ["claim", "first", "second", "estimate", "low", "high"]
    columns += ["all_estimate", "all_low", "all_high"]
    return TrainingTables(
        each=pd.DataFrame(each, columns=["arm", "seed", "fold", "score", "learned"]),
        counted=pd.DataFrame(list(_counted(study, scored))),
        effects=pd.DataFrame(effects, columns=columns),
        influence=influence(study, scored, decide),
    )


def influence(study: Study, scored: Apart, decide: Decisions | None = None) -> pd.DataFrame:
    """How each claim would stand without each training that is compared for it.

    Returns:
        `claim, arm, seed, fold, shift, verdict, stands`, see `TrainingTables`; `shift` is null
        where nothing can be told without the training.
    """
    decide = decide or Decisions()
    compared = decide.compared(study, scored)
    stands = decide.decided(compared)
    rows = []
    for name, arm in scored.arms.items():
        for training in arm.trainings:
            others = decide.decided(decide.compared(study, scored.without(name, training)))
            for claim, one in compared.items():
                if name in one.weights:
                    rows.append(
                        {"claim": claim, "arm": name, **_places(training)}
                        | _moved(stands[claim], others.get(claim))
                    )
    columns = ["claim", "arm", "seed", "fold", "shift", "verdict", "stands"]
    return pd.DataFrame(rows, columns=columns).astype({"shift": float})


def fragile(moved: pd.DataFrame) -> dict[str, bool | None]:
    """By claim, `is_fragile` of its verdict of fresh seeds.

    Args:
        moved: As `influence`.
    """
    return {
        str(claim): is_fragile(rows["stands"].iloc[0], rows["verdict"])
        for claim, rows in moved.groupby("claim", sort=False)
    }


def is_fragile(verdict: Verdict, without_each: Iterable[Verdict]) -> bool | None:
    """Whether a verdict is fragile: one training less, and it would be another.

    The one rule of both stages: without each training in turn all that decides verdicts is done
    again, on fresh seeds the family of all claims, in settling every look.

    Args:
        verdict: As it stands.
        without_each: What it would be without each training.

    Returns:
        None where the claim is open: an open claim asks for more trainings anyway.
    """
    return None if verdict == "unresolved" else any(other != verdict for other in without_each)


def _places(training: Training) -> dict[str, int | None]:
    """Its seed and its fold, which is null where there are none."""
    return {"seed": training[0], "fold": training[1] if len(training) > 1 else None}


def _moved(stands: Decision, other: Decision | None) -> dict[str, object]:
    found: dict[str, object] = {"shift": None, "verdict": "unresolved", "stands": stands.verdict}
    if other is None:
        return found
    return found | {"shift": other.estimate - stands.estimate, "verdict": other.verdict}


def _counted(study: Study, scored: Apart) -> Iterator[dict[str, object]]:
    """How often the nets of each arm learn, then those of each level of an arm factor."""
    learned = {name: (sum(arm.learned), len(arm.learned)) for name, arm in scored.arms.items()}
    groups: list[tuple[str | None, str, list[str]]] = [(None, name, [name]) for name in learned]
    names = {arm_name(study, cell): cell for cell in study.arms}
    for factor in study.of_role("arm"):
        for level in factor.levels:
            here = [a for a in learned if names.get(a, {}).get(factor.name) == level]
            groups.append((factor.name, str(level), here))
    for factor_name, level_name, arms in groups:
        counted = Counted(k=sum(learned[a][0] for a in arms), n=sum(learned[a][1] for a in arms))
        low, high = counted.interval()
        yield {
            "factor": factor_name, "level": level_name, "k": counted.k, "n": counted.n,
            "low": low, "high": high,
        }  # fmt: skip
