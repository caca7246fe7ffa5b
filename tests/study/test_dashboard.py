import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from importlib.util import find_spec

import pytest

from study.asked.study_file import load_study
from study.folder.folder import Home
from study.folder.parquet import read_table, write_table
from study.folder.record import Record
from study.folder.tabulate import epochs_frame, trials_frame
from study.running.search_state import Search
from tests.small_studies import plain_toml

pytestmark = pytest.mark.skipif(
    find_spec("optuna_dashboard") is None, reason="pip install optuna-dashboard"
)

STUDY = plain_toml(trials=20, epochs=9, size=32, of_study="design_share = 0.25\n")

STATES = {"completed": "Complete", "stopped": "Pruned", "failed": "Fail", "interrupted": "Running"}


def searched(folder):
    """A study of which two trials failed, ASHA stopped some, and the first one still runs."""
    path = folder / "shown.toml"
    path.write_text(STUDY)
    study = load_study(path)
    with Record(folder) as record:
        search = Search(study, record, folder)
        while (assignment := search.next()) is not None:
            number, epoch = assignment.number, 0
            if number in (3, 8):
                while search.failed(number, "out of memory", "raised"):
                    search.next()
                continue
            goes_on = True
            while goes_on and not (number == 0 and epoch == 1):
                epoch += 1
                value = 0.3 + 0.02 * epoch + 0.01 * (number * 7 % 20)
                goes_on = search.finished_epoch(
                    number,
                    {
                        "epoch": epoch,
                        "val_accuracy": value,
                        "seconds": 1.0,
                        "images_per_second": 10.0,
                        "peak_memory_mib": 100.0,
                    },
                )
        trials = list(record.trials.values())
    write_table(
        folder / "trials.parquet",
        trials_frame(study, trials),
        "trials",
        study_name=study.name,
        factors=study.factors,
    )
    write_table(folder / "epochs.parquet", epochs_frame(trials), "epochs", study_name=study.name)


@pytest.fixture
def address(tmp_path):
    """Where the dashboard of a searched study in `tmp_path` answers, on loopback."""
    searched(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()"]
    process = subprocess.Popen(
        [*command, str(Home(tmp_path).journal), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )
    address = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + 90
    try:
        while time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[1]
            try:
                get(f"{address}/studies")
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.kill()
        process.communicate()


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_the_dashboard_shows_what_the_tables_say(address, tmp_path):
    before = (Home(tmp_path).journal).read_bytes()
    trials = read_table(tmp_path / "trials.parquet", "trials").set_index("number")
    epochs = read_table(tmp_path / "epochs.parquet", "epochs")
    studies = get(f"{address}/studies")["study_summaries"]
    assert [s["study_name"] for s in studies] == ["shown/org", "shown/bcd"]
    assert [s["directions"] for s in studies] == [["maximize"]] * 2

    shown = {}
    for summary in studies:
        arm = summary["study_name"].removeprefix("shown/")
        for trial in get(f"{address}/studies/{summary['study_id']}?after=0")["trials"]:
            attributes = {a["key"]: a["value"] for a in trial["user_attrs"]}
            row = trials.loc[int(attributes["number"])]
            shown[row.name] = trial["state"]
            assert trial["state"] == STATES[row["status"]]
            assert (row["arm"], row["origin"]) == (arm, attributes["origin"])
            assert int(attributes["seed"]) == row["seed"]
            of_trial = epochs[epochs["trial_id"] == row["trial_id"]]
            values = [(v["step"], v["value"]) for v in trial["intermediate_values"]]
            assert values == list(zip(of_trial["epoch"], of_trial["val_accuracy"], strict=True))
            [rate] = [p for p in trial["params"] if p["name"] == "lr"]
            assert float(rate["param_external_value"]) == row["config/lr"]
            if row["status"] in ("completed", "stopped"):
                assert trial["values"] == [row["val_accuracy"]]

    assert sorted(shown) == list(range(20))
    counts = Counter(shown.values())
    assert counts == {STATES[s]: n for s, n in trials["status"].value_counts().items()}
    # the study has every state, or this would compare nothing with nothing
    assert counts["Fail"] == 2
    assert counts["Running"] == 1
    assert counts["Pruned"] >= 2
    assert counts["Complete"] >= 5
    assert (Home(tmp_path).journal).read_bytes() == before
