"""A study that ends within seconds: drawn faces of 16 px, ResNet-18, and the commands on it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from agecls.faces.face_set import FaceSet, draw_face_set
from tests.small_studies import study_toml

FIXED = """
[factors.depth]
role = "fixed"
value = 18
[factors.batch_size]
role = "fixed"
value = 16
[factors.ema]
role = "fixed"
value = 0.9
"""

TIMES = ["started_at", "ended_at", "train_seconds", "images_per_second", "peak_memory_mib"]
"""Columns of `trials` that no two runs have in common."""


def study_text(data: str | Path, *, trials: int = 6, design_share: float = 0.34) -> str:
    """The study file on faces of 16 px."""
    return study_toml(
        trials=trials, lengths=(2, 3), data=data, design_share=design_share, fixed=FIXED
    )


def pictures_text(data: str | Path, *, size: int, seeds: int) -> str:
    """The study file on folders of pictures, confirmed on so many seeds."""
    return f"""\
[study]
question = "Which matters on these pictures?"
trials = 2
epochs = 1
[confirm]
seeds = {seeds}
[data]
path = "{data}"
size = {size}
[factors.variant]
role = "arm"
levels = ["org", "bcd"]
[factors.lr]
role = "tuned"
low = 0.02
high = 0.05
log = true
{FIXED}"""


def write_study(folder: Path, *, trials: int = 6, design_share: float = 0.34) -> Path:
    """Drawn faces and a study file on them, in `folder`."""
    faces = folder / "faces"
    draw_face_set(faces, FaceSet(families=8, val_families=4, test_families=0, size=16))
    path = folder / "tiny.toml"
    path.write_text(study_text(faces, trials=trials, design_share=design_share))
    return path


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "study.run", *map(str, words)]


def environment(folder: Path) -> dict[str, str]:
    """The test's own cache, and one thread for anything outside Ray."""
    return {**os.environ, "AGECLS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `study.run` to its end, results in `folder / "results"`."""
    return subprocess.run(
        command(*words, "--out", folder / "results"),
        capture_output=True,
        text=True,
        env=environment(folder),
        timeout=900,  # a busy machine
    )


def start(folder: Path, *words: str | Path) -> subprocess.Popen[str]:
    """Start `study.run` in a process group of its own, as a terminal would."""
    return subprocess.Popen(
        command(*words, "--out", folder / "results"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder),
        start_new_session=True,
    )


def wait_for_epochs(record: Path, n: int, process: subprocess.Popen[str]) -> None:
    """Until the record holds `n` epochs; fails if the process ends before."""
    deadline = time.monotonic() + 600  # a busy machine takes minutes to start Ray
    while time.monotonic() < deadline:
        if record.exists() and record.read_text().count('"event": "epoch"') >= n:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"no {n} epochs within ten minutes")


def kill_hard(process: subprocess.Popen[str]) -> None:
    """SIGKILL the driver alone, as the kernel would when memory runs out."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Ray's workers that run a trainable in the session that the process leads, on Linux."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        number = int(path.parent.name)
        try:
            words, session = path.read_bytes(), os.getsid(number)
        except OSError:
            continue  # it ended meanwhile
        is_working = b"Trainable" in words or b"Stepping" in words
        if session == process.pid and words.startswith(b"ray::") and is_working:
            found.append(number)
    return found


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and epochs of a study's folder without what depends on the clock."""
    trials = pd.read_parquet(folder / "trials.parquet").drop(columns=TIMES)
    epochs = pd.read_parquet(folder / "epochs.parquet").drop(columns=["seconds"])
    return trials, epochs
