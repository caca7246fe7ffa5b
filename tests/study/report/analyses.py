"""Analyses whose frames are made by hand, for the report's tests."""

from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd

from study.analysis import Analysis, analyse
from study.analysis.search.others import COLUMNS
from study.asked.factors import Factor
from study.asked.study import Study
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, trial

LOSS = Factor(name="loss", role="tuned", levels=("ce", "focal"))
INIT = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
FACTORS = (INIT, *LR_ONLY, LOSS)


def hand_study(**changes: Any) -> Study:
    """Two arms, a rate and a loss."""
    return a_study(FACTORS, **({"claims": ()} | changes))


def hand_trials(n: int = 12) -> pd.DataFrame:
    """Completed design trials, arms in turn, rates from 1e-4 to 1, losses in turns of two."""
    return pd.DataFrame(
        [
            trial(i, val_accuracy=0.5 + i / 100, origin="design")
            | {
                "arm": ("scratch", "pretrained")[i % 2],
                "config/init": ("scratch", "pretrained")[i % 2],
                "config/lr": 10 ** (-4 + 4 * i / (n - 1)),
                "config/loss": ("ce", "focal")[i // 2 % 2],
            }
            for i in range(n)
        ]
    )


@cache
def _analysed() -> Analysis:
    return analyse(hand_study(), hand_trials(), NO_EPOCHS, seed=0)


NO_OTHERS = pd.DataFrame(columns=COLUMNS)


def hand_analysis(*, others: pd.DataFrame = NO_OTHERS, **frames: Any) -> Analysis:
    """The analysis of those trials, some of its frames replaced; no forest is grown."""
    found = replace(_analysed(), **frames)
    found.__dict__["others"] = others  # as a cached property keeps it
    return found


def factor_row(factor: str, verdict: str, share: float, **values: Any) -> dict[str, Any]:
    """One row of `Analysis.importance`: unless told otherwise without interactions."""
    low = share / 2 if verdict == "matters" else 0.0
    row = {
        "factor": factor,
        "share": share,
        "low": low,
        "high": share * 1.5,
        "verdict": verdict,
        "total_share": share,
        "total_low": low,
        "total_high": share * 1.5,
        "sd": 1.0,
        "sd_low": 0.5 if low else 0.0,
        "sd_high": 2.0,
        "p_value": 0.5,
        "n_trials": 9,
        "reason": "because",
        "null_share": 0.01,
    }
    return row | values
