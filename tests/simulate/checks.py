"""`python -m tests.simulate.checks`: how often checks are raised on healthy simulated studies.

A study is healthy here as those of `designed_study` are: two fifths of its trials or more drawn by
design, then TPE and ASHA inside each arm. Prints every raised check with the share of studies that
raise it, and ends with status 1 where an issue is among them.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from study.analysis import analyse
from study.analysis.checks.check import Checked
from study.analysis.checks.table import run_checks
from study.folder.tables import StudyTables
from tests.simulate.searches import designed_study
from tests.simulate.worlds import KINDS, draw_world, make_study


def checked_study(seed: int, *, trials: int) -> tuple[Checked, ...]:
    """What the checks say of one study; the kind of world goes round with the seed."""
    rng = np.random.default_rng([seed, trials])
    world = draw_world(KINDS[seed % len(KINDS)], rng)
    share = float(rng.uniform(0.4, 0.5))
    study = make_study(trials=trials, design_share=share, seed=seed)
    table, epochs = designed_study(study, world, rng)
    analysis = analyse(study, table, epochs, seed=seed)
    named = table.assign(arm=analysis.frames.trials["arm"].to_numpy())
    tables = StudyTables(folder=Path(), study=study, trials=named, epochs=epochs)
    return run_checks(tables, analysis)


def raised_on(seeds: Iterable[int], *, trials: int) -> Counter[tuple[str, str]]:
    """Studies that raise a check, by its outcome and code."""
    return Counter(
        (one.outcome, one.code)
        for seed in seeds
        for one in checked_study(seed, trials=trials)
        if one.outcome in ("issue", "tip")
    )


def main() -> int:
    """Count, print, and say by the exit status whether an issue was raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.checks", description=__doc__)
    parser.add_argument("--studies", type=int, default=100, help="how many (100)")
    parser.add_argument("--trials", type=int, default=200, help="per study (200)")
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.studies)
    found = raised_on(seeds, trials=asked.trials)
    for (outcome, code), n in sorted(found.items()):
        sys.stdout.write(f"{outcome} {code}: {n} of {asked.studies} studies\n")
    n_issues = sum(n for (outcome, _), n in found.items() if outcome == "issue")
    sys.stdout.write(f"{n_issues} issues on {asked.studies} studies of {asked.trials} trials\n")
    return 1 if n_issues else 0


if __name__ == "__main__":
    sys.exit(main())
