"""A study of a user's function, from its file to its report: stopped, killed, resumed, moved."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stdout
from io import StringIO

import optuna
import pandas as pd
import pytest
import torch
from rich.console import Console

from study.asked.study_file import load_study
from study.check import main as check
from study.cost import function as dry
from study.cost.begun import NOTHING, Begun
from study.errors import SearchError, StudyError
from study.folder.folder import Folder
from study.folder.record_lines import read_events
from study.run import main
from study.running import tune_run
from study.running.in_process import InProcess
from study.running.interruption import StopRequest
from study.running.search_state import UNLIKE
from study.running.steps import Place
from study.stages import jobs
from tests.study.report.written import write_report
from tests.study.tiny import environment, tables
from tests.study.trainable import SOURCE, TOML, forgotten, run, write

LONGER = TOML.replace("trials = 8", "trials = 24")

FOLDED = TOML.replace(
    'trainable = "quadratic:train"',
    'trainable = "quadratic:train"\nexamples = "quadratic:labels"',
).replace("[factors.net]", "[folds]\nk = 3\n[factors.net]", 1)

ON_FOLDS = SOURCE.replace(
    "    best =",
    "    train, held_out = fold\n    assert (len(train), len(held_out)) == (40, 20)\n    best =",
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished study of 24 trials; its module lies there no more."""
    home = tmp_path_factory.mktemp("searched")
    file = write(home, text=LONGER)
    outcome, said = run(file, home / "it")
    assert outcome.interrupted is None
    (home / "quadratic.py").unlink()
    return home / "it", said, outcome


def test_a_minimised_metric_is_searched_stopped_and_told_as_one(searched):
    home, said, outcome = searched
    trials = pd.read_parquet(home / "trials.parquet")
    assert trials["status"].value_counts().to_dict().keys() == {"completed", "stopped"}
    stopped, done = (trials[trials["status"] == s]["loss"] for s in ("stopped", "completed"))
    assert stopped.median() > done.median()
    best = trials[trials["status"] == "completed"].groupby("arm")["loss"].min()
    for arm in ("deep", "wide"):
        assert f"{arm}: {best[arm]:.3f} nats loss, the best of" in "\n".join(outcome.summary)
    assert "loss" in pd.read_parquet(home / "epochs.parquet").columns
    assert "Locked before the first trial" in said


def test_what_else_it_reports_has_columns(searched):
    home, _, _ = searched
    told = {n: t.epochs for n, t in Folder(home).trials().items()}
    trials, epochs = (pd.read_parquet(home / f"{t}.parquet") for t in ("trials", "epochs"))
    assert trials["norm"].tolist() == [told[n][-1]["norm"] for n in trials["number"]]
    assert epochs["norm"].tolist() == [e["norm"] for n in sorted(told) for e in told[n]]
    assert list(trials.columns[-2:]) == ["loss", "norm"]
    page = write_report(home).read_text()
    assert ">norm<" in page.split('<table id="trial-table"')[1].split("</thead>")[0]


def test_at_each_rung_the_lower_losses_go_on(searched):
    seen = {}
    for event in read_events(Folder(searched[0]).record):
        if event["event"] == "start":
            seen[event["number"]] = event
        elif "rung" in event:
            arm, epoch = seen[event["number"]]["arm"], event["epoch"]
            others = seen.setdefault((arm, epoch), [])
            is_free = seen[event["number"]]["origin"] != "search" or len(others) + 1 < 3
            lower = sum(loss < event["loss"] for loss in others)
            assert event["rung"]["promoted"] == (is_free or lower < (len(others) + 1) // 3)
            others.append(event["loss"])


def test_the_sampler_is_told_to_minimise(searched):
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(searched[0] / "journal.log"))
    )
    found = optuna.get_all_study_summaries(storage)
    assert {s.direction for s in found} == {optuna.study.StudyDirection.MINIMIZE}


def test_its_report_needs_no_module_and_says_nothing_of_faces(searched):
    page = write_report(searched[0]).read_text()
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.S)
    assert "quadratic:train" in words
    assert "SHA-256 of its module" in words
    assert "lowest final loss of a completed trial is 0." in words
    told = ("faces", "images", "pictures", "pretrained", "agecls.", "accuracy", "study.confirm")
    for word in (*told, "names one class", "models/", "test split"):
        assert word not in words, word


def test_what_it_trains_is_on_record(searched):
    known = json.loads((searched[0] / "study.json").read_text())
    assert known["data"]["path"] == "quadratic:train"
    assert len(known["data"]["fingerprint"]) == 64
    assert json.loads((searched[0] / "lock.json").read_text())["plan"]["study"]["trainable"]


def test_a_study_that_was_stopped_goes_on_to_the_tables_of_an_unbroken_one(tmp_path):
    file = write(tmp_path)
    run(file, tmp_path / "whole")

    class AfterTen(StopRequest):
        """As Ctrl-C in the third trial."""

        def due(self):
            if Folder(tmp_path / "parts").record.read_text().count('"event": "epoch"') >= 10:
                self.reason = "interrupted"
            return super().due()

    outcome, _ = run(file, tmp_path / "parts", stop=AfterTen())
    assert outcome.interrupted == "interrupted"
    assert (pd.read_parquet(tmp_path / "parts/trials.parquet")["status"] == "interrupted").any()
    assert run(file, tmp_path / "parts")[0].interrupted is None
    for whole, parts in zip(*(tables(tmp_path / n) for n in ("whole", "parts")), strict=True):
        pd.testing.assert_frame_equal(whole, parts)


KILLING = SOURCE.replace(
    "        report(", """\
        kill = pathlib.Path(__file__).with_name(f"kill-{config['net']}-{epoch}")
        if kill.exists():
            kill.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        report("""
).replace("import numpy", "import os\nimport pathlib\nimport signal\n\nimport numpy")  # fmt: skip
"""Ends its process as a lack of memory would, once for each file of such a name."""

KEEPING = KILLING.replace("    best =", """\
    class State:
        def state_dict(self): return {"x": x, "rng": rng.bit_generator.state}
        def load_state_dict(self, state):
            x[:] = state["x"]
            rng.bit_generator.state = state["rng"]
    done = report.keep(state=State())
    best =""").replace("range(1,", "range(done + 1,")  # fmt: skip

DRIVER = """
import sys
from pathlib import Path
from tests.study.trainable import run
outcome, _ = run(Path(sys.argv[1]), Path(sys.argv[2]))
assert outcome.interrupted is None
"""


@pytest.mark.parametrize(
    ("source", "kill"), [(KILLING, "kill-wide-3"), (KEEPING, "kill-deep-4")],
    ids=["begins again", "goes on"],
)  # fmt: skip
def test_a_sigkill_in_an_epoch_leaves_the_tables_of_an_unbroken_study(tmp_path, source, kill):
    file = write(tmp_path, source=source)
    run(file, tmp_path / "whole")
    (tmp_path / kill).touch()
    words = [sys.executable, "-c", DRIVER, str(file), str(tmp_path / "killed")]
    killed = subprocess.run(words, env=environment(tmp_path), capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not (tmp_path / kill).exists()
    assert run(file, tmp_path / "killed")[0].interrupted is None
    for whole, parts in zip(*(tables(tmp_path / n) for n in ("whole", "killed")), strict=True):
        pd.testing.assert_frame_equal(whole, parts)


def test_each_trial_is_validated_on_a_fold_and_the_folds_are_locked(tmp_path):
    file = write(tmp_path, text=FOLDED, source=ON_FOLDS)
    _, said = run(file, tmp_path / "it")
    assert "3 folds of 60 examples of quadratic:labels, 20 each (groups stay together)" in said
    trials = pd.read_parquet(tmp_path / "it/trials.parquet")
    assert (trials["status"] != "failed").all()
    assert set(trials["fold"]) == {0, 1, 2}
    known = json.loads((tmp_path / "it/study.json").read_text())
    lock = json.loads((tmp_path / "it/lock.json").read_text())
    assert lock["folds"]["digest"] == known["folds"]["digest"]


def test_examples_that_come_from_elsewhere_and_have_changed_are_refused(tmp_path):
    reading = ON_FOLDS.replace(
        "return [n % 3 for n in range(60)]",
        "from pathlib import Path; return [*Path(__file__ + '.labels').read_text()]",
    )
    file = write(tmp_path, text=FOLDED, source=reading)
    labels = tmp_path / "quadratic.py.labels"
    labels.write_text("012" * 20)
    run(file, tmp_path / "it", stop=StopRequest(deadline=0.0))
    labels.write_text("001" * 20)
    with pytest.raises(StudyError, match="folds of quadratic:labels are no longer those"):
        run(file, tmp_path / "it")


def test_a_changed_function_is_refused_and_a_moved_one_is_not(tmp_path, monkeypatch):
    file = write(tmp_path / "before")
    run(file, tmp_path / "it", stop=StopRequest(deadline=0.0))
    (tmp_path / "after").mkdir()
    (file.parent / "quadratic.py").rename(tmp_path / "after/quadratic.py")
    monkeypatch.chdir(tmp_path / "after")
    assert run(file, tmp_path / "it")[0].interrupted is None
    (tmp_path / "after/quadratic.py").write_text(SOURCE + "\n")
    with pytest.raises(StudyError, match=r"after/quadratic.py has changed since .*Undo the chan"):
        run(file, tmp_path / "it")


def test_a_changed_function_is_refused_before_it_is_imported(tmp_path):
    file = write(tmp_path)
    run(file, tmp_path / "it", stop=StopRequest(deadline=0.0))
    other = f"{SOURCE}\nopen({str(tmp_path / 'ran')!r}, 'w').close()\n"
    (tmp_path / "quadratic.py").write_text(other)
    with pytest.raises(StudyError, match=r"quadratic.py has changed since the study began"):
        run(file, tmp_path / "it")
    assert not (tmp_path / "ran").exists()


def test_a_worker_that_starts_after_an_edit_ends_the_run_and_fails_no_trial(tmp_path):
    file = write(tmp_path / "mine")
    run(file, tmp_path / "whole")

    class EditedAfterTen(StopRequest):
        """An editor saves in the third trial; the next one's worker has imported nothing yet."""

        def due(self):
            epochs = Folder(tmp_path / "it").record.read_text().count('"event": "epoch"')
            if epochs == 10 and "quadratic" in sys.modules:
                (file.parent / "quadratic.py").write_text(SOURCE.replace("0.1 if", "0.2 if"))
                del sys.modules["quadratic"]
            return super().due()

    outcome, _ = run(file, tmp_path / "it", stop=EditedAfterTen())
    assert outcome.failed
    assert re.search(
        r"mine/quadratic\.py has changed while the study runs .*Undo the change",
        outcome.interrupted,
    )
    assert "\n" not in outcome.interrupted
    trials = pd.read_parquet(tmp_path / "it/trials.parquet")
    assert set(trials["status"]) <= {"completed", "stopped", "interrupted"}
    (file.parent / "quadratic.py").write_text(SOURCE)
    assert run(file, tmp_path / "it")[0].interrupted is None
    for whole, parts in zip(*(tables(tmp_path / n) for n in ("whole", "it")), strict=True):
        pd.testing.assert_frame_equal(whole, parts)


def test_a_module_that_goes_while_its_study_runs_ends_the_run_and_fails_no_trial(tmp_path):
    file = write(tmp_path / "mine")
    module = file.parent / "quadratic.py"

    class GoneAfterTen(StopRequest):
        """It is moved in the third trial; the next one's worker has imported nothing yet."""

        def due(self):
            epochs = Folder(tmp_path / "it").record.read_text().count('"event": "epoch"')
            if epochs == 10 and "quadratic" in sys.modules:
                module.unlink()
                shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
                del sys.modules["quadratic"]
            return super().due()

    outcome, _ = run(file, tmp_path / "it", stop=GoneAfterTen())
    assert outcome.failed
    assert re.search(r"its module has gone \(.*Bring it back, and --resume", outcome.interrupted)
    trials = pd.read_parquet(tmp_path / "it/trials.parquet")
    assert set(trials["status"]) <= {"completed", "stopped", "interrupted"}


UNSEEDED = SOURCE.replace("default_rng(seed)", "default_rng()").replace("0.01 *", "1.0 *")


@pytest.mark.parametrize(("source", "is_unlike"), [(UNSEEDED, True), (SOURCE, False)])
def test_a_trial_that_begins_again_and_does_not_repeat_itself_is_marked(
    tmp_path, source, is_unlike
):
    file = write(tmp_path, source=source)

    class InTheThird(StopRequest):
        def due(self):
            if Folder(tmp_path / "it").record.read_text().count('"event": "epoch"') == 10:
                self.reason = "interrupted"
            return super().due()

    assert run(file, tmp_path / "it", stop=InTheThird())[0].interrupted
    outcome, _ = run(file, tmp_path / "it")
    assert ("t00002 began again and told another loss" in "\n".join(outcome.summary)) is is_unlike
    trials = Folder(tmp_path / "it").trials().values()
    assert sum(UNLIKE in epoch for trial in trials for epoch in trial.epochs) == is_unlike


def test_a_function_that_always_fails_ends_the_study_with_its_reason_and_a_report(tmp_path):
    file = write(tmp_path, source=SOURCE.replace("x -= speed", "x -= spede"))
    outcome, _ = run(file, tmp_path / "it")
    assert outcome.failed
    assert "the first 3 trials failed" in outcome.interrupted
    assert "NameError: name 'spede' is not defined" in outcome.interrupted
    assert "(quadratic.py:10)" in outcome.interrupted
    assert outcome.report.is_file()


def test_diverged_trials_are_an_outcome_and_other_errors_are_not(tmp_path):
    source = SOURCE.replace(
        "        report(",
        '        if config["net"] == "wide" and config["width"] > 4:\n'
        '            raise ValueError("this loss is bad")\n'
        '        loss = loss if config["net"] == "wide" else float("nan")\n'
        "        report(",
    )
    file = write(tmp_path, source=source)
    run(file, tmp_path / "it")
    from study.analysis.search.frames import tidy

    table = pd.read_parquet(tmp_path / "it/trials.parquet")
    found = tidy(load_study(file), table, pd.read_parquet(tmp_path / "it/epochs.parquet"))
    outcomes = found.trials.groupby(table["error"].fillna("").str[:10])["outcome"].unique()
    assert outcomes["diverged: "].tolist() == ["collapsed"]
    assert outcomes["ValueError"].tolist() == ["lost"]


def test_what_the_function_never_looks_at_is_told(tmp_path):
    file = write(tmp_path, source=SOURCE.replace('/ config["width"]', ""))
    outcome, _ = run(file, tmp_path / "it")
    said = [line for line in outcome.summary if "never looked" in line]
    assert said == ['quadratic:train never looked at config["width"], so that it changes nothing']


@pytest.mark.parametrize("stage", ["study.confirm --external"])
def test_stages_that_read_predictions_are_refused(searched, stage):
    study = load_study(Folder(searched[0]).study_file)
    with pytest.raises(StudyError, match="asks for what our own nets predict"):
        jobs.refuse_function(study, stage)


def dry_run(file, *, begun=NOTHING, **place):
    text = StringIO()
    with forgotten():
        dry.describe_function(
            load_study(file),
            Console(file=text, width=300),
            at_a_time=2,
            place=Place(**place),
            near=file.parent,
            begun=begun,
        )
    return text.getvalue()


def test_a_dry_run_says_what_the_first_epochs_took_and_leaves_nothing(tmp_path):
    file = write(tmp_path, text=FOLDED, source=ON_FOLDS)
    said = dry_run(file)
    assert "8 trials in 2 arms: 4 design, 4 search" in said
    assert "measured on the first trial: an epoch takes" in said
    assert "3 folds of 60 examples" in said
    assert "Calling quadratic:train with 1 thread, at most 20 s" in said
    assert {p.name for p in tmp_path.iterdir()} - {"__pycache__"} == {"it.toml", "quadratic.py"}


def test_a_dry_run_does_not_price_fresh_seeds_that_are_on_record(tmp_path):
    file = write(tmp_path, text=f"{TOML}[confirm]\nseeds = 2\n")
    assert "2 fresh seeds of each arm, 4 trainings that take" in dry_run(file)
    said = dry_run(file, begun=Begun(n_confirmed=3))
    assert "2 fresh seeds of each arm, 1 training that takes" in said
    assert "confirming" not in dry_run(file, begun=Begun(n_confirmed=4))


def test_a_dry_run_of_a_slow_function_says_that_nobody_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(dry, "MOST_SECONDS", 0.2)
    slow = "        __import__('time').sleep(1)\n        report("
    file = write(tmp_path, source=SOURCE.replace("        report(", slow))
    assert "cost unknown: the first trial reported nothing" in dry_run(file)
    assert not [thread for thread in threading.enumerate() if thread.name == "trial"]


def test_a_dry_run_gives_the_function_what_a_trial_has(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asking = SOURCE.replace("    rng =", "    print(torch.get_num_threads())\n    rng =")
    file, before = write(tmp_path, source=f"import torch\n{asking}"), torch.get_num_threads()
    try:
        with redirect_stdout(StringIO()) as printed:
            said = dry_run(file, threads=before + 1, wants_gpu=True)
    finally:
        torch.set_num_threads(before)
    assert f"with {before + 1} threads and a GPU, at most" in said
    assert printed.getvalue() == f"{before + 1}\n"


def test_a_dry_run_of_a_function_that_fails_says_why(tmp_path):
    file = write(tmp_path, source=SOURCE.replace('{"loss": loss,', "{"))
    with pytest.raises(SearchError, match=r"the first trial fails: .*`loss` was not reported"):
        dry_run(file)


def test_the_command_finds_the_module_beside_its_file(tmp_path, capsys, monkeypatch):
    file = write(tmp_path / "mine")
    monkeypatch.setattr(tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=trainer))
    words = ["--out", str(tmp_path / "results")]
    with forgotten():
        assert main([str(file), *words]) == 0
    home = tmp_path / "results/it"
    assert load_study(home / "study.toml").trainable.folder == str(tmp_path / "mine")
    with forgotten():
        assert main(["--resume", "it", "--trials", "10", *words]) == 0
        assert main([str(file), "--resume", "it", "--trials", "11", *words]) == 0
    with forgotten():
        assert main(["--resume", "it", "--trials", "15", "--by-design", *words]) == 0
        # more trials than were added so far
        assert main(["--resume", "it", "--trials", "24", *words]) == 0
        # a search that is planned does not become a design; what was asked for before goes on
        assert main(["--resume", "it", "--trials", "24", "--by-design", *words]) == 2
        assert "it: its 24 trials are planned, the last ones as" in capsys.readouterr().err
        assert main(["--resume", "it", "--trials", "26", "--by-design", *words]) == 0
        assert main(["--resume", "it", "--trials", "26", "--by-design", "--dry-run", *words]) == 0
        capsys.readouterr()
        assert main(["--resume", "it", "--trials", "28", "--by-design", "--dry-run", *words]) == 0
        said = capsys.readouterr().out
        assert "28 trials in 2 arms: " in said
        assert "26 of these have ended; left: 2 design" in said
        assert "trials at a time what is left of the search takes" in said
    assert load_study(home / "study.toml").added_design == ((11, 4), (24, 2))
    trials = pd.read_parquet(home / "trials.parquet")
    assert trials["origin"].tolist()[8:] == [
        *["search"] * 3,
        *["design"] * 4,
        *["search"] * 9,
        *["design"] * 2,
    ]
    ended = trials[trials["origin"] == "design"]
    assert (ended["epochs_run"] == ended["epochs_planned"]).all()
    assert check(["it", *words]) == 4
    written = (home / "study.toml").read_text()
    capsys.readouterr()
    for looks in ("[[11, 4]]", "[[11, 2], [13, 2], [24, 2]]"):  # fewer and more than there were
        (home / "study.toml").write_text(written.replace("[[11, 4], [24, 2]]", looks))
        assert check(["it", *words]) == 5
        assert "is not the one of [study] added and added_design" in capsys.readouterr().err
    (home / "study.toml").write_text(written)
    assert main([str(file), "--trials", "15", "--by-design", *words]) == 2
    assert main(["--resume", "it", "--by-design", *words]) == 2
    capsys.readouterr()
    (tmp_path / "mine/quadratic.py").unlink()
    assert main(["--resume", "it", "--trials", "12", *words]) == 2
    assert "it: it has 26 trials; --trials takes as many or more" in capsys.readouterr().err
    assert main(["--resume", "it", "--trials", "27", *words]) == 2
    assert "there is no module `quadratic` in" in capsys.readouterr().err
    assert main([str(file), "--benchmark", *words]) == 2


def test_the_module_is_held_against_the_lock_unread(searched, tmp_path, capsys):
    module = tmp_path / "quadratic.py"
    module.write_text(SOURCE)
    assert check([str(searched[0]), "--data", str(tmp_path)]) == 4  # as locked; a claim is open
    module.write_text("raise SystemExit('imported')")
    assert check([str(searched[0]), "--data", str(tmp_path)]) == 5
    assert "data: fingerprint: " in capsys.readouterr().err
    module.unlink()
    assert check([str(searched[0]), "--data", str(tmp_path)]) == 5
    assert "quadratic: no such module in" in capsys.readouterr().err


def test_a_folder_without_the_module_is_not_checked_by_an_installed_one(
    searched, tmp_path, capsys, monkeypatch
):
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed/quadratic.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path / "installed")
    assert check([str(searched[0]), "--data", str(tmp_path)]) == 5
    assert f"quadratic: no such module in {tmp_path};" in capsys.readouterr().err
