"""The answer for programs: as its schema says, as the report says, and soon."""

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study.analysis import conclude
from study.asked.plans import PretrainPlan
from study.folder.folder import Folder
from study.folder.parquet import as_table
from study.folder.tables import StudyTables, read_concluded, read_study
from study.report.__main__ import main
from study.report.head.digest import digest_of
from study.report.programs.answer import answer, answer_json
from tests.json_schema import problems
from tests.study import imported
from tests.study.report.confirming import confirm_study
from tests.study.report.simulated import simplest_frame

SCHEMA = json.loads(
    (resources.files("study.report.programs") / "answer.schema.json").read_text(encoding="utf-8")
)


def refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def read(text: str) -> dict[str, Any]:
    """Strictly: the standard library's reader takes NaN."""
    found = json.loads(text, parse_constant=refused)
    assert isinstance(found, dict)
    return found


def of(tables: StudyTables) -> dict[str, Any]:
    return answer(digest_of(tables))


def test_a_search_alone_is_as_the_schema_says(folder: Path) -> None:
    found = read(answer_json(folder))
    assert problems(found, SCHEMA, SCHEMA) == []
    assert found["best"]["chosen_by"] == "search"
    assert len({check["code"] for check in found["checks"]}) >= 20
    assert {check["outcome"] for check in found["checks"]} > {"passed"}
    assert found["best"]["use"] is None  # nobody kept a model
    assert found["best"]["recipe"]["variant"] == found["best"]["arm"].partition("-")[0]
    assert [one["arm"] for one in found["simplest"]] == [arm["arm"] for arm in found["arms"]]


def test_a_study_without_conclusions_or_provenance_is_too(folder: Path) -> None:
    (folder / "study.json").unlink()
    found = of(read_study(folder))  # not analysed
    assert problems(found, SCHEMA, SCHEMA) == []
    assert [claim["verdict"] for claim in found["claims"]] == [None]
    assert found["claims"][0]["declared"] == {"when": "unknown", "at": None}
    assert {factor["verdict"] for factor in found["factors"]} == {None}


def test_fresh_seeds_count_and_say_on_what_they_rest(confirmed_tables: StudyTables) -> None:
    found = of(confirmed_tables)
    assert problems(found, SCHEMA, SCHEMA) == []
    [claim] = found["claims"]
    assert (claim["verdict"], claim["stage"], claim["split"]) == ("supported", "confirm", "test")
    assert claim["interval"][0] < claim["estimate"] < claim["interval"][1]
    assert claim["n"]["images"] == 600
    assert claim["n"]["clusters"] == 100
    assert [stage["stage"] for stage in claim["stages"]] == ["confirm", "search"]
    best = next(arm for arm in found["arms"] if arm["arm"] == found["best"]["arm"])
    assert found["best"]["chosen_by"] == "confirm"
    assert best["levels"]["init"] == "pretrained"
    gaps = {other["arm"]: other["estimate"] for other in best["confirmed"]["above"]}
    assert gaps["org-scratch"] == pytest.approx(0.09, abs=0.05)


def test_the_simplest_recipe_says_what_it_gives_up_and_how_sure_that_is(
    tables: StudyTables,
) -> None:
    found = of(tables.having(simplest=simplest_frame()))
    assert problems(found, SCHEMA, SCHEMA) == []
    told, untold = found["simplest"]
    assert told["recipe"] == {"variant": "org", "init": "pretrained", "optimizer": "sgd"} | {
        "lr": 0.01, "weight_decay": 0.0005, "batch_size": 64
    }  # fmt: skip
    assert (told["trial"], told["unit"], told["margin"], told["needed"]) == (9, "points", 1.0, 0.9)
    assert told["gives_up"] == {"estimate": 0.4, "interval": [-0.2, 0.9]}
    assert told["probability"] == 0.96
    assert [step["factor"] for step in told["moved"]] == ["batch_size", "weight_decay"]
    [kept] = told["kept"]
    assert (kept["from"], kept["default"]) == ("0.01", "0.003")
    assert kept["reason"] == "within 1 point with probability 0.30"
    assert told["reason"] is None
    assert (untold["recipe"], untold["gives_up"], untold["moved"]) == (None, None, [])
    assert untold["reason"].startswith("3 full-length trials")


def test_a_row_without_a_stage_is_the_search_s_as_in_the_ledger(tables: StudyTables) -> None:
    """Another tool wrote it."""
    frame = pd.DataFrame(
        {"claim": ["transfer_helps"], "estimate": [40.0], "low": [-1.0], "high": [81.0],
         "verdict": ["unresolved"]}
    )  # fmt: skip
    found = of(tables.having(claims=as_table(frame, "claims")))
    [claim] = found["claims"]
    assert claim["verdict"] == "unresolved"
    assert len(claim["stages"]) == 1


def test_folds_are_counted_once(folder: Path) -> None:
    worth = {"org-scratch": 0.4, "org-pretrained": 0.5, "bcd-scratch": 0.4, "bcd-pretrained": 0.5}
    confirm_study(folder, worth, has_test=False, n_reads=0, folds=3, n_images=120, n_seeds=3)
    [claim] = of(read_study(folder))["claims"]
    assert (claim["stage"], claim["n"]["images"]) == ("confirm", 120)


def test_what_the_search_says_of_factors_is_in_the_tables(folder: Path) -> None:
    found = of(conclude(folder).tables)
    factors = {factor["factor"]: factor for factor in found["factors"]}
    assert list(factors) == [f.name for f in read_study(folder).study.factors]
    table = pd.read_parquet(folder / "importance.parquet").set_index("factor")
    assert factors["lr"]["share"]["estimate"] == table.loc["lr", "share"]
    [average, tuned] = factors["init"]["contrasts"]
    assert average["levels"] == tuned["levels"] == ["scratch", "pretrained"]
    assert average["interval"][1] < 0  # pretraining is worth points
    assert len(found["contrasts_of_arms"]) == 12
    assert factors["label_smoothing"]["share"] is None


def test_an_imported_search_answers_in_the_unit_of_its_own_metric(tmp_path: Path) -> None:
    found = read(answer_json(imported.write(tmp_path / "theirs", *imported.tables()).path))
    assert problems(found, SCHEMA, SCHEMA) == []
    assert found["direction"] == "minimize"
    assert [claim["unit"] for claim in found["claims"]] == ["metric", "share"]


def test_the_command_prints_it_and_writes_nothing_but_tables(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--format", "json"]) == 0
    assert read(capsys.readouterr().out)["study"] == "demo"
    assert {path.suffix for path in folder.iterdir()} <= {".parquet", ".toml", ".json"}


def test_one_claim_is_asked_for_by_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--format", "json", "--claim", "transfer_helps"]) == 0
    found = read(capsys.readouterr().out)
    claim = found.pop("claim")
    assert claim["id"] == "transfer_helps"
    assert problems(claim, SCHEMA["$defs"]["claim"], SCHEMA) == []
    assert found["version"] == SCHEMA["properties"]["version"]["const"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--format", "json", "--claim", "x"], "--claim x: demo has no such claim; there are tr"),
        (["--claim", "x"], "--claim is for --format json"),
        (["demo", "--format", "json"], "--format json is of one study"),
    ],
)
def test_what_cannot_be_printed_is_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert main([str(folder), *words, "--out", str(folder.parent)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert line in told.err
    assert told.err.count("\n") == 1


def test_conclusions_are_read_unless_facts_are_newer(folder: Path) -> None:
    assert read_concluded(folder) is None
    conclude(folder)
    assert of(conclude(folder).tables) == read(answer_json(folder))
    later = Folder(folder).table("importance").stat().st_mtime_ns + 1_000_000
    os.utime(Folder(folder).table("trials"), ns=(later, later))
    assert read_concluded(folder) is None
    conclude(folder)
    assert read_concluded(folder) is not None


LARGE = """
import json, sys, time
from pathlib import Path
from study.report.__main__ import main
status = main([sys.argv[1], "--format", "json"])
sys.stderr.write(f"{time.process_time()} {status}")
"""


@pytest.mark.slow
def test_a_hundred_thousand_trials_are_answered_within_two_seconds(tmp_path: Path) -> None:
    """Of processor, from the interpreter's start, once what follows is written."""
    from tests.study.report.simulated import a_study, provenance, simulate, written

    plan = PretrainPlan(data="synthetic-source", epochs=1)
    study = a_study(trials=100_000, epochs=10, pretrain=plan)
    folder = written(tmp_path / "large", study, *simulate(study, 100_000), provenance())
    conclude(folder)
    command = [sys.executable, "-c", LARGE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, status = done.stderr.split()
    assert status == "0"
    assert read(done.stdout)["provenance"]["trials"]["in_table"] == 100_000
    assert float(seconds) <= 2
