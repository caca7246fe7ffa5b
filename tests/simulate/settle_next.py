"""`python -m tests.simulate.settle_next`: does it matter what a settling stage trains next?

Studies of `settle` are trained to as many trainings in four ways, each judged at all its looks:

    turns    blocks take the folds in turn, as the stage does;
    again    the same, and a row whose net failed is trained again in its block, twice at most;
    any      blocks take a fold by chance: what the order of folds is worth;
    pairs    two blocks that take turns with rows see the same fold.

Folds are of one size, so that the one which was trained on least is the next block that expects
to settle most: taking turns.
"""

import sys
from typing import Final

import numpy as np
import pandas as pd

from study.analysis.settle.trained import Trained
from tests.simulate.settle import compare_ways, told_of_claims
from tests.simulate.settle_worlds import BASE, N_FOLDS, Setting, Truth, draw_truth

WAYS: Final = ("turns", "again", "any", "pairs")
AGAIN: Final = 2


def trained(truth: Truth, n: int, way: str, seed: int) -> list[Trained]:
    """The first `n` trainings of a way; the last block may lack rows, by chance."""
    rng, any_fold = np.random.default_rng([seed, 21]), np.random.default_rng([seed, 22])
    found: list[Trained] = []
    block = 0
    while len(found) < n:
        fold = int(any_fold.integers(N_FOLDS)) if way == "any" else block % N_FOLDS
        if way == "pairs":
            fold = block // truth.design.turns % N_FOLDS
        here = truth.fold_of == fold
        images, common = truth.sizes[here], BASE + rng.normal() + truth.hard[here]
        waiting = [(int(row), 0) for row in rng.permutation(np.array(truth.design.rows_of(block)))]
        while waiting and len(found) < n:
            row, times = waiting.pop(0)
            noise = truth.image_noise * np.sqrt(images.sum() / images)
            noise = noise * rng.normal(size=len(images))
            learned = bool(rng.random() >= truth.failing[row])
            right = 24.4 + noise
            if learned:
                own = truth.rows[row] + truth.by_set[row, fold] + truth.luck[row] * rng.normal()
                right = common + truth.by_cluster[row, here] + own + noise
            elif way == "again" and times < AGAIN:
                waiting.append((row, times + 1))
            sums = np.stack([right / 100 * images, images], axis=-1)
            found.append(Trained(row=row, block=block, fold=fold, learned=learned, sums=sums))
        block += 1
    return found


def judge_one(seed: int, setting: Setting, way: str) -> pd.DataFrame:
    """One study, a row a claim, as `settle` has them."""
    truth = draw_truth(np.random.default_rng([seed, 20]), setting)
    rows = len(truth.design.rows_of(0))
    made = trained(truth, setting.trainings // rows * rows, way, seed)
    return told_of_claims(truth, made, made[-1].block + 1).assign(study=seed)


def judged(n: int, first: int, setting: Setting) -> pd.DataFrame:
    """Of each way: claims settled truly, their ratio to turns with an interval, false verdicts."""
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=2000)
    found, turns = [], np.zeros(n)
    for way in WAYS:
        rows = pd.concat([judge_one(seed, setting, way) for seed in range(first, first + n)])
        by_study = rows.assign(true=rows["settled"] & ~rows["false"]).groupby("study")
        settled = by_study["true"].sum().to_numpy(float)
        turns = settled if way == "turns" else turns
        low, high = np.quantile((drawn @ settled) / (drawn @ turns), [0.025, 0.975])
        found.append(
            {
                "way": way, "settled": int(settled.sum()), "of": len(rows),
                "ratio": settled.sum() / turns.sum(), "low": low, "high": high,
                "false": by_study["false"].any().mean(), "half_width": rows["half_width"].median(),
            }
        )  # fmt: skip
    return pd.DataFrame(found).set_index("way")


def main() -> int:
    """Compare the ways for some kinds of study; exit status 0."""
    return compare_ways(
        judged,
        prog="python -m tests.simulate.settle_next",
        about=__doc__,
        studies=500,
        first=30_000,
        settings=("a level always fails in 20 %", "usual"),
    )


if __name__ == "__main__":
    sys.exit(main())
