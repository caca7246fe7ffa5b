"""A study of a function through the command itself: Ray's workers import it from its folder."""

import pandas as pd
import pytest

from tests.study import tiny
from tests.study.trainable import TOML, write

pytestmark = pytest.mark.ray


def test_workers_find_the_module_and_stopped_trials_clean_up(tmp_path):
    source = """\
from pathlib import Path

LOG = Path(__file__).with_name("log")


def train(config, *, seed, fold, report):
    try:
        for epoch in range(1, config["epochs"] + 1):
            report(epoch, {"loss": config["rate"] + 1 / epoch})
    finally:
        with LOG.open("a") as file:
            file.write("ended\\n")
"""
    file = write(tmp_path / "mine", text=TOML.replace("design_share = 0.5", ""), source=source)
    done = tiny.run(tmp_path, file, "--concurrency", "1")
    assert done.returncode == 0, done.stderr
    trials = pd.read_parquet(tmp_path / "results/it/trials.parquet")
    assert set(trials["status"]) == {"completed", "stopped"}
    assert (tmp_path / "mine/log").read_text().splitlines() == ["ended"] * len(trials)
    assert 'config["width"], config["momentum"], so that' in done.stdout
