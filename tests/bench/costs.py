"""What the tool costs beside training: start-up, Ray, sampler, record, tables and reports."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.recipe import Recipe
from agecls.training.checkpoints import save
from agecls.training.loop import fit, start
from study.asked.study import Study
from study.asked.study_file import dump_study, load_study
from study.cost.measured import random_faces
from study.folder.folder import Folder
from study.folder.parquet import write_table
from study.folder.record import Record, TrialRecord
from study.folder.tabulate import EPOCH_COLUMNS
from study.plan import optuna_journal
from study.plan.sampler import Samplers
from study.plan.trials import plan_trials
from study.stages.search import write_tables
from tests.bench.ratios import cpu_seconds
from tests.simulate.large import large_tables
from tests.simulate.worlds import draw_world, make_study

COMMANDS = {
    "help of study.run": ["-m", "study.run", "--help"],
    "help of study.report": ["-m", "study.report", "--help"],
    "help of agecls.predict": ["-m", "agecls.predict", "--help"],
    "import of agecls": ["-c", "import agecls"],
    "import of agecls.training.loop": ["-c", "import agecls.training.loop"],
    "nothing but Python": ["-c", "pass"],
}

Row = dict[str, object]


def start_up(n: int) -> list[Row]:
    """CPU and wall seconds of processes that only start: the median of `n`."""
    rows = []
    for what, words in COMMANDS.items():
        figures = [_process(words) for _ in range(n)]
        cpu, wall = (float(np.median(column)) for column in zip(*figures, strict=True))
        rows += [_row(what, "CPU s", cpu, n), _row(what, "wall s", wall, n)]
    return rows


def sampling(sizes: list[int], *, n: int = 5) -> list[Row]:
    """CPU milliseconds of a proposal when its arm has so many trials, bounded and not."""
    rows = []
    whole = optuna_journal.LATEST
    for size in sizes:
        for what, latest in (("proposal", whole), ("proposal, whole history", sys.maxsize)):
            optuna_journal.LATEST = latest  # type: ignore[misc]
            try:
                seconds = _proposals(size, n)
            finally:
                optuna_journal.LATEST = whole  # type: ignore[misc]
            rows.append(
                _row(f"{what} at {size} trials", "CPU ms", 1e3 * float(np.median(seconds)), n)
            )
    return rows


def _proposals(size: int, n: int) -> list[float]:
    given = {"trials": 4 * (size + n)}
    study = load_study("faces-cpu", overrides=given)
    rng = np.random.default_rng(0)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        samplers = Samplers(study, Path(folder))
        samplers.catch_up([], study.metric)
        arm = [planned for planned in plan_trials(study) if planned.number % 4 == 0]
        decided = [planned for planned in arm if planned.config is not None]
        undecided = [planned for planned in arm if planned.config is None]
        for k in range(size + n):
            # the design's configurations, again and again, stand for a long history
            planned = decided[k % len(decided)] if k < size else undecided[k - size]
            planned = type(planned)(**{**vars(planned), "number": arm[k].number})
            began = time.process_time()
            config = samplers.propose(planned)
            if k >= size:
                seconds.append(time.process_time() - began)
            samplers.report(planned.number, int(config["epochs"]), float(rng.uniform()))
            samplers.tell(planned.number, "completed", float(rng.uniform()))
    return seconds


def writing(n: int = 200) -> list[Row]:
    """Milliseconds of the record, the journal and the tables."""
    study = load_study("faces-cpu")
    rows = []
    epoch = {name: 0.5 for name in METRICS} | {"at": 0.0}
    with tempfile.TemporaryDirectory(dir=".") as folder, Record(Path(folder)) as record:
        for planned in plan_trials(study)[:1]:
            config = planned.config or {}
            record.append(
                "start",
                number=0,
                arm=planned.arm,
                origin=planned.origin,
                config=config,
                seed=0,
                epochs_planned=n,
                started_at=0.0,
            )
        began, cpu = time.perf_counter(), time.process_time()
        for k in range(1, n + 1):
            record.append("epoch", number=0, **{**epoch, "epoch": k})
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        rows += [
            _row("record, per epoch (waits for the disk)", "wall ms", 1e3 * wall / n, n),
            _row("record, per epoch", "CPU ms", 1e3 * cpu / n, n),
        ]
    for size in (100, 1000, 10_000):
        trials = [_finished(study, k, epoch) for k in range(size)]
        with tempfile.TemporaryDirectory(dir=".") as folder:
            seconds = cpu_seconds(
                lambda t=trials, f=folder: write_tables(study, t, Folder(Path(f)))
            )
        rows.append(
            _row(f"both tables of {size} trials, once a minute", "CPU ms", 1e3 * seconds, 1)
        )
    return rows


METRICS = (*EPOCH_COLUMNS[1:], "images_per_second", "peak_memory_mib")


def _finished(study: Study, number: int, epoch: dict[str, float]) -> TrialRecord:
    planned = plan_trials(study)[0]
    config = planned.config or {}
    epochs = [{**epoch, "epoch": k, "node": "n", "device": "cpu"} for k in range(1, 10)]
    return TrialRecord(
        number=number,
        arm=planned.arm,
        origin=planned.origin,
        config=config,
        seed=0,
        epochs_planned=9,
        started_at=0.0,
        epochs=epochs,
        end={"status": "completed", "error": None, "at": 1.0},
    )


def reports(sizes: list[int]) -> list[Row]:
    """CPU and wall seconds of `study.report` on a study of so many trials."""
    rows = []
    for size in sizes:
        rng = np.random.default_rng(0)
        study = _as_recipes(make_study(trials=size, design_share=0.4, seed=0))
        trials, epochs = large_tables(study, draw_world("power", rng), size, rng)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "large"
            folder.mkdir()
            (folder / "study.toml").write_text(dump_study(study))
            write_table(
                folder / "trials.parquet",
                trials,
                "trials",
                study_name=study.name,
                factors=study.factors,
            )
            write_table(folder / "epochs.parquet", epochs, "epochs", study_name=study.name)
            cpu, wall = _process(["-m", "study.report", str(folder)])
            megabytes = (folder / "report.html").stat().st_size / 1e6
        rows += [
            _row(f"report of {size} trials", "CPU s", cpu, 1),
            _row(f"report of {size} trials", "wall s", wall, 1),
            _row(f"report of {size} trials", "MB", megabytes, 1),
        ]
    return rows


def _as_recipes(study: Study) -> Study:
    """A simulated study whose levels are those that a recipe takes."""
    factors = tuple(
        replace(factor, levels=(0.0, 0.99)) if factor.name == "ema" else factor
        for factor in study.factors
    )
    return replace(study, factors=factors, weights="torchvision:IMAGENET1K_V1")


TINY = """
[study]
question = "What does a trial cost that trains next to nothing?"
metric = "val_accuracy"
trials = {trials}
epochs = 1
design_share = 1.0
[data]
path = "{data}"
size = 16
[factors.lr]
role = "tuned"
log = true
low = 0.001
high = 0.1
[factors.depth]
role = "fixed"
value = 18
[factors.epochs]
role = "fixed"
value = 1
[confirm]
seeds = 0
"""


REPEATS = 10
"""Models built and saved."""


def trial_overhead(few: int = 2, many: int = 12) -> list[Row]:
    """Seconds a trial beyond its training, from two studies that differ in their trials alone."""
    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "faces"
        draw_face_set(data, FaceSet(families=3, val_families=1, test_families=0, size=16))
        for n in (few, many):
            path = Path(scratch) / f"n{n}.toml"
            path.write_text(TINY.format(trials=n, data=data))
            out = Path(scratch) / "results"
            words = ["-m", "study.run", str(path), "--out", str(out), "--concurrency", "1"]
            cpu, wall = _process(words, AGECLS_CACHE=f"{scratch}/cache{n}")
            trials = pd.read_parquet(out / f"n{n}" / "trials.parquet")
            span = (trials["ended_at"].max() - trials["started_at"].min()).total_seconds()
            figures[n] = (wall, span - float(trials["train_seconds"].sum()), cpu)
    more = many - few
    between = (figures[many][1] - figures[few][1]) / more
    return [
        _row("a study of two tiny trials, all of it", "wall s", figures[few][0], 1),
        _row("a study of two tiny trials, all of it", "CPU s", figures[few][2], 1),
        _row("each further trial beyond its training", "wall s", between, more),
        _row("of it, model and checkpoint", "wall s", start_and_checkpoint(), REPEATS),
    ]


def start_and_checkpoint() -> float:
    """Median seconds of building a ResNet-18 and saving it, which a trial of `TINY` does too."""
    recipe, data = Recipe(depth=18, epochs=1), random_faces(32, 16)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(REPEATS):
            began = time.perf_counter()
            state = start(recipe, data)
            started = time.perf_counter() - began
            list(fit(state, data))  # else the optimizer has nothing to write
            began = time.perf_counter()
            save(Path(folder) / f"{k}.pt", state)
            seconds.append(started + time.perf_counter() - began)
    return float(np.median(seconds))


def all_costs(which: list[str], *, most: int) -> pd.DataFrame:
    """The figures asked for, one row each; `most` bounds the histories and reports."""
    sizes = [n for n in (100, 1000, 10_000, 100_000) if n <= most]
    makers: dict[str, Callable[[], list[Row]]] = {
        "start-up": lambda: start_up(5),
        "sampling": lambda: sampling([n for n in sizes if n <= 10_000]),
        "writing": writing,
        "trials": trial_overhead,
        "reports": lambda: reports([n for n in sizes if n >= 1000]),
    }
    rows = []
    for group in which or makers:
        load = os.getloadavg()[0]
        rows += [{"group": group, **row, "load": load} for row in makers[group]()]
    return pd.DataFrame(rows)


def _row(what: str, unit: str, value: float, n: int) -> Row:
    return {"what": what, "unit": unit, "value": value, "n": n}


def _process(words: list[str], **more: str) -> tuple[float, float]:
    """CPU and wall seconds of a Python process and of what it waits for."""
    began = time.perf_counter()
    before = os.times()
    subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, env={**os.environ, **more}
    )
    after = os.times()
    cpu = after.children_user + after.children_system
    return cpu - before.children_user - before.children_system, time.perf_counter() - began
