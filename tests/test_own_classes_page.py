"""docs/own-classes.md done as a reader would."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from tests.agecls.pictures import draw_zoo
from tests.pages import Page, fill_in

PAGE = Page("docs/own-classes.md")
MOST_LINES = 10


def test_the_study_takes_ten_lines():
    assert len(PAGE.blocks("toml")[0].splitlines()) <= MOST_LINES


@pytest.mark.ray
def test_its_commands_lead_from_folders_to_verdict_predictions_and_onnx(tmp_path):
    draw_zoo(tmp_path / "zoo")
    pictures = [path.relative_to(tmp_path) for path in sorted((tmp_path / "zoo").rglob("*.png"))]
    rows = [f"{path},{path.parent.name}" for path in pictures]
    (tmp_path / "labels.csv").write_text("\n".join(["path,breed", *rows]))
    (tmp_path / "own.toml").write_text(PAGE.blocks("toml")[0], encoding="utf-8")
    environment = {**os.environ, "AGECLS_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    said = []
    for line in PAGE.shell_lines:
        line = fill_in(line.partition(" #")[0], {"LABELS": "labels.csv"})
        python, *words = line.split()
        assert python == "python"
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=500,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert all("3 classes (cat, dog, emu)" in said[line] for line in (0, -1))
    results = tmp_path / "results" / "own"
    verdict = pd.read_parquet(results / "claims.parquet")
    assert set(verdict["stage"]) == {"search", "confirm"}
    found = pd.read_csv(tmp_path / "animals.csv")
    assert len(found) == 60
    assert set(found["class"]) <= {"cat", "dog", "emu"}
    for name in ("model.onnx", "model.md"):
        assert (results / "models" / "bcd" / name).is_file()
