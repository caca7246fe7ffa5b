"""Rounds in which every contestant has its turn, and what one is of another, round by round.

A machine's speed drifts with what else runs on it, so that single times mean little; the ratio of
two neighbours in time means more, and its spread over the rounds says how much.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch

from agecls.machine import cores, processor

PACKAGES = ("agecls-study", "torch", "torchvision", "ray", "optuna", "numpy", "pandas", "pyarrow")


def rounds(contestants: Mapping[str, Callable[[], dict[str, float]]], n: int) -> pd.DataFrame:
    """One row per round and contestant: `round`, `contestant`, its figures, and `load` before it.

    Each round begins with another contestant, so that none is always the first.
    """
    rows = []
    names = list(contestants)
    for k in range(n):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            load = os.getloadavg()[0]
            rows.append({"round": k, "contestant": name, "load": load, **contestants[name]()})
            rate = rows[-1].get("images_per_second", float("nan"))
            sys.stderr.write(f"round {k}: {name}, {rate:.0f} images/s\n")
    return pd.DataFrame(rows)


def ratios(table: pd.DataFrame, figure: str, *, ours: str) -> pd.DataFrame:
    """Ours over each other's figure, paired by round: median, min, max and number of rounds."""
    wide = table.pivot(index="round", columns="contestant", values=figure)
    rows = []
    for other in wide.columns.drop(ours):
        ratio = (wide[ours] / wide[other]).dropna()
        rows.append(
            {
                "figure": figure,
                "of": ours,
                "to": other,
                "median": float(np.median(ratio)),
                "min": float(ratio.min()),
                "max": float(ratio.max()),
                "rounds": len(ratio),
            }
        )
    return pd.DataFrame(rows)


def machine() -> dict[str, str]:
    """Where and with what the figures were made."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": str(cores()),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def cpu_seconds(work: Callable[[], object], *, repeats: int = 1) -> float:
    """CPU seconds of this process for one call; on a shared machine honester than the clock."""
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) / repeats
