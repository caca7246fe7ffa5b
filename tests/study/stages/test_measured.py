"""Confirming and settling a function, whose trainings are one score each."""

import json
import signal
import subprocess
import sys
from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from study.check import main as check
from study.cost.settling import describe_settling
from study.folder.folder import Folder
from study.folder.tables import read_study
from study.running.interruption import StopRequest
from tests.study.test_trainable import DRIVER
from tests.study.tiny import TIMES, environment
from tests.study.trainable import SOURCE, TOML, run, write

CLAIM = """\
[claims.momentum]
text = "Momentum helps deep nets"
factor = "momentum"
better = 0.9
worse = 0.0
least = 0.02
"""
TEXT = f"{TOML}{CLAIM}[confirm]\nseeds = 3\n[settle]\ntrainings = 16\n"
FOLDED = TEXT.replace("trainable =", 'examples = "quadratic:labels"\ntrainable =') + (
    "[folds]\nk = 3\nsearch = false\n"
)
DIVERGING = SOURCE.replace(
    "        report(epoch,",
    '        loss += np.nan if config["net"] == "wide" and seed % 3 == 0 else 0\n'
    "        report(epoch,",
)

CLOCKS = [*TIMES, "seconds"]


class After(StopRequest):
    """Stops once it has been asked so often."""

    def __init__(self, times):
        super().__init__()
        self.left = times

    def due(self):
        self.left -= 1
        if self.left < 0:
            self.reason = self.reason or "enough"
        return super().due() or self.left < 0


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settled")
    outcome, said = run(write(folder, text=TEXT), folder / "it")
    assert outcome.interrupted is None
    return read_study(folder / "it"), said


def scores(tables, kind):
    """What trainings were and scored, whenever that was."""
    table = getattr(tables, kind)
    names = [n for n in ("arm", "seed", "fold", "row", "block", "status", "loss") if n in table]
    return table[names].reset_index(drop=True)


def test_arms_are_confirmed_on_fresh_seeds_by_the_score_on_record(settled):
    tables, said = settled
    assert tables.confirm["loss"].notna().all()
    assert len(tables.confirm) == 6
    assert tables.confirm["learned"].isna().all()
    assert not Folder(tables.folder).table("predictions").exists()
    assert "deep: 0.1" in said
    assert "nats loss [" in said
    own = tables.confirmed.set_index(["arm", tables.confirmed["against"].fillna("")])
    assert own.loc[("deep", ""), "estimate"] == pytest.approx(
        tables.confirm.loc[tables.confirm["arm"] == "deep", "loss"].mean()
    )


def test_claims_are_settled_from_seeds_alone_where_there_are_no_folds(settled):
    tables, said = settled
    claims = tables.claims[tables.claims["stage"] == "settle"].set_index("claim")
    assert claims.loc["momentum", "verdict"] == "supported"
    assert claims.loc["momentum", "low"] > 0.02
    assert set(claims["unit"]) == {"nats"}
    assert claims["n_clusters"].isna().all()
    assert tables.settle["fold"].isna().all()
    assert tables.settle["loss"].notna().all()
    assert "supported, fragile: Momentum helps deep nets (+0.2" in said
    design = json.loads(Folder(tables.folder).settle.design.read_text())
    assert design["folds"] == 1


def test_the_check_says_so_by_its_status(settled, capsys):
    tables, _ = settled
    assert check([str(tables.folder)]) == 0
    assert "momentum" in capsys.readouterr().out


def test_the_dry_run_says_what_is_left_by_the_search_s_epochs(settled):
    tables, _ = settled
    text = StringIO()
    describe_settling(
        tables.study, tables.folder, Console(file=text, width=300), trainings=24, at_a_time=1
    )
    assert "6 blocks of 4 trainings, 24 in all; each block from one fresh seed" in text.getvalue()
    assert "measured in the search: an epoch takes" in text.getvalue()
    assert "images" not in text.getvalue()


@pytest.mark.parametrize("times", [40, 75])
def test_what_was_stopped_anywhere_goes_on_to_the_same_end(tmp_path, settled, times):
    file = write(tmp_path, text=TEXT)
    outcome, _ = run(file, tmp_path / "it", stop=After(times))
    assert outcome.interrupted == "enough"
    outcome, _ = run(file, tmp_path / "it")
    assert outcome.interrupted is None
    again, before = read_study(tmp_path / "it"), settled[0]
    for kind in ("confirm", "settle"):
        pd.testing.assert_frame_equal(scores(again, kind), scores(before, kind))
    verdicts = ["claim", "stage", "estimate", "verdict"]
    pd.testing.assert_frame_equal(again.claims[verdicts], before.claims[verdicts])


KILLED_WHILE_SETTLING = "import os\nimport pathlib\nimport signal\n" + SOURCE.replace(
    "        report(",
    """\
        here = pathlib.Path(__file__).parent
        if (here / "kill").exists() and (here / "it/settle/record.jsonl").exists() and epoch == 2:
            (here / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        report(""",
)


def test_a_sigkill_while_settling_leaves_the_tables_of_an_unbroken_study(tmp_path, settled):
    file = write(tmp_path, text=TEXT, source=KILLED_WHILE_SETTLING)
    (tmp_path / "kill").touch()
    words = [sys.executable, "-c", DRIVER, str(file), str(tmp_path / "it")]
    killed = subprocess.run(words, env=environment(tmp_path), capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not Folder(tmp_path / "it").table("looks").exists()
    assert run(file, tmp_path / "it")[0].interrupted is None
    for kind in ("trials", "epochs", "confirm", "confirmed", "settle", "looks", "pairs", "claims"):
        again, before = (
            pd.read_parquet(Folder(folder).table(kind)).drop(columns=CLOCKS, errors="ignore")
            for folder in (tmp_path / "it", settled[0].folder)
        )
        pd.testing.assert_frame_equal(again, before)


def test_trainings_take_folds_in_turn_and_each_is_scored_on_its_own(tmp_path):
    outcome, said = run(write(tmp_path, text=FOLDED), tmp_path / "it")
    assert outcome.interrupted is None
    tables = read_study(tmp_path / "it")
    assert sorted(tables.confirm["fold"].unique()) == [0, 1, 2]
    assert len(tables.confirm) == 3 * 2 * 3
    own = tables.confirmed[tables.confirmed["against"].isna()]
    assert (own["n_trainings"] == 9).all()
    assert set(tables.settle["fold"]) <= {0, 1, 2}
    assert "Confirming 2 arms on 3 fresh seeds times 3 folds" in said


def test_trainings_that_diverge_are_counted_and_left_out(tmp_path):
    run(write(tmp_path, text=TEXT, source=DIVERGING), tmp_path / "it")
    tables = read_study(tmp_path / "it")
    lost = tables.settle[tables.settle["status"] == "failed"]
    assert len(lost)
    assert lost["loss"].isna().all()
    assert set(lost["arm"]) == {"wide"}
    told = " ".join(tables.claims["reason"].dropna())
    assert "failed or diverged" in told
