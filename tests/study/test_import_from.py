from pathlib import Path

import pytest

from study.import_from import main
from study.report.__main__ import main as report
from tests.study.imports.searches import optuna_study, ray_state, ray_trial


def run(capsys, *arguments):
    status = main([str(a) for a in arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_a_journal_becomes_a_study_that_is_reported(tmp_path, capsys):
    journal = tmp_path / "journal.log"
    optuna_study(journal, trials=20)
    status, out, _ = run(capsys, "optuna", journal, "theirs", "--out", tmp_path, "--unit", "nats")
    assert status == 0
    assert out.splitlines()[0] == str(tmp_path / "theirs" / "study.toml")
    assert report(["theirs", "--out", str(tmp_path), "--format", "md"]) == 0
    summary = Path(capsys.readouterr().out.strip()).read_text()
    assert "imported from Optuna" in summary
    again, _, err = run(capsys, "optuna", journal, "theirs", "--out", tmp_path)
    assert again == 2
    assert "it is there already; choose another NAME" in err


def test_an_experiment_becomes_a_study(tmp_path, capsys):
    home = tmp_path / "exp"
    configs = [{"lr": 0.1 / (k + 1), "net": ["ORG", "mlp"][k % 2]} for k in range(12)]
    states = {
        ray_trial(home, k, config, [1.0, config["lr"]]): ("TERMINATED", config)
        for k, config in enumerate(configs)
    }
    ray_state(home, states)
    status, out, _ = run(capsys, "ray", home, "theirs", "--out", tmp_path, "--random")
    assert status == 0
    assert "Ranges and levels of lr and net are those that the trials tried" in out


def test_a_table_becomes_a_study(tmp_path, capsys):
    table = tmp_path / "runs.csv"
    table.write_text("lr,acc\n" + "".join(f"{k / 10},{k / 20}\n" for k in range(1, 12)))
    arguments = ("table", table, "theirs", "--out", tmp_path, "--metric", "acc")
    status, _, err = run(capsys, *arguments)
    assert (status, "give --factors" in err) == (2, True)
    assert run(capsys, *arguments, "--factors", "lr")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("optuna", "none.log", "x"), "none.log: no such file"),
        (("ray", "none", "x"), "none: no such folder"),
        (("table", "none.csv", "x"), "a table needs --metric"),
        (("table", "none.csv", "x", "--metric", "a"), "none.csv: no such file"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, arguments, says):
    status, _, err = run(capsys, *arguments, "--out", tmp_path)
    assert status == 2
    assert says in err
    assert len(err.splitlines()) == 1
