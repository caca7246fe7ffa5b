"""The five folds of Adience as docs/age-sets.md runs them, on pictures that a test draws."""

import os
import subprocess

import pandas as pd
import pytest

from agecls.data.loading import Reading, load_data
from study.asked.study_file import load_study
from tests.agecls.data.layouts.test_age_ranges import draw_adience
from tests.pages import Page, fill_in

PAGE = Page("docs/age-sets.md")
AGES = ("(0, 2)", "(4, 6)", "(8, 12)", "(15, 20)", "(25, 32)", "(38, 43)", "(48, 53)", "(60, 100)")


@pytest.fixture
def adience(tmp_path):
    """Five folds of four users, each seen at four ages."""
    users = [f"{n}@N{fold}" for fold in range(5) for n in range(4)]
    faces = [[(user, AGES[(2 * n + k) % 8]) for n, user in enumerate(users) for k in range(4)
              if user.endswith(str(fold))] for fold in range(5)]  # fmt: skip
    draw_adience(tmp_path / "adience", faces)
    [text] = PAGE.blocks("toml")
    (tmp_path / "adience.toml").write_text(fill_in(text, {"ADIENCE": "adience"}), "utf-8")
    return tmp_path


def test_each_image_is_tested_on_once_and_no_user_is_in_two_splits(adience):
    study = load_study(adience / "adience.toml")
    tested = []
    for fold in range(5):
        data = load_data(
            adience / "adience" / f"{{fold_{fold}}}", Reading(size=16, classes=study.classes)
        )
        assert data.test is not None
        users = [set(split.frame["person_id"]) for split in (data.train, data.val, data.test)]
        assert [len(some) for some in users] == [12, 4, 4]
        assert len(set.union(*users)) == 20
        tested += data.test.frame["image_path"].tolist()
    assert len(tested) == len(set(tested)) == 80


@pytest.mark.slow
@pytest.mark.ray
def test_the_line_of_the_page_runs_all_five(adience):
    [line] = [line for line in PAGE.shell_lines if line.startswith("for ")]
    small = "--trials 2 --epochs 1 --size 16 --name"
    line = fill_in(line.replace("--name", small), {"ADIENCE": "adience"})
    environment = {**os.environ, "AGECLS_CACHE": str(adience / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-ec", line], capture_output=True, text=True, cwd=adience, env=environment
    )
    assert done.returncode == 0, done.stderr
    tested = []
    for fold in range(5):
        predictions = pd.read_parquet(adience / "results" / f"adience-{fold}/predictions.parquet")
        images = set(predictions.loc[predictions["split"] == "test", "image"])
        assert len(images) == 16
        tested += images
    assert len(set(tested)) == 80
