"""`python -m tests.simulate.measured`: trainings that are one score each, with known truth.

A score is normal: its recipe's, what its fold's training and test sets do to the recipe (alike
between folds by 1 / K, as much as their training sets overlap by Nadeau and Bengio), what its
seed does to the recipe in all folds, and what this training adds. Of arms on fresh seeds the
interval of a difference is judged, of settling the intervals and the verdicts of claims, half of
whose truths lie as near to their limit, on either side, as makes no difference.
"""

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from study.analysis.confirm.measured import measured_confirmed
from study.analysis.settle.evidence import Questions
from study.analysis.settle.measured import Measured, measured_trainings
from study.analysis.settle.verdicts import SettleRules, look_by_look
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor
from study.measure import Measure, Scale
from study.plan.settle_rows import settle_design
from tests.simulate.worlds import make_study

MEASURE = Measure("score", Scale(smallest=0.1))
LIMIT = 0.5
N_CLAIMS = 4


@dataclass(frozen=True, kw_only=True)
class World:
    """What makes trainings differ, standard deviations.

    Attributes:
        k: Folds; 1: none.
        folds: What a fold does to a recipe.
        seeds: What a seed does to a recipe in all folds.
        trainings: What a training adds.
        failing: Share of trainings that have no score.
    """

    k: int = 5
    folds: float = 1.0
    seeds: float = 0.3
    trainings: float = 1.0
    failing: float = 0.0

    def scores(self, n_recipes: int, n_seeds: int, rng: np.random.Generator) -> np.ndarray:
        """Of recipes whose truth is 0, on all folds of all seeds (recipes, seeds, folds)."""
        alike = 1 / self.k if self.k > 1 else 0.0
        common, own = (rng.normal(size=(n_recipes, 1, k)) for k in (1, self.k))
        found = self.folds * (np.sqrt(alike) * common + np.sqrt(1 - alike) * own)
        found = found * (self.k > 1) + self.seeds * rng.normal(size=(n_recipes, n_seeds, 1))
        found = found + self.trainings * rng.normal(size=(n_recipes, n_seeds, self.k))
        return np.where(rng.random(found.shape) < self.failing, np.nan, found)


WORLDS = {
    "usual": World(),
    "no folds": World(k=1),
    "folds do nothing": World(folds=0.0),
    "folds do three times as much": World(folds=3.0),
    "seeds do most, in all folds alike": World(seeds=2.0),
    "three folds": World(k=3),
    "one training in ten fails": World(failing=0.1),
}


def confirmed_once(world: World, n_seeds: int, rng: np.random.Generator) -> dict[str, float]:
    """Whether the interval of two arms' difference holds 0, and half its width; NaN: none."""
    scores = world.scores(2, n_seeds, rng)
    rows = [
        {"model": f"{arm}{s}{f}", "arm": "ab"[arm], "seed": s, "score": scores[arm, s, f]}
        | ({"fold": f} if world.k > 1 else {})
        for arm, s, f in np.ndindex(scores.shape)
    ]
    found = measured_confirmed(pd.DataFrame(rows), MEASURE).estimates
    compared = found[found["against"].notna()]
    if compared.empty:  # no seed and fold came through in both
        return {"covered": np.nan, "half": np.nan}
    one = compared.iloc[0]
    return {"covered": one["low"] <= 0 <= one["high"], "half": (one["high"] - one["low"]) / 2}


def settled_once(world: World, blocks: int, rng: np.random.Generator) -> list[dict[str, float]]:
    """Of each claim, whether its interval holds the truth, and whether its verdict is false."""
    factors = [Factor(name=f"f{i}", role="tuned", levels=("lo", "hi")) for i in range(N_CLAIMS)]
    claims = [
        DifferenceClaim(name=f.name, text="", factor=f.name, better="hi", worse="lo", least=LIMIT)
        for f in factors
    ]
    study = make_study(trials=10, design_share=1.0, seed=0)
    design = settle_design(replace(study, factors=tuple(factors)), claims)
    near = LIMIT + 1e-9 * rng.choice([-1, 1], N_CLAIMS)
    effects = np.where(rng.random(N_CLAIMS) < 0.5, near, rng.uniform(-2, 3, N_CLAIMS))
    halves = np.array([[row[f.name] == "hi" for f in factors] for row in design.levels]) - 0.5
    # a seed of its own in each block: what it does to a recipe is what the training adds
    added = replace(world, seeds=0.0, trainings=float(np.hypot(world.seeds, world.trainings)))
    scores = added.scores(len(halves), -(-blocks // world.k), rng)
    each = [
        Measured(
            row=row,
            block=block,
            fold=block % world.k,
            score=halves[row] @ effects + scores[row, block // world.k, block % world.k],
        )
        for block in range(blocks)
        for row in design.rows_of(block)
    ]
    trainings = measured_trainings(each, n_folds=world.k, turns=design.turns)
    rules = SettleRules(planned=blocks)
    last = list(
        look_by_look(
            Questions.of(design, claims),
            lambda n: trainings.only(trainings.blocks < n),
            rules,
            rules.looks(blocks),
        )
    )[-1]
    found = []
    for one, effect in zip(last, effects, strict=True):
        told = one.evidence.effect
        low, high = told.estimate.interval() if told else (np.nan, np.nan)
        says = {"supported": effect > LIMIT, "refuted": effect < LIMIT, "unresolved": True}
        found.append(
            {
                "covered": low <= effect <= high,
                "half": (high - low) / 2,
                "false": not says[one.held.verdict],
                "settled": one.held.verdict != "unresolved",
            }
        )
    return found


def main() -> int:
    """Print the measures of every world."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.measured", description=__doc__)
    parser.add_argument("--studies", type=int, default=200, help="per world and budget (200)")
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.studies)
    for name, world in WORLDS.items():
        for n in (2, 3, 5):
            if n == 2 and world.failing:
                continue
            rows = pd.DataFrame(
                [confirmed_once(world, n, np.random.default_rng([seed, 24])) for seed in seeds]
            )
            sys.stdout.write(
                f"{name}, {n} fresh seeds: covered {rows['covered'].mean():.3f} of "
                f"{rows['covered'].count()}, half-width {rows['half'].median():.2f}\n"
            )
        for blocks in (2, 5, 10):
            studies = [settled_once(world, blocks, np.random.default_rng([s, 25])) for s in seeds]
            rows = pd.DataFrame([row for study in studies for row in study])
            wrong = np.mean([any(row["false"] for row in study) for study in studies])
            sys.stdout.write(
                f"{name}, {blocks} blocks: covered {rows['covered'].mean():.3f}, half-width "
                f"{rows['half'].median():.2f}, settled {rows['settled'].mean():.2f}, studies with "
                f"a false verdict {wrong:.3f}\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
