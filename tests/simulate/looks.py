"""`python -m tests.simulate.looks`: a search that is looked at again as its design grows.

Each look at more of a design (`study.run --resume NAME --trials N --by-design`) judges the claims
with half of the risk of the look before it. Searches of 100 trials are looked at, then with
further designs twice: eight claims a study that one factor matters more than another, and three
that one level beats another. A verdict is wrong if it is at any look.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from study.analysis import analyse
from study.analysis.maths.box import build_box
from study.asked.claim import Claim
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.importance import ImportanceClaim
from tests.simulate.judge import tuned
from tests.simulate.searches import designed_study
from tests.simulate.worlds import FACTORS, KINDS, World, draw_world, make_study

TRIALS: Final = 100
LEVELS: Final = {
    "optimizer": ("sgd", "adamw"),
    "ema": (False, True),
    "scheduler": ("cosine", "step"),
}
"""What claims about levels compare; which side is said to be better is drawn."""


def draw_claims(rng: np.random.Generator) -> tuple[Claim, ...]:
    """Eight claims about shares, each of its own pair of factors, and one of each of LEVELS."""
    claims: list[Claim] = []
    pairs = [(a.name, b.name) for a in FACTORS for b in FACTORS if a is not b]
    for first, second in (pairs[n] for n in rng.choice(len(pairs), 8, replace=False)):
        name = f"{first}_{second}"
        claims.append(ImportanceClaim(name=name, text=name, factor=first, more_than=second))
    for factor, levels in LEVELS.items():
        better, worse = rng.permutation(2)
        claims.append(
            DifferenceClaim(
                name=factor, text=factor, factor=factor, better=levels[better],
                worse=levels[worse], least=float(rng.choice([0.0, 0.5, 1.0])),
            )
        )  # fmt: skip
    return tuple(claims)


def judge_one(seed: int, further: tuple[int, ...]) -> pd.DataFrame:
    """Each claim at each look: `study, claim, unit, look, truth, low, high` (of 95 %, points or a
    share), `verdict`, `wrong`."""
    rng = np.random.default_rng([seed, TRIALS, len(further)])
    world = draw_world(KINDS[seed % len(KINDS)], rng)
    first = replace(
        make_study(trials=TRIALS, design_share=0.45, seed=seed), claims=draw_claims(rng)
    )
    trials, epochs = designed_study(first, world, rng, further=further)
    truths = _truths(first.claims, world, rng)
    found = []
    for look in range(len(further) + 1):
        sizes = further[:look]
        starts = TRIALS + np.cumsum((0, *sizes))
        study = replace(
            first, trials=int(starts[-1]), added=sum(sizes),
            added_design=tuple(zip((int(n) for n in starts), sizes, strict=False)),
        )  # fmt: skip
        seen = trials.iloc[: study.trials]
        of_seen = epochs[epochs["trial_id"].isin(seen["trial_id"])]
        told = analyse(study, seen, of_seen, seed=seed).claims.set_index("claim")
        for claim in study.claims:
            row, truth = told.loc[claim.name], truths[claim.name]
            settled = row["verdict"] != "unresolved"
            found.append(
                {
                    "study": seed, "claim": claim.name, "unit": claim.unit, "look": look + 1,
                    "truth": truth, "low": row["low"], "high": row["high"],
                    "verdict": row["verdict"],
                    "wrong": settled and row["verdict"] != claim.settle(truth, truth)[0],
                }
            )  # fmt: skip
    return pd.DataFrame(found)


def _truths(claims: tuple[Claim, ...], world: World, rng: np.random.Generator) -> dict[str, float]:
    """What each claim's difference is in truth: of shares, or points of the tuned levels."""
    best = tuned(build_box(make_study(trials=1, design_share=1.0, seed=0)), world, rng)
    total, found = world.total_variance or 1.0, {}
    for claim in claims:
        if isinstance(claim, ImportanceClaim):
            shares = (world.involving(name) / total for name in (claim.factor, claim.more_than))
            found[claim.name] = float(next(shares) - next(shares))
        elif isinstance(claim, DifferenceClaim):
            levels = next(f.levels for f in FACTORS if f.name == claim.factor)
            better, worse = (
                best({claim.factor: levels.index(level)}) for level in (claim.better, claim.worse)
            )
            found[claim.name] = better - worse
    return found


def summary(rows: pd.DataFrame, *, n_boot: int = 1000) -> pd.DataFrame:
    """By unit of claims and number of looks: what came of claims, with 95 % over studies.

    Returns:
        Columns `unit, looks, n_studies, n_claims`, `wrong` (claims judged wrongly at any look so
        far), `settled` (rightly at this look), `covered` (95 % intervals of this look that hold
        the truth, of those printed), each with `_low, _high` (bootstrap over studies).
    """
    rows = rows.reset_index(drop=True)
    rows = rows.assign(
        settled=(rows["verdict"] != "unresolved") & ~rows["wrong"],
        covered=((rows["low"] <= rows["truth"] + 1e-9) & (rows["truth"] <= rows["high"] + 1e-9))
        .astype(float)
        .where(rows["low"].notna()),
    )
    rows["wrong"] = rows.sort_values("look").groupby(["study", "claim"])["wrong"].cummax()
    rng, found = np.random.default_rng(0), []
    measures = ["wrong", "settled", "covered"]
    for (unit, looks), part in rows.groupby(["unit", "look"]):
        sums = part.assign(printed=part["covered"].notna()).groupby("study")
        totals = sums[[*measures, "printed"]].sum().assign(claims=sums.size())
        of = {"wrong": "claims", "settled": "claims", "covered": "printed"}
        drawn = rng.integers(len(totals), size=(n_boot, len(totals)))
        row = {"unit": unit, "looks": looks, "n_studies": len(totals), "n_claims": len(part)}
        for name in measures:
            hits, n = (totals[k].to_numpy(dtype=float) for k in (name, of[name]))
            row[name] = hits.sum() / n.sum()
            ends = np.quantile(hits[drawn].sum(1) / n[drawn].sum(1), [0.025, 0.975])
            row[f"{name}_low"], row[f"{name}_high"] = ends
        found.append(row)
    return pd.DataFrame(found)


def main() -> int:
    """Judge the looks; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.looks", description=__doc__)
    parser.add_argument("--studies", type=int, default=105)
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    parser.add_argument(
        "--further", type=int, nargs="*", default=[50, 50], help="design trials a look (50 50)"
    )
    parser.add_argument("--out", type=Path, help="CSV file of the summary")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.studies)
    found = summary(pd.concat([judge_one(seed, tuple(asked.further)) for seed in seeds]))
    sys.stdout.write(f"{found.round(3).to_string()}\n")
    if asked.out:
        found.round(4).to_csv(asked.out, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
