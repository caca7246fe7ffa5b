"""`python -m tests.simulate.simplest`: is the simplest recipe as good as it says?

Studies with known truth are searched and analysed. Of every arm whose best recipe was moved
towards defaults, the true loss is how far the simplest recipe lies below it on the world's own
surface; it should be within the margin with at least the probability that each move needs.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from study.analysis import analyse
from study.analysis.maths.box import Box, encode
from study.analysis.recipes.simplest import Simplest
from tests.simulate.judging import SCENARIOS, searched
from tests.simulate.worlds import FACTORS, KINDS, World, draw_world, make_study

SHARES = {"design": 0.4, "plain": 0.0, "foreign": 0.0, "imported": 0.0}


def true_points(world: World, box: Box, recipes: Iterable[Mapping[str, object]]) -> np.ndarray:
    """Expected final points (n,) of recipes."""
    frame = pd.DataFrame([{f.name: r.get(f.name) for f in FACTORS} for r in recipes])
    x, _ = encode(box, frame)
    return world.surface({axis.name: x[:, i] for i, axis in enumerate(box.axes)})


def judge_one(seed: int, *, scenario: str, trials: int, params: Simplest) -> pd.DataFrame:
    """A row an arm: `study, world, arm, told, n_moved, n_kept, loss` (true points), `said`."""
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario), trials, 23])
    world = draw_world(KINDS[seed % len(KINDS)], rng)
    study = make_study(trials=trials, design_share=SHARES[scenario], seed=seed)
    study, *tables = searched(scenario, study, world, rng)
    found = analyse(study, *tables, seed=seed)
    told = params(found.frames, found.surface, found.support)
    rows = []
    for arm, steps in told.groupby("arm", sort=False):
        recipes = [json.loads(text) for text in steps["recipe"].dropna()]
        loss, said = np.nan, np.nan
        if recipes:
            points = true_points(world, found.frames.box, (recipes[0], recipes[-1]))
            loss = float(points[0] - points[1])
            said = float(steps.loc[steps["recipe"].notna(), "probability"].iloc[-1])
        counts = steps["outcome"].value_counts()
        rows.append(
            {
                "study": seed,
                "world": world.kind,
                "arm": arm,
                "told": bool(recipes),
                "n_moved": int(counts.get("moved", 0)),
                "n_kept": int(counts.get("kept", 0)),
                "loss": loss,
                "said": said,
            }
        )
    return pd.DataFrame(rows)


def summarise(rows: pd.DataFrame, params: Simplest, *, n_boot: int = 1000) -> dict[str, float]:
    """The measures over all arms that moved; `low, high`: 95 %, studies drawn again."""
    moved = rows[rows["n_moved"] > 0]
    within = (moved["loss"] <= params.margin).groupby(moved["study"]).agg(["sum", "count"])
    rng = np.random.default_rng(0)
    drawn = within.to_numpy()[rng.integers(len(within), size=(n_boot, len(within)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return {
        "studies": rows["study"].nunique(),
        "arms": len(rows),
        "arms_told": int(rows["told"].sum()),
        "arms_moved": len(moved),
        "factors_moved": float(rows["n_moved"].mean()),
        "factors_kept": float(rows.loc[rows["told"], "n_kept"].mean()),
        "within": float(within["sum"].sum() / within["count"].sum()),
        "within_low": float(low),
        "within_high": float(high),
        "said": float(moved["said"].mean()),
        "loss_mean": float(moved["loss"].mean()),
        "loss_worst": float(moved["loss"].max()),
    }


def main() -> int:
    """Run the judge; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.simplest", description=__doc__)
    parser.add_argument("--studies", type=int, default=28, help="per scenario (28)")
    parser.add_argument("--trials", type=int, default=200, help="per study (200)")
    parser.add_argument("--scenario", choices=SCENARIOS, nargs="*", default=["design"])
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked, params, tables = parser.parse_args(), Simplest(), []
    for scenario in asked.scenario:
        seeds = range(asked.first, asked.first + asked.studies)
        rows = pd.concat(
            [judge_one(s, scenario=scenario, trials=asked.trials, params=params) for s in seeds]
        )
        groups = {"all": rows, **dict(list(rows.groupby("world")))}
        table = pd.DataFrame(
            [
                {"scenario": scenario, "trials": asked.trials, "world": world}
                | summarise(part, params)
                for world, part in groups.items()
                if (part["n_moved"] > 0).any()
            ]
        )
        sys.stdout.write(table.round(3).to_string(index=False) + "\n")
        tables.append(table)
    if asked.out is not None and tables:
        pd.concat(tables).round(4).to_csv(asked.out, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
