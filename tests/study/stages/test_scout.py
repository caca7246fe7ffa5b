"""The scouts through Ray and the commands; what they decide is tested on paper in test_scout."""

import json

import pandas as pd
import pytest

from study.analysis import conclude
from study.asked.study_file import load_study
from tests.study import tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(3600)]

SCOUT = """
[scout]
trials = 3
epochs = 1
widen = 10
"""


def write_study(folder):
    folder.mkdir()
    path = tiny.write_study(folder, trials=4)
    path.write_text(path.read_text().replace("[data]", f"{SCOUT}[data]", 1))
    return path


def run(folder, *words):
    """Run `study.run` to its end, on a busy machine too; what it printed."""
    process = tiny.start(folder, *words, "--concurrency", "1")
    printed, complaint = process.communicate(timeout=1500)
    assert process.returncode == 0, complaint
    return printed


def findings(folder):
    return json.loads((folder / "study.json").read_text())["scout"]


def test_a_study_killed_among_its_scouts_ends_like_an_unbroken_one(tmp_path):
    folders = [tmp_path / name for name in ("unbroken", "broken")]
    assert "6 trials of 1 epochs" in run(folders[0], write_study(folders[0]))

    path = write_study(folders[1])
    process = tiny.start(folders[1], path, "--concurrency", "1")
    tiny.wait_for_epochs(folders[1] / "results/tiny/scout/record.jsonl", 2, process)
    tiny.kill_hard(process)
    assert load_study(folders[1] / "results/tiny/study.toml").is_to_be_scouted
    run(folders[1], path, "--resume", "tiny")

    whole, broken = (folder / "results/tiny" for folder in folders)
    for ours, theirs in zip(tiny.tables(whole), tiny.tables(broken), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    assert findings(whole) == findings(broken)

    study = load_study(broken / "study.toml")
    assert not study.is_to_be_scouted
    assert [(r.low, r.high) for r in study.as_declared.factor("lr").ranges] == [(0.001, 0.1)]
    assert len(study.factor("lr").ranges) == 2  # one for each arm
    trials, _ = tiny.tables(broken)
    scouts = trials[trials["origin"] == "scout"]
    assert scouts["number"].tolist() == list(range(-6, 0))
    assert scouts["config/epochs"].isna().all()
    assert (scouts["epochs_run"] <= 1).all()
    assert (broken / "report.html").exists()
    assert not list((broken / "scout" / "checkpoints").iterdir())
    searched = trials[trials["number"] >= 0]
    for range_ in study.factor("lr").ranges:
        of_arm = searched[searched["config/variant"] == range_.when["variant"]]
        assert of_arm["config/lr"].between(range_.low, range_.high).all()

    # the same command once more: nothing is scouted or searched again
    run(folders[1], path, "--resume", "tiny")
    counts = conclude(broken).analysis.counts.set_index("origin")["n_trials"]
    assert counts.groupby(level=0).sum()["scout"] == 6
