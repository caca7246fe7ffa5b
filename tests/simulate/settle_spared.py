"""`python -m tests.simulate.settle_spared`: which trainings do claims not need?

Studies of `settle` are trained to the end of their plan. Then it is counted what two ways to spend
less would have left out, and what they would have settled less:

    rows     after a look only rows are trained that speak to a claim which is open;
    stop     the stage ends at a look where no open claim has this chance or more to be settled by
             the end of the plan, given its estimate and how sure that is.

Neither can add a wrong verdict: alpha is spent at looks, after any of which one may stop, and what
a settled claim's rows would still say changes no verdict.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from agecls.intervals import quantile
from study.analysis.settle.evidence import Questions
from study.analysis.settle.trained import Trainings
from study.analysis.settle.verdicts import AfterLook, SettleRules, look_by_look
from tests.simulate.settle import compare_ways
from tests.simulate.settle_worlds import N_FOLDS, Setting, accuracy, draw_truth


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a study.

    Attributes:
        trainings: From the look before to this one.
        settled: Claims.
        spoken: Share of the design's rows that speak to an open claim.
        best: Chance of the likeliest open claim; 0 where none is open.
    """

    trainings: int
    settled: int
    spoken: float
    best: float


def looks_of(seed: int, setting: Setting) -> list[Look]:
    """The looks at one study."""
    rng = np.random.default_rng([seed, 20])
    truth = draw_truth(rng, setting)
    blocks = setting.trainings // len(truth.design.rows_of(0))
    rules = SettleRules(planned=blocks)
    questions = Questions.of(truth.design, truth.claims)
    every = Trainings.of(truth.train(blocks, rng), accuracy, N_FOLDS)
    found, before = [], 0
    for look in look_by_look(
        questions, lambda n: every.only(every.blocks < n), rules, rules.looks(blocks)
    ):
        is_open = [one.held.settled_at is None for one in look]
        spoken = np.zeros(len(truth.design.levels), dtype=bool)
        for question, waits in zip(questions.each, is_open, strict=True):
            spoken |= question.asked & waits
        chances = [
            chance(one, rules, blocks) for one, waits in zip(look, is_open, strict=True) if waits
        ]
        at = look[0].blocks
        found.append(
            Look(
                trainings=int(((every.blocks >= before) & (every.blocks < at)).sum()),
                settled=is_open.count(False),
                spoken=float(spoken.mean()),
                best=max(chances, default=0.0),
            )
        )
        before = at
    return found


def chance(one: AfterLook, rules: SettleRules, end: int) -> float:
    """That an open claim is settled at the end of the plan, while as many are open as now.

    The estimate at the end is normal about today's, with the variance that trainings to come take
    away (Spiegelhalter, Freedman and Blackburn 1986, predictive power without a prior).
    """
    effect = one.evidence.effect
    if effect is None:
        return 1.0
    error, freedom = effect.expected(end)
    spread = np.sqrt(max(effect.estimate.error**2 - error**2, 1e-12))
    reach = quantile(freedom, 1 - rules.level(rules.looks(end), one.held.n_open) / 2) * error
    low, high = (
        sign * np.inf if end is None else end
        for sign, end in zip((-1, 1), one.claim.region, strict=True)
    )

    def below(value: float) -> float:
        return float(stats.norm.cdf((value - effect.estimate.value) / spread))

    supported = 0.0 if one.evidence.loses else max(below(high - reach) - below(low + reach), 0.0)
    return supported + below(low - reach) + 1 - below(high + reach)


def spent(looks: list[Look], way: Callable[[Look], float]) -> tuple[float, int]:
    """Trainings and settled claims of a study in which a look says how much goes on."""
    trainings, share = 0.0, 1.0
    for look in looks:
        trainings += look.trainings * share
        share = way(look)
        if not share:
            return trainings, look.settled
    return trainings, looks[-1].settled


def _all(look: Look) -> float:
    return float(look.spoken > 0)


def _stop(least: float) -> Callable[[Look], float]:
    return lambda look: float(look.best >= least)


WAYS: Final[dict[str, Callable[[Look], float]]] = {
    "now": _all,
    "rows": lambda look: look.spoken,
    "stop below 0.05": _stop(0.05),
    "stop below 0.10": _stop(0.10),
    "stop below 0.20": _stop(0.20),
}


def judged(n: int, first: int, setting: Setting) -> pd.DataFrame:
    """Of each way: trainings a study, their ratio to now with an interval, settled claims."""
    studies = [looks_of(seed, setting) for seed in range(first, first + n)]
    each = {name: np.array([spent(looks, way) for looks in studies]) for name, way in WAYS.items()}
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=1000)
    now = each["now"]
    rows = []
    for name, found in each.items():
        ratios = (drawn @ found[:, 0]) / (drawn @ now[:, 0])
        low, high = np.quantile(ratios, [0.025, 0.975])
        rows.append(
            {
                "way": name, "trainings": found[:, 0].mean(),
                "ratio": found[:, 0].sum() / now[:, 0].sum(), "low": low, "high": high,
                "settled": int(found[:, 1].sum()), "of": int(now[:, 1].sum()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("way")


def main() -> int:
    """Count for some kinds of study; exit status 0."""
    return compare_ways(
        judged,
        prog="python -m tests.simulate.settle_spared",
        about=__doc__,
        studies=300,
        first=20_000,
        settings=("usual", "two to four claims", "nothing matters"),
    )


if __name__ == "__main__":
    sys.exit(main())
