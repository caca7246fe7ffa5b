"""The studies under results/ as they are committed: their reports follow from their tables."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from study.report.page import write_report

RESULTS = Path(__file__).parent.parent / "results"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@pytest.mark.parametrize("name", sorted(p.parent.name for p in RESULTS.glob("*/report.html")))
def test_a_committed_report_is_what_its_tables_say(tmp_path, monkeypatch, name):
    """Words alike, numbers alike to rounding: another processor may add in another order."""
    folder = tmp_path / "results" / name
    committed = (RESULTS / name / "report.html").read_text()
    unused = shutil.ignore_patterns(
        "report.html", "checkpoints", "models", "figures", "pretrained"
    )
    shutil.copytree(RESULTS / name, folder, ignore=unused)
    monkeypatch.chdir(tmp_path)
    made = write_report(folder.relative_to(tmp_path)).read_text()
    assert NUMBER.sub("#", made) == NUMBER.sub("#", committed)
    found, expected = (np.array(NUMBER.findall(text), dtype=float) for text in (made, committed))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_some_study_is_committed():
    assert (RESULTS / "korean-32" / "report.html").is_file()
