"""The studies under results/ as they are committed: their reports follow from their tables."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.study.report.written import write_report

RESULTS = Path(__file__).parent.parent / "results"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def committed():
    """Names of studies whose report git tracks: what a user ran here lies beside them."""
    listed = subprocess.run(
        ["git", "ls-files", "*/report.html"], cwd=RESULTS, capture_output=True, text=True
    )
    return sorted(Path(line).parent.name for line in listed.stdout.splitlines())


@pytest.mark.parametrize("name", committed())
def test_a_committed_report_is_what_its_tables_say(tmp_path, monkeypatch, name):
    """Words alike, numbers alike to rounding: another processor may add in another order."""
    folder = tmp_path / "results" / name
    on_disk = (RESULTS / name / "report.html").read_text()
    unused = shutil.ignore_patterns(
        "report.html", "checkpoints", "models", "figures", "pretrained"
    )
    shutil.copytree(RESULTS / name, folder, ignore=unused)
    monkeypatch.chdir(tmp_path)
    made = write_report(folder.relative_to(tmp_path)).read_text()
    assert NUMBER.sub("#", made) == NUMBER.sub("#", on_disk)
    found, expected = (np.array(NUMBER.findall(text), dtype=float) for text in (made, on_disk))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.skipif(not (RESULTS.parent / ".git").exists(), reason="no clone")
def test_some_study_is_committed():
    assert {"korean-32", "faces-cpu"} <= set(committed())


def test_a_study_that_was_run_here_is_not_taken_for_a_committed_one(tmp_path, monkeypatch):
    """As the main job leaves `results/demo`, before the tests."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in ("ours", "demo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_text("")
    subprocess.run(["git", "add", "ours"], cwd=tmp_path, check=True)
    monkeypatch.setattr("tests.test_committed_results.RESULTS", tmp_path)
    assert committed() == ["ours"]
