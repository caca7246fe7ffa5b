"""Whole studies, start-up included: this tool and its peers on the same files, in turn."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.machine import cores
from study.folder.record_lines import read_events

IMAGES_PER_FAMILY = 19.6
"""Training images that a drawn family has on average."""

STUDY = """
[study]
question = "How fast?"
metric = "val_accuracy"
trials = {trials}
epochs = {epochs}
design_share = 1.0
[data]
path = "{data}"
size = {size}
[factors.variant]
role = "fixed"
value = "org"
[factors.lr]
role = "tuned"
log = true
low = 0.01
high = 0.1
[factors.weight_decay]
role = "tuned"
log = true
low = 1e-5
high = 1e-3
[factors.epochs]
role = "fixed"
value = {epochs}
[factors.batch_size]
role = "fixed"
value = {batch}
[factors.precision]
role = "fixed"
value = "{precision}"
[confirm]
seeds = 0
"""
"""All of it a design, so that no trial is stopped: work saved by stopping is not speed."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every contestant trains.

    Attributes:
        folder: Scratch space; the faces are drawn into it.
        trials: Configurations of a ResNet-50.
        epochs: Of each.
        images: Training images, about.
        size: Side in pixels.
        batch: Images a step.
        gpus_per_trial: Share of a GPU that each trial gets; 0: a CPU core.
    """

    folder: Path
    trials: int
    epochs: int
    images: int
    size: int
    batch: int
    gpus_per_trial: float = 0.0

    @property
    def at_once(self) -> int:
        """Trials at a time."""
        return round(1 / self.gpus_per_trial) if self.gpus_per_trial else cores()

    @property
    def flags(self) -> list[str]:
        """What gives a trial its share."""
        return ["--gpus-per-trial", str(self.gpus_per_trial)] if self.gpus_per_trial else []

    @property
    def faces(self) -> Path:
        """The drawn set."""
        return self.folder / "faces"

    def draw(self) -> int:
        """Draw the faces; how many training images there are."""
        families = max(1, round(self.images / IMAGES_PER_FAMILY))
        val = min(50, max(1, families // 5))
        draw_face_set(self.faces, FaceSet(families=families, val_families=val, test_families=0))
        return len(pd.read_csv(self.faces / "custom_train_dataset.csv"))


def contestants(job: Job) -> dict[str, Callable[[], dict[str, float]]]:
    """By name, what runs one study and gives images per second and memory per trial."""
    peers = {name: _peer(name, job) for name in ("ray", "optuna", "notebook")}
    ours = {
        "this tool": lambda: _ours(job, "mixed"),
        "this tool, float32": lambda: _ours(job, "float32"),
    }
    return {**ours, **peers}


def _ours(job: Job, precision: str) -> dict[str, float]:
    """`study.run` with an empty cache: images are decoded, packed and reported on as well."""
    scratch = job.folder / "ours"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    path = scratch / "bench.toml"
    path.write_text(
        STUDY.format(
            trials=job.trials,
            epochs=job.epochs,
            size=job.size,
            batch=job.batch,
            precision=precision,
            data=job.faces,
        )
    )
    words = ["-m", "study.run", str(path), "--out", str(scratch / "results"), *job.flags]
    began, seconds = _run(words, AGECLS_CACHE=str(scratch / "cache"))
    record = read_events(scratch / "results/bench/record.jsonl")
    trials = pd.read_parquet(scratch / "results/bench/trials.parquet")
    per_epoch = trials["images_per_second"] * trials["train_seconds"] / trials["epochs_run"]
    n_train = len(pd.read_csv(job.faces / "custom_train_dataset.csv")) // job.batch * job.batch
    assert (trials["status"] == "completed").all(), trials["error"]
    assert (per_epoch < 1.5 * n_train).all()  # the peers count in the same way
    images = n_train * int(trials["epochs_run"].sum())
    first = min(line["at"] for line in record if line["event"] == "epoch")
    return {
        "seconds": seconds,
        "images": images,
        "images_per_second": images / seconds,
        "peak_mib": float(trials["peak_memory_mib"].max()),
        "first_report": first - began,
        "training_share": float(trials["train_seconds"].sum()) / seconds / job.at_once,
    }


def _peer(name: str, job: Job) -> Callable[[], dict[str, float]]:
    def run() -> dict[str, float]:
        scratch = job.folder / name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        words = ["-m", "tests.bench.peers", name, str(job.faces), "--scratch", str(scratch)]
        words += [*job.flags, "--at-once", str(job.at_once if name == "ray" else 1)]
        for flag in ("size", "trials", "epochs", "batch"):
            words += [f"--{flag}", str(getattr(job, flag))]
        answer = scratch / "answer"
        with answer.open("w") as file:
            _, seconds = _run(words, stdout=file)
        found = json.loads(answer.read_text().strip().splitlines()[-1])
        return {"seconds": seconds, **found, "images_per_second": found["images"] / seconds}

    return run


def _run(
    words: list[str], *, stdout: object = subprocess.DEVNULL, **more: str
) -> tuple[float, float]:
    """When it began and its wall seconds; an error with what it said if it failed."""
    began = time.time()
    done = subprocess.run(
        [sys.executable, *words],
        stdout=stdout,  # type: ignore[call-overload]
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return began, time.time() - began
