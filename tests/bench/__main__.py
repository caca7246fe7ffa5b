"""`python -m tests.bench WHAT`: how fast, against what a user would write instead.

`studies` runs whole studies on drawn faces: this tool, Ray Tune's plain recipe, an Optuna loop and
a notebook's loop, in turn, round by round. `steps` measures training steps, `start` how long a
study's first epoch waits, `costs` everything else beside training, `search` what is found per unit
of compute on simulated responses, `deployment` what telling pictures otherwise than in training
gives a study's confirmed nets.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch

from tests.bench import costs, deployment, gpu_steps, searching, starting, steps, studies
from tests.bench.ratios import machine, ratios, rounds

OURS = "this tool"
WHAT = ("studies", "steps", "start", "costs", "search", "deployment")


def main() -> int:
    """Measure, print, and write CSV where asked; exit status 0."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--rounds", type=int, default=3, help="of all contestants (3)")
    parser.add_argument("--trials", type=int, default=8, help="of a study (8)")
    parser.add_argument("--epochs", type=int, default=2, help="of a trial (2)")
    parser.add_argument("--images", type=int, default=2000, help="training images, about (2000)")
    parser.add_argument("--size", type=int, default=48, help="pixels (48)")
    parser.add_argument("--batch", type=int, default=32, help="images a step (32)")
    parser.add_argument("--gpus-per-trial", type=float, default=0.0, help="of `studies` (0)")
    parser.add_argument("--steps", type=int, default=5, help="per round, of `steps` (5)")
    parser.add_argument("--only", nargs="*", default=[], help="contestants or groups of costs")
    parser.add_argument("--most", type=int, default=10_000, help="trials, of `costs` (10000)")
    parser.add_argument("--against", type=Path, help="another checkout, of `start`")
    parser.add_argument("--repeats", type=int, default=40, help="of `search` (40)")
    parser.add_argument("--study", type=Path, help="folder with models, of `deployment`")
    parser.add_argument("--faces", type=Path, help="its data root")
    parser.add_argument("--out", type=Path, help="folder for CSV and machine.json")
    asked = parser.parse_args()
    prefix = "gpu-" if _is_on_gpu(asked) else ""
    for name, table in measured(asked).items():
        sys.stdout.write(f"\n{name}\n{table.round(4).to_string(index=False)}\n")
        if asked.out is not None:
            asked.out.mkdir(parents=True, exist_ok=True)
            table.round(5).to_csv(asked.out / f"{prefix}{name}.csv", index=False)
    if asked.out is not None:
        described = {**machine(), "command": " ".join(sys.argv[1:])}
        path = asked.out / f"{prefix}{asked.what}.json"
        path.write_text(json.dumps(described, indent=2) + "\n")
    return 0


def _is_on_gpu(asked: argparse.Namespace) -> bool:
    """Steps run there if they can, studies if they are told so."""
    return asked.gpus_per_trial > 0 or (asked.what == "steps" and torch.cuda.is_available())


def measured(asked: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """Tables by name."""
    if asked.what == "costs":
        return {"costs": costs.all_costs(asked.only, most=asked.most)}
    if asked.what == "search":
        return searching.compared(repeats=asked.repeats)
    if asked.what == "deployment":
        return {"deployment": deployment.measured(asked.study, asked.faces)}
    if asked.what == "steps":
        on = gpu_steps if _is_on_gpu(asked) else steps
        table = rounds(on.contestants(asked.size, asked.batch, asked.steps), asked.rounds)
        table.insert(0, "size", asked.size)
        return {"steps": table, "steps_ratios": ratios(table, "images_per_second", ours=OURS)}
    if asked.what == "start":
        with tempfile.TemporaryDirectory() as scratch:
            runners = starting.contestants(Path(scratch), asked.against)
            return {"start": rounds(runners, asked.rounds)}
    with tempfile.TemporaryDirectory() as scratch:
        job = studies.Job(
            folder=Path(scratch),
            trials=asked.trials,
            epochs=asked.epochs,
            images=asked.images,
            size=asked.size,
            batch=asked.batch,
            gpus_per_trial=asked.gpus_per_trial,
        )
        n = job.draw()
        runners = studies.contestants(job)
        if asked.only:
            runners = {name: run for name, run in runners.items() if name in (OURS, *asked.only)}
        table = rounds(runners, asked.rounds).assign(
            n_train=n, trials=asked.trials, epochs=asked.epochs, size=asked.size
        )
    return {"studies": table, "studies_ratios": ratios(table, "images_per_second", ours=OURS)}


if __name__ == "__main__":
    sys.exit(main())
