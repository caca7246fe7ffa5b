"""`python -m tests.simulate`: the judge of the analysis, on as many simulated studies as asked.

Prints the measures beside their targets and, with `--out`, writes them as CSV. Set
OMP_NUM_THREADS=1 when several jobs share a machine.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from tests.simulate.judging import SCENARIOS, judge_many, measured_table


def main() -> int:
    """Run the judge; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--studies", type=int, default=28, help="per scenario (28)")
    parser.add_argument("--trials", type=int, default=200, help="per study (200)")
    parser.add_argument("--scenario", choices=SCENARIOS, nargs="*", default=SCENARIOS)
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    tables = []
    for scenario in asked.scenario:
        seeds = range(asked.first, asked.first + asked.studies)
        scored = judge_many(seeds, scenario=scenario, trials=asked.trials, jobs=asked.jobs)
        table = measured_table(scored, scenario=scenario, trials=asked.trials)
        seconds = scored.factors.groupby("study")["seconds"].first()
        sys.stdout.write(
            f"\n{scenario}: {asked.studies} studies of {asked.trials} trials; analysis "
            f"{seconds.median():.2f} s (median)\n"
        )
        overall = table[table["world"] == "all"].drop(columns=["world", "scenario"])
        sys.stdout.write(overall.round(3).to_string(index=False, na_rep="") + "\n")
        tables.append(table)
    if asked.out is not None:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        pd.concat(tables).to_csv(asked.out, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
