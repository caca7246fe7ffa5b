"""How long the first epoch of a study waits: wall and CPU seconds from the command, by stage."""

import os
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.machine import cores
from study.folder.record_lines import read_events
from tests.bench.studies import STUDY

MARK = "STUDY_BENCH"
"""A variable of the environment by which the processes of a study are known, Ray's too."""

EVERY = 0.05
"""Seconds between two looks at them."""

HERE = Path(__file__).parents[2]


def contestants(scratch: Path, against: Path | None) -> dict[str, Callable[[], dict[str, float]]]:
    """By name, what starts a study on a warm pack; `against`: another checkout of this tool."""
    faces = scratch / "faces"
    draw_face_set(faces, FaceSet(families=20, val_families=4, test_families=0))
    path = scratch / "first.toml"
    told = {"size": 48, "batch": 32, "precision": "mixed", "data": faces}
    path.write_text(STUDY.format(trials=cores(), epochs=1, **told))
    checkouts = {"this tool": HERE} | ({"against": against} if against else {})
    for checkout in checkouts.values():
        _started(path, checkout)  # packs the faces, compiles modules
    return {name: lambda at=checkout: _started(path, at) for name, checkout in checkouts.items()}


def _started(path: Path, checkout: Path) -> dict[str, float]:
    """Seconds until a trial is asked for, until it trains, until its first epoch is on record.

    `wall_` of the clock, `cpu_` of all processes; `epoch` is the wall time of that epoch.
    """
    out, mark = path.parent / "results", token_hex(8)
    rmtree(out, ignore_errors=True)
    words = [sys.executable, "-m", "study.run", str(path), "--out", str(out)]
    more = {MARK: mark, "PYTHONPATH": str(checkout), "AGECLS_CACHE": str(path.parent / "cache")}
    began = time.time()
    process = subprocess.Popen(
        words,
        cwd=checkout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **more},
    )
    times, spent, seconds = [began], [0.0], dict[int, float]()
    while process.poll() is None:
        seconds |= _cpu_seconds(f"{MARK}={mark}".encode())
        times.append(time.time())
        spent.append(sum(seconds.values()))
        time.sleep(EVERY)
    if process.returncode:
        raise RuntimeError(f"{checkout}: study.run ended with {process.returncode}")
    events = read_events(out / "first" / "record.jsonl")
    asked = next(event["started_at"] for event in events if event["event"] == "start")
    first = next(event for event in events if event["event"] == "epoch")
    moments = {"asked": asked, "trains": first["at"] - first["seconds"], "recorded": first["at"]}
    wall = {f"wall_{name}": at - began for name, at in moments.items()}
    cpu = {f"cpu_{name}": spent[bisect_right(times, at) - 1] for name, at in moments.items()}
    return {**wall, **cpu, "epoch": first["seconds"], "cpu_all": spent[-1]}


def _cpu_seconds(mark: bytes) -> dict[int, float]:
    """CPU seconds so far of each process that has the mark, by its id; of Linux only."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile, or not ours
            continue
        found[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found
