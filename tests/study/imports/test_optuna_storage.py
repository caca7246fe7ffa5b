import pickle
import sqlite3
from contextlib import closing

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import create_trial

from study.errors import StudyError
from study.imports.optuna_storage import read_optuna, search_of
from tests.study.imports.searches import EPOCHS, optuna_study


@pytest.fixture(scope="module", params=["journal.log", "optuna.db"])
def stored(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("optuna") / request.param
    return path, optuna_study(path, trials=30)


def test_each_storage_says_what_optuna_says(stored):
    path, theirs = stored
    search = read_optuna(str(path))
    assert search.is_minimised
    assert f"study theirs in {path}" in search.source
    assert [t.name for t in search.trials] == [str(t.number) for t in theirs.trials]
    states = {"completed": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}
    assert [states[t.state] for t in search.trials] == [t.state.name for t in theirs.trials]
    for mine, other in zip(search.trials, theirs.trials, strict=True):
        assert mine.params == other.params
        assert [v for _, v in mine.curve] == list(other.intermediate_values.values())
        if mine.state == "completed":
            assert mine.value == other.value
            assert len(mine.curve) == EPOCHS


def test_ranges_are_those_of_the_distributions(stored):
    domains = next(t for t in read_optuna(str(stored[0])).trials if "momentum" in t.params).domains
    assert (domains["rate"].low, domains["rate"].high, domains["rate"].is_log) == (1e-5, 0.1, True)
    assert domains["layers"].is_whole
    assert domains["net"].choices == ("ORG", "mlp", None)


def test_a_number_of_few_steps_has_levels():
    theirs = optuna.create_study()
    theirs.add_trial(
        create_trial(
            params={"units": 64, "width": 0.5, "depth": 3},
            distributions={
                "units": IntDistribution(32, 96, step=32),
                "width": FloatDistribution(0.0, 1.0, step=0.01),
                "depth": IntDistribution(1, 4),
            },
            value=0.0,
        )
    )
    [trial] = search_of(theirs, "memory").trials
    assert trial.domains["units"].choices == (32, 64, 96)
    assert (trial.domains["width"].low, trial.domains["width"].high) == (0.0, 1.0)
    assert trial.domains["depth"].choices == ()


def test_a_study_is_asked_for_where_there_are_several(tmp_path):
    path = tmp_path / "two.db"
    for name in ("a", "b"):
        optuna_study(path, trials=1, name=name)
    with pytest.raises(StudyError, match="several studies; name one by --study, there are: a, b"):
        read_optuna(str(path))
    with pytest.raises(StudyError, match="no study c"):
        read_optuna(str(path), "c")
    assert len(read_optuna(str(path), "b").trials) == 1


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_nothing_is_made_where_nothing_was(tmp_path, form):
    path = tmp_path / "none.db"
    with pytest.raises(StudyError, match="no such file"):
        read_optuna(form.format(path))
    assert not path.exists()


def test_a_file_that_is_no_storage_is_one_line(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(StudyError, match=r"notes\.txt: (Optuna cannot read it|no study)"):
        read_optuna(str(path))


def test_what_is_damaged_inside_a_storage_is_one_line(tmp_path):
    path = tmp_path / "damaged.db"
    optuna_study(path, trials=2)
    with sqlite3.connect(path) as opened:
        opened.execute("update trial_params set distribution_json = '{'")
    with pytest.raises(StudyError, match=r"damaged\.db: Optuna cannot read it") as told:
        read_optuna(str(path))
    assert "\n" not in str(told.value)


def test_a_journal_cut_short_is_read_up_to_there(tmp_path):
    """As a full disk leaves it; Optuna itself spoils it by going on.

    See findings/optuna-journal-full-disk.sh.
    """
    path = tmp_path / "journal.log"
    optuna_study(path, trials=3)
    whole = read_optuna(str(path)).trials
    path.write_bytes(path.read_bytes()[:-5])
    read = read_optuna(str(path)).trials
    assert read[:-1] == whole[:-1]
    assert read[-1].state == "interrupted"


def test_several_objectives_are_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'two.db'}"
    optuna.create_study(storage=url, directions=["minimize", "maximize"], study_name="two")
    with pytest.raises(StudyError, match="2 objectives"):
        read_optuna(url)


def test_a_password_is_told_to_nobody():
    with pytest.raises(StudyError) as told:
        read_optuna("nothing://user:secret@host/db")
    assert "secret" not in str(told.value)


def test_running_and_waiting_trials_are_told_apart(tmp_path):
    path = tmp_path / "open.db"
    study = optuna_study(path, trials=2)
    study.ask()
    study.enqueue_trial({"rate": 1e-3})
    search = read_optuna(str(path))
    assert [t.state for t in search.trials[2:]] == ["interrupted"]
    assert search.notes == ("Trials that waited and never began are left out: 1.",)


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    path = tmp_path / "open.db"
    optuna_study(path, trials=1)
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "load", None)
    assert read_optuna(str(path)).trials


def test_a_step_of_a_tenth_has_the_levels_that_people_read():
    theirs = optuna.create_study()
    tenths = {"width": FloatDistribution(0.1, 0.5, step=0.1)}
    for value in (0.1 + 2 * 0.1, 0.3):  # as a sampler adds it up, and as somebody enqueued it
        theirs.add_trial(create_trial(params={"width": value}, distributions=tenths, value=0.0))
    trials = search_of(theirs, "memory").trials
    assert trials[0].domains["width"].choices == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert [trial.params for trial in trials] == [{"width": 0.3}] * 2


def test_a_database_of_something_else_gets_no_tables(tmp_path):
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as theirs, theirs:
        theirs.execute("create table faces (name text)")
    for storage in (str(path), f"sqlite:///{path}"):
        with pytest.raises(StudyError, match="Optuna cannot read it"):
            read_optuna(storage)
    with closing(sqlite3.connect(path)) as theirs:
        assert theirs.execute("select name from sqlite_master").fetchall() == [("faces",)]


def test_no_complaint_of_a_study_tells_the_password():
    with pytest.raises(StudyError, match="2 objectives") as told:
        search_of(optuna.create_study(directions=["minimize"] * 2), "mysql://me:secret@host/db")
    assert "secret" not in str(told.value)
