"""Which processor this is, and how many cores this process may use.

In jobs and containers these are fewer than the machine has.
"""

import os
import platform
from collections.abc import Iterator
from pathlib import Path

_TOLD = ("model name", "cpu family", "model", "stepping")
"""What Linux says of a processor; names alone may stand for several generations."""


def processor() -> str:
    """The CPU's name, and on Linux its family, model and stepping."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # no Linux
        return platform.processor() or platform.machine()
    told = dict[str, str]()
    for line in lines:
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    name, *numbers = (told.get(key, "?") for key in _TOLD)
    return f"{name}, family {'/'.join(numbers)}"


def cores(root: Path = Path("/")) -> int:
    """The cores that this process may keep busy; at least 1.

    What its affinity allows (taskset, SLURM, a container's cpuset), and no more than the whole
    cores of its cgroup's quota (a container's `--cpus`), or of a group above it.

    Args:
        root: Where `proc` and `sys` lie.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, int(min([allowed, *_quotas(root)])))


def _quotas(root: Path) -> Iterator[float]:
    """Cores that the groups of this process may use, of both versions of cgroups."""
    try:
        text = (root / "proc/self/cgroup").read_text("utf-8", "surrogateescape")
    except OSError:  # no Linux
        return
    mounts = root / "sys/fs/cgroup"
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":  # version 2, which may be mounted beside version 1
            names, read = ("", "unified"), _quota_v2
        elif "cpu" in controllers.split(","):
            names, read = (controllers, "cpu"), _quota_v1
        else:
            continue
        # A container may see the path that its group has outside, but only its own part of the
        # tree below the mount; so groups that are not there are passed over.
        inside = Path(group.lstrip("/"))
        for name in names:
            for folder in (inside, *inside.parents):
                try:
                    yield read(mounts / name / folder)
                except (OSError, ValueError):
                    continue


def _quota_v2(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text().split()
    return float("inf") if quota == "max" else _share(int(quota), int(period))


def _quota_v1(group: Path) -> float:
    """-1 means that there is no limit."""
    quota, period = (
        int((group / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")
    )
    return float("inf") if quota < 0 else _share(quota, period)


def _share(quota: int, period: int) -> float:
    if period <= 0:
        raise ValueError(f"a period of {period} microseconds")
    return quota / period
