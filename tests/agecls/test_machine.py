import os
import subprocess
import sys
from pathlib import Path

import pytest

import agecls
from agecls.command import use_threads
from agecls.machine import cores

SIXTEEN = set(range(16))


@pytest.fixture
def allowed(monkeypatch):
    """An affinity of sixteen cores, whatever runs the test has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: SIXTEEN, raising=False)


def fake_root(folder, groups, files):
    """A root whose process is in `groups` (lines of /proc/self/cgroup)."""
    files = {"proc/self/cgroup": groups, **files}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_bound_to_one_core_has_one():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from agecls.machine import cores; print(cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        # a container's own view: its group is the root of what it sees
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, 16),
        # whole cores only, and never none
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        # a quota above what the affinity allows
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "6400000 100000\n"}, 16),
        # a group inside a job: the tightest of those above counts
        (
            "0::/slurm/job_7/step_0\n",
            {
                "sys/fs/cgroup/slurm/job_7/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/slurm/job_7/step_0/cpu.max": "max 100000\n",
            },
            4,
        ),
        # version 1, the path as it is outside of the container
        (
            "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n",
            {
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            "1:cpu:/a\n",
            {
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
            },
            16,
        ),
        # both versions at once: the controller is the first one's
        (
            "1:cpu:/\n0::/\n",
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "500000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/unified/cpu.max": "max 100000\n",
            },
            5,
        ),
        # what cannot be read limits nothing
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "\n"}, 16),
        ("0::/\n", {}, 16),
        ("", {}, 16),
    ],
)
def test_the_quota_of_a_cgroup_counts(tmp_path, groups, files, expected):
    assert cores(fake_root(tmp_path, groups, files)) == expected


@pytest.mark.usefixtures("allowed")
def test_without_cgroups_the_affinity_counts(tmp_path):
    assert cores(tmp_path) == 16


def test_nobody_else_counts_cores():
    root = Path(agecls.__file__).parent.parent
    asking = {
        path.name
        for package in ("agecls", "study")
        for path in (root / package).rglob("*.py")
        if "cpu_count" in path.read_text() or "sched_getaffinity" in path.read_text()
    }
    assert asking == {"machine.py"}


def test_torch_takes_no_more_threads_than_there_are_cores(monkeypatch):
    import torch

    before = torch.get_num_threads()
    monkeypatch.setattr("agecls.command.cores", lambda: 1)
    try:
        torch.set_num_threads(3)
        use_threads(None)
        assert torch.get_num_threads() == 1
        use_threads(2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
