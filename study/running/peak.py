"""Peak memory of this process."""

import os
import resource
from pathlib import Path


def reset_peak() -> None:
    """Make `peak_mib` count from now, so that a reused process tells each trial's own."""
    try:
        # 5 resets the peak resident size (proc(5), /proc/pid/clear_refs).
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # not Linux, or not allowed: the peak is then that of the process


def peak_mib() -> float:
    """Peak memory of this process, MiB; NaN where it is unknown."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        unit = 1 if os.uname().sysname == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return float(line.split()[1]) / 1024 if line else float("nan")
