"""`python -m tests.simulate.settle`: are settled claims true, and what do trainings settle?

Every study is judged at all its looks by `study.analysis.settle`. A claim is judged wrongly if it
is at any look, and if its truth lies exactly at its limit, by either verdict. Beside it what as
many trainings settle that are spent otherwise, granting these a normal estimate without bias, of
known standard error, and a single look:

    seeds    more seeds of each arm, tested on 35 clusters: claims about arms alone;
    one      one factor at a time around one recipe, on the same folds, pairs doing nothing;
    search   more search trials: half-widths of 7 to 30 points after 48, falling as 1 / sqrt(n).
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from agecls.intervals import Estimate
from study.analysis.confirm.verdicts import holm, two_sided
from study.analysis.settle.evidence import Questions
from study.analysis.settle.trained import OVERLAP, Trained, Trainings
from study.analysis.settle.verdicts import AfterLook, SettleRules, look_by_look
from study.asked.claim import Claim
from tests.simulate.settle_worlds import (
    ARMS,
    N_CLUSTERS,
    N_FOLDS,
    Setting,
    Truth,
    accuracy,
    draw_truth,
)

FAR = 1.5
"""Points from a claim's limit, from where on it should be settled."""

ALPHA = 0.05

SETTINGS = {
    "usual": Setting(),
    "all nets learn": Setting(failing=(0.0, 0.0)),
    "a level always fails in 20 %": Setting(failing=(1.0, 0.2)),
    "training sets do nothing": Setting(training_set=0.0),
    "training sets do half as much as seeds": Setting(training_set=0.5),
    "training sets do as much as seeds": Setting(training_set=1.0),
    "eight pairs of 1 to 3 points": Setting(pairs=(8, 8)),
    "every factor exists in all rows": Setting(nested=0.0),
    "trainings of sd 1.1": Setting(noise=(1.1, 1.1)),
    "trainings of sd 1.7": Setting(noise=(1.7, 1.7)),
    "two to four claims": Setting(claims=(2, 4)),
    "one block": Setting(trainings=16),
    "two blocks": Setting(trainings=32),
    "three blocks": Setting(trainings=48),
    "nothing matters": Setting(effects=(1.0, 0.0)),
    "every truth lies at its limit": Setting(effects=(0.0, 1.0)),
}

TARGETS = {
    "studies_with_a_false_verdict": "<= 0.05",
    "coverage": ">= 0.93",
    "far_settled": ">= 0.90",
    "times_seeds": ">= 5",
    "times_search": ">= 5",
}
"""From issue 20."""


def judge_one(seed: int, setting: Setting) -> pd.DataFrame:
    """One study, a row a claim."""
    rng = np.random.default_rng([seed, 20])
    truth = draw_truth(rng, setting)
    blocks = setting.trainings // len(truth.design.rows_of(0))
    rows = told_of_claims(truth, truth.train(blocks, rng), blocks)
    for name, errors in _otherwise(truth, setting.trainings, rng).items():
        rows[name] = _settled_otherwise(truth, errors, rng)
    return rows.assign(study=seed)


def told_of_claims(truth: Truth, trained: Sequence[Trained], blocks: int) -> pd.DataFrame:
    """Trainings in so many blocks, looked at to their end: a row a claim."""
    rules = SettleRules(planned=blocks, alpha=ALPHA)
    questions = Questions.of(truth.design, truth.claims)
    trainings = Trainings.of(trained, accuracy, N_FOLDS)
    *_, last = look_by_look(
        questions, lambda n: trainings.only(trainings.blocks < n), rules, rules.looks(blocks)
    )
    return pd.DataFrame([row_of(s, e) for s, e in zip(last, truth.effects, strict=True)])


def row_of(standing: AfterLook, effect: float) -> dict[str, object]:
    """What is told of a claim's standing after a look, beside its true effect."""
    claim, verdict = standing.claim, standing.held.verdict
    at_limit = claim.distance(effect) < 1e-9
    is_settled = verdict != "unresolved"
    reach = max(abs(end) for end in claim.region if end is not None)
    found = standing.evidence.effect
    low, high = found.estimate.interval() if found else (np.nan, np.nan)
    adjusted = standing.adjusted
    return {
        "claim": claim.name,
        "effect": effect,
        "distance": claim.distance(effect),
        "verdict": verdict,
        "settled_at": standing.held.settled_at,
        "settled": is_settled,
        "false": is_settled and (at_limit or (verdict == "supported") != _holds(claim, effect)),
        "false_no_difference": standing.makes_no_difference and abs(effect) >= reach,
        "loses": standing.evidence.loses,
        "estimate": found.estimate.value if found else np.nan,
        "covered": low <= effect <= high if found else np.nan,
        "adjusted_covered": adjusted[0] <= effect <= adjusted[1] if found else np.nan,
        "half_width": (high - low) / 2,
        "adjusted_half_width": (adjusted[1] - adjusted[0]) / 2,
    }


def _holds(claim: Claim, effect: float) -> bool:
    low, high = claim.region
    return (low is None or effect > low) and (high is None or effect < high)


def _otherwise(truth: Truth, trainings: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Standard error of each claim's estimate (Q,), infinite where it is not asked."""
    n = len(truth.claims)
    luck, image = float((truth.luck**2).mean()), truth.image_noise**2
    counted = truth.sizes.sum() ** 2 / (truth.sizes**2).sum() / N_CLUSTERS
    is_arm = np.array([c.name in {f.name for f in ARMS} for c in truth.claims])
    arms = truth.cluster_sd**2 / (35 * counted) + 4 * (luck + image) / trainings
    each = trainings / (n + 1)
    one = truth.cluster_sd**2 / (N_CLUSTERS * counted) + 2 * (luck + image) / each
    one += 2 * luck * OVERLAP
    return {
        "by_seeds": np.where(is_arm, np.sqrt(arms), np.inf),
        "by_one": np.sqrt(one),
        "by_search": rng.uniform(7, 30, n) / 1.96 * np.sqrt(48 / (48 + trainings)),
    }


def _settled_otherwise(truth: Truth, errors: np.ndarray, rng: np.random.Generator) -> list[bool]:
    """Whether each claim is settled, and truly, with Holm over those that are asked."""
    values = truth.effects + np.where(np.isinf(errors), 0, errors) * rng.normal(size=len(errors))
    asked = np.flatnonzero(np.isfinite(errors))
    tests = [
        two_sided(
            truth.claims[i].region,
            Estimate(
                value=float(values[i]), by_clusters=float(errors[i] ** 2), by_seeds=0.0,
                freedom=1e9, n_seeds=1, clusters_freedom=1e9,
            ),
        )
        for i in asked
    ]  # fmt: skip
    settled = [False] * len(errors)
    for i, (p, _), (_, verdict) in zip(asked, holm([p for p, _ in tests]), tests, strict=True):
        holds = _holds(truth.claims[i], truth.effects[i])
        settled[i] = p <= 2 * ALPHA and (verdict == "supported") == holds
    return settled


def judge_many(seeds: Iterable[int], setting: Setting, *, jobs: int = 1) -> pd.DataFrame:
    """Studies' rows; `study` is the seed."""
    if jobs == 1:
        found = [judge_one(seed, setting) for seed in seeds]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(judge_one, seeds, repeat(setting), chunksize=20))
    return pd.concat(found, ignore_index=True)


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Measure, value, 95 % interval, what it is of: `n_studies`, `n_claims`.

    Shares of studies have Clopper and Pearson's interval, what is of claims a bootstrap's over
    studies.
    """
    studies = rows.groupby("study")
    false = (rows["false"] | rows["false_no_difference"]).groupby(rows["study"]).any()
    exact = stats.binomtest(int(false.sum()), len(false)).proportion_ci()
    far = rows["distance"] >= FAR
    near = far & (rows["distance"] < 2)
    true = rows["settled"] & ~rows["false"]
    parts = {  # of each claim: what is counted, and of what
        "coverage": (rows["covered"] == True, rows["covered"].notna()),  # noqa: E712
        "coverage_adjusted": (rows["adjusted_covered"] == True, rows["covered"].notna()),  # noqa: E712
        "far_settled": (true & far, far),
        "far_settled_where_neither_level_learns_less": (
            true & far & ~rows["loses"], far & ~rows["loses"],
        ),
        "far_but_below_2_settled": (true & near, near),
        "settled": (true, true | ~true),
        "half_width_at_most_1": (rows["half_width"] <= 1, true | ~true),
        "times_seeds": (true, rows["by_seeds"]),
        "times_one": (true, rows["by_one"]),
        "times_search": (true, rows["by_search"]),
    }  # fmt: skip
    found = [
        {
            "measure": "studies_with_a_false_verdict",
            "value": false.mean(),
            "low": exact.low,
            "high": exact.high,
            "n_claims": len(rows),
        }
    ]
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(false), np.full(len(false), 1 / len(false)), size=1000)
    for name, (counted, of) in parts.items():
        by_study = [part.groupby(rows["study"]).sum().to_numpy(float) for part in (counted, of)]
        if not by_study[1].any():
            continue
        above, below = (drawn @ part for part in by_study)
        spread = np.divide(above, below, out=np.full(len(drawn), np.inf), where=below > 0)
        # nearest: a draw without anything below the line is infinite
        low, high = np.quantile(spread, [0.025, 0.975], method="nearest")
        value = by_study[0].sum() / by_study[1].sum()
        found.append(
            {"measure": name, "value": value, "low": low, "high": high, "n_claims": int(of.sum())}
        )
    for name in ("half_width", "adjusted_half_width"):
        found.append({"measure": f"{name}_median", "value": rows[name].median()})
    table = pd.DataFrame(found).assign(n_studies=studies.ngroups)
    table["target"] = table["measure"].map(TARGETS).fillna("")
    return table[["measure", "value", "low", "high", "target", "n_studies", "n_claims"]]


def compare_ways(
    judged: Callable[[int, int, Setting], pd.DataFrame],
    *,
    prog: str,
    about: str | None,
    studies: int,
    first: int,
    settings: Sequence[str],
) -> int:
    """A command that prints what `judged` says of some kinds of study; exit status 0.

    Args:
        judged: Of so many studies from a first seed on, a row a way.
        prog: The command.
        about: For its help.
        studies: How many a setting, unless told otherwise.
        first: The first seed, likewise.
        settings: Which, likewise.
    """
    parser = argparse.ArgumentParser(prog=prog, description=about)
    parser.add_argument("--studies", type=int, default=studies, help=f"per setting ({studies})")
    parser.add_argument("--first", type=int, default=first, help=f"first seed ({first})")
    parser.add_argument("--setting", choices=SETTINGS, nargs="*", default=settings)
    asked = parser.parse_args()
    for name in asked.setting:
        found = judged(asked.studies, asked.first, SETTINGS[name])
        sys.stdout.write(f"\n{name}\n{found.round(3)}\n")
        sys.stdout.flush()
    return 0


def main() -> int:
    """Run the judge; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.settle", description=__doc__)
    parser.add_argument("--studies", type=int, default=500, help="per setting (500)")
    parser.add_argument("--setting", choices=SETTINGS, nargs="*", default=list(SETTINGS))
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    tables = []
    for name in asked.setting:
        seeds = range(asked.first, asked.first + asked.studies)
        table = measures(judge_many(seeds, SETTINGS[name], jobs=asked.jobs))
        sys.stdout.write(f"\n{name}\n{table.round(3).to_string(index=False, na_rep='')}\n")
        sys.stdout.flush()
        table.insert(0, "setting", name)
        tables.append(table)
    if asked.out is not None:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        pd.concat(tables).round(4).astype({"n_claims": "Int64"}).to_csv(asked.out, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
