import json
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from agecls.faces.face_set import FaceSet, draw_face_set
from study.analysis.search import answers
from study.asked.study_file import load_study
from study.confirm import parser as confirm_parser
from study.folder.parquet import read_table
from study.running import tune_run
from study.running.in_process import InProcess
from study.settle import main, parser
from tests.study.staged import write_search
from tests.study.stages.test_settle import CLAIMS, Guessing
from tests.study.tiny import study_text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study searched elsewhere and copied here: tables, study file and faces, no record."""
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    faces = tmp_path / "faces"
    draw_face_set(faces, FaceSet(families=24, val_families=8, test_families=0, size=16))
    text = study_text("elsewhere", trials=4) + CLAIMS.replace("[1, 2]", "[2, 3]")
    (tmp_path / "tiny.toml").write_text(text)
    write_search(load_study(tmp_path / "tiny.toml"), tmp_path / "it", lr=0.01, epochs=2)
    return tmp_path / "it"


def test_help_answers_without_heavy_imports():
    code = (
        "import sys; from study.settle import parser; parser().format_help();"
        "print(sorted({'torch', 'ray', 'pandas', 'optuna', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_where_data_and_weights_lie_now_is_asked_as_the_confirm_stage_asks():
    ours, theirs = parser().format_help(), confirm_parser().format_help()
    for words in ("where the study's images lie now", "where the study's weights lie now"):
        assert words in ours
        assert words in theirs


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nobody"], "nobody: no such study"),
        (["nobody", "--trainings", "0"], "'0' is not a whole number of at least 1"),
        (["nobody", "--time-budget", "soon"], "'soon' is no length of time"),
    ],
)
def test_bad_input_is_status_2_and_one_line(capsys, words, expected):
    try:
        status = main(words)
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert expected in capsys.readouterr().err


def test_a_dry_run_tells_rows_blocks_cost_and_intervals_and_writes_nothing(folder, capsys):
    before = sorted(folder.rglob("*"))
    words = [str(folder), "--data", str(folder.parent / "faces"), "--trainings", "40"]
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "rate_matters is not asked and keeps its answer" in said
    assert "10 blocks of 4 trainings, 40 in all; each block on one of 5 folds" in said
    assert "images/s on one thread; 100 epochs take" in said
    row = next(line for line in said.splitlines() if line.startswith("BCD beats ORG"))
    assert row.count("±") == 2
    assert sorted(folder.rglob("*")) == before


def test_a_claim_about_shares_is_told_with_the_trials_that_would_settle_it(
    folder, capsys, monkeypatch, in_process
):
    plan = {"kind": "claim", "name": "rate_matters", "n_now": 4, "n_needed": 8, "advice": ""}
    plan["n_at_next_look"] = 10
    known = SimpleNamespace(power=pd.DataFrame([plan]))
    monkeypatch.setattr(answers, "analyse", lambda *tables, **given: known)
    words = [str(folder), "--data", str(folder.parent / "faces"), "--trainings", "4"]
    command = f"--resume it --out {folder.parent} --trials 10 --by-design"
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "about 6 more design trials at full length, 10 in all" in said
    assert command in said
    assert main(words) == 0
    assert (
        command
        in json.loads((folder / "study.json").read_text())["settle"]["unasked"]["rate_matters"]
    )
    # a design that is there is told by what is known now
    known.power["n_at_next_look"] = 20
    assert main([*words, "--dry-run"]) == 0
    assert "20 in all" in capsys.readouterr().out


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=Guessing))


def test_a_dry_run_of_a_longer_plan_tells_its_own_end_and_what_is_left(folder, capsys, in_process):
    words = [str(folder), "--data", str(folder.parent / "faces")]
    assert main([*words, "--trainings", "4"]) == 0

    def told(trainings):
        capsys.readouterr()
        assert main([*words, "--trainings", trainings, "--dry-run"]) == 0
        said = capsys.readouterr().out
        row = next(line for line in said.splitlines() if line.startswith("BCD beats ORG"))
        return said, float(row.split("±")[1].split()[0])

    first, wide = told("4")
    assert "4 trainings of these stand on record already" in first
    assert "0 epochs take" in first
    longer, narrow = told("40")
    assert "10 blocks of 4 trainings, 40 in all" in longer
    assert "90 epochs take" in longer  # 100 of all blocks, 10 of the first
    assert narrow < wide


def test_a_dry_run_refuses_what_the_stage_would(folder, capsys, in_process):
    words = [str(folder), "--data", str(folder.parent / "faces"), "--trainings", "4"]
    assert main(words) == 0
    path = folder / "study.toml"
    whole = path.read_text()
    path.write_text(whole.replace("least = 1.0", "least = 2.0"))
    assert main([*words, "--dry-run"]) == 2
    assert "the claim bcd_better has changed since the design" in capsys.readouterr().err
    path.write_text(whole.replace("[settle]", "[folds]\nk = 3\n[settle]"))
    assert main([*words, "--dry-run"]) == 2
    assert "drawn for 5 folds, and [folds] k is 3 now" in capsys.readouterr().err


def test_an_interrupted_dry_run_tells_of_nothing_to_go_on_with(folder, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    before = sorted(folder.rglob("*"))
    monkeypatch.setattr("study.cost.settling.study_faces", interrupted)
    assert main([str(folder), "--trainings", "8", "--dry-run"]) == 130
    assert capsys.readouterr().err == "study.settle: interrupted\n"
    assert sorted(folder.rglob("*")) == before


def test_the_command_settles_a_study_that_was_searched_elsewhere(folder, in_process, capsys):
    words = [str(folder), "--data", str(folder.parent / "faces")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "supported: BCD beats ORG" in said
    claims = read_table(folder / "claims.parquet", "claims")
    assert set(claims["stage"]) == {"search", "settle"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "What do trainings spent on verdicts say?" in page
    told = json.loads((folder / "study.json").read_text())["settle"]
    assert told["asked"] == ["bcd_better", "longer_equal"]
    assert told["folds"] == 5


def test_what_stops_it_is_status_130_and_the_way_to_go_on(folder, in_process, capsys):
    words = [str(folder), "--data", str(folder.parent / "faces"), "--trainings", "24"]
    assert main([*words, "--time-budget", "0.000001s"]) == 130
    last = capsys.readouterr().out.splitlines()[-1]
    told = shlex.split(last.partition("Go on with: ")[2])
    assert told[:3] == ["python", "-m", "study.settle"]
    again = vars(parser().parse_args(told[3:]))
    assert again == vars(parser().parse_args(words))
