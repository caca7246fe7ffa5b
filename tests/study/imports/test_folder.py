import pandas as pd
import pytest

from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.tables import read_study
from study.imports.folder import Wishes, write_search
from study.imports.optuna_storage import read_optuna
from study.imports.search import Domain, Search, Trial
from tests.study.imports.searches import optuna_study
from tests.study.report.written import write_report


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    path = tmp_path_factory.mktemp("optuna") / "journal.log"
    optuna_study(path, trials=40)
    return read_optuna(str(path))


def flat(*values, **more):
    """A search without curves by one setting."""
    trials = tuple(
        Trial(name=str(n), state="completed", params={"a": n / 10}, value=value)
        for n, value in enumerate(values)
    )
    told = {"source": "it", "metric": "loss", "is_minimised": True, "trials": trials} | more
    return Search(**told)


def test_an_imported_search_is_reported(search, tmp_path):
    home = Folder(tmp_path / "theirs")
    study = write_search(search, home, Wishes(unit="nats"))
    tables = read_study(home.path)
    assert tables.study == study
    assert study.factor("momentum").when == {"optimizer": "sgd"}
    assert study.factor("layers").is_whole
    counts = tables.trials["status"].value_counts()
    for state in ("completed", "stopped", "failed"):
        assert counts[state] == sum(t.state == state for t in search.trials)
    assert tables.trials["origin"].eq("search").all()
    # too few came to their end to tell: nothing is claimed
    page = write_report(home.path).read_text()
    assert "What can this search not say?" in page
    verdicts = pd.read_parquet(home.table("importance"))["verdict"]
    assert set(verdicts) <= {"unresolved", "matters"}


def test_what_is_there_is_never_replaced(search, tmp_path):
    home = Folder(tmp_path / "theirs")
    home.path.mkdir()
    home.table("epochs").write_bytes(b"mine")
    with pytest.raises(StudyError, match=r"epochs\.parquet: it is there already"):
        write_search(search, home, Wishes())
    assert sorted(p.name for p in home.path.iterdir()) == ["epochs.parquet"]
    assert home.table("epochs").read_bytes() == b"mine"


def test_what_was_guessed_is_said_in_the_file_and_in_the_report(tmp_path):
    home = Folder(tmp_path / "theirs")
    study = write_search(flat(*range(12)), home, Wishes())
    text = home.study_file.read_text()
    assert "# guessed: what the trials tried" in text.split("[factors.a]")[0].splitlines()[-1]
    assert any("Ranges and levels of a are those that the trials tried" in n
               for n in study.imported.notes)  # fmt: skip
    assert study.imported.notes[0] in write_report(home.path).read_text()


def test_the_smallest_effect_follows_the_spread_unless_it_is_given(tmp_path):
    def scale(name, search, **wishes):
        return write_search(search, Folder(tmp_path / name), Wishes(**wishes)).imported.scale

    assert scale("a", flat(*range(101))).smallest == 2.0
    assert scale("b", flat(*range(101)), smallest=0.5).smallest == 0.5
    share = scale("c", flat(0.1, 0.5, 0.9, metric="val_acc", is_minimised=False))
    assert (share.unit, share.smallest) == ("share", 0.0025)
    assert scale("d", flat(1.0, 50.0, 90.0, metric="val_acc")).unit == ""


def test_drawn_at_random_counts_as_design_only_where_nothing_was_stopped(search, tmp_path):
    def origins(name, search):
        home = Folder(tmp_path / name)
        write_search(search, home, Wishes(at_random=True))
        return set(read_study(home.path).trials["origin"])

    assert origins("whole", flat(1.0, 2.0, 3.0)) == {"design"}
    assert origins("stopped", search) == {"search"}


def test_a_metric_that_names_another_column_is_renamed(tmp_path):
    study = write_search(flat(1.0, 2.0, metric="seed"), Folder(tmp_path / "a"), Wishes())
    assert study.metric == "metric_seed"


def curved(*trials, **more):
    """A search of trials that are their values by step and their final value."""
    return flat(
        trials=tuple(
            Trial(
                name=str(n),
                state="completed",
                params={"a": n / 10},
                curve=tuple(enumerate(map(float, curve), 1)),
                value=float(value),
            )
            for n, (curve, value) in enumerate(trials)
        ),
        **more,
    )


def test_curves_of_something_else_are_left_out(tmp_path):
    home = Folder(tmp_path / "a")
    study = write_search(curved(([0.5, 0.8], 3.0), ([0.6, 0.9], 2.0)), home, Wishes())
    assert study.imported.notes[0].startswith("Curves are left out")
    tables = read_study(home.path)
    assert tables.epochs.empty
    assert tables.trials["status"].eq("completed").all()


def test_a_final_value_that_is_the_best_of_its_curve_is_said_to_flatter(tmp_path):
    home = Folder(tmp_path / "a")
    study = write_search(curved(([3, 1, 2], 1), ([4, 2, 3], 2)), home, Wishes())
    assert "it flatters" in study.imported.notes[0]
    assert len(read_study(home.path).epochs) == 6


def test_a_search_that_varied_nothing_is_reported_as_such(tmp_path):
    home = Folder(tmp_path / "a")
    trials = [Trial(name=str(n), state="completed", params={"a": 1}, value=n) for n in range(12)]
    write_search(flat(trials=tuple(trials)), home, Wishes())
    assert "No factor was varied." in write_report(home.path).read_text()


def test_a_name_that_no_study_can_have_leaves_nothing_that_looks_like_one(tmp_path):
    home = Folder(tmp_path / "a:b")
    with pytest.raises(StudyError, match="cannot name a folder"):
        write_search(flat(1.0, 2.0), home, Wishes())
    assert not list(home.path.iterdir())


@pytest.mark.parametrize(
    ("trials", "says"),
    [
        ((), "it has no trial"),
        ((Trial(name="a", state="failed", params={"a": 1.0}),), "no trial came to its end"),
    ],
)
def test_a_search_with_nothing_to_report_leaves_no_folder(tmp_path, trials, says):
    with pytest.raises(StudyError, match=says):
        write_search(flat(trials=trials), Folder(tmp_path / "a"), Wishes())
    assert not (tmp_path / "a").exists()


def test_who_set_the_smallest_effect_is_said_only_where_the_spread_did(tmp_path):
    def notes(name, search):
        return " ".join(write_search(search, Folder(tmp_path / name), Wishes()).imported.notes)

    assert "set by the spread" in notes("loss", flat(1.0, 2.0))
    assert "set by the spread" not in notes("share", flat(0.1, 0.5, metric="val_acc"))


def test_a_value_that_was_enqueued_beside_the_declared_ones_is_a_level(tmp_path):
    tenth = {"a": Domain(choices=(0.0, 0.5))}
    trials = tuple(
        Trial(name=str(a), state="completed", params={"a": a}, domains=tenth, value=a)
        for a in (0.0, 0.3, 0.5)
    )
    home = Folder(tmp_path / "theirs")
    write_search(flat(trials=trials), home, Wishes())
    assert read_study(home.path).study.factor("a").levels == (0.0, 0.5, 0.3)


def test_values_are_those_at_the_length_that_is_asked_for(tmp_path):
    curve = ((1.0, 0.9), (2.0, 0.7), (3.0, 0.1))
    trials = tuple(
        Trial(
            name=str(n), state="completed", params={"a": n}, curve=curve[:n], value=curve[n - 1][1]
        )
        for n in (2, 3)
    )
    home = Folder(tmp_path / "theirs")
    write_search(flat(trials=trials), home, Wishes(length=2))
    table = read_study(home.path).trials
    assert table["loss"].tolist() == [0.7, 0.7]
    assert table["epochs_run"].tolist() == [2, 2]
