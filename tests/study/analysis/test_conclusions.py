"""One writer of conclusions, from facts alone."""

import ast
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import study
from study.analysis import conclude, forget
from study.analysis.checks import table
from study.asked.study_file import load_study
from study.errors import TablesError
from study.folder.folder import Folder
from study.folder.parquet import read_table, write_table
from study.folder.tables import read_study
from tests.small_studies import plain_toml
from tests.study import staged
from tests.study.analysis.confirm.test_confirmed import drawn
from tests.study.staged import reads

HOUSE = Path(study.__file__).parent
RESULTS = Path(__file__).resolve().parents[3] / "results"
CONCLUDED = (
    "importance", "interactions", "marginals", "simplest", "claims", "confirmed", "external",
)  # fmt: skip

STUDY = f"""
{plain_toml(trials=4)}[claims.better]
text = "The second is better"
factor = "variant"
better = "bcd"
worse = "org"
least = 1.0
[claims.holds]
text = "Models hold on other faces"
drop_at_most = 30.0
"""


@pytest.fixture(scope="module")
def _facts(tmp_path_factory):
    """A folder of facts: a search, confirmed models and their predictions here and elsewhere."""
    root = tmp_path_factory.mktemp("facts")
    (root / "it.toml").write_text(STUDY)
    asked = load_study(root / "it.toml")
    folder = root / "it"
    staged.write_search(asked, folder, lr=0.01)
    models, predictions = drawn({"org": 0.4, "bcd": 0.6}, n_seeds=3, n=120)
    write_table(folder / "predictions.parquet", predictions, "predictions", study_name="it")
    models = models[["model", "arm", "seed"]].assign(status="completed", search_best_value=0.5)
    write_table(folder / "confirm.parquet", models, "confirm", study_name="it")
    home = Folder(folder).confirm.external("street")
    home.path.mkdir(parents=True)
    home.described.write_text(json.dumps({"fingerprint": "f", "path": "p", "seen": {}}))
    _, there = drawn({"org": 0.3, "bcd": 0.5}, n_seeds=3, n=90, seed=7)
    there = there[there["split"] == "test"].assign(split="street", is_duplicate=False)
    for model, part in there.groupby("model"):
        write_table(home.predictions(model), part, "predictions", study_name="it")
    return folder


@pytest.fixture
def facts(_facts, tmp_path):
    return Path(shutil.copytree(_facts, tmp_path / "it"))


def concluded(folder):
    return {kind: read_table(folder / f"{kind}.parquet", kind) for kind in (*CONCLUDED, "confirm")}


def of_any_folder(folder):
    """The conclusions, with commands as for a folder that has no name of its own."""
    found = concluded(folder)
    own = f" {folder.name} --out {folder.parent}"
    commands = found["claims"]["command"].str.replace(own, " NAME --out OUT", regex=False)
    return found | {"claims": found["claims"].assign(command=commands)}


def assert_same(found, expected):
    for kind, frame in expected.items():
        pd.testing.assert_frame_equal(found[kind], frame, obj=kind)


def test_facts_alone_give_every_conclusion(facts):
    found = conclude(facts).tables
    stages = found.claims.set_index(["claim", "stage"])
    assert list(stages.index) == [
        ("better", "search"), ("holds", "search"), ("better", "confirm"), ("holds", "confirm"),
    ]  # fmt: skip
    assert stages["split"].tolist()[2:] == ["test", "street"]
    assert stages.loc[("holds", "confirm"), "verdict"] == "supported"
    assert found.confirm["temperature"].notna().all()
    assert found.confirm["search_best_value"].tolist() == [0.5] * 6  # a fact, which stays
    assert set(found.external["faces"]) == {"street"}


def test_concluding_again_gives_the_same_tables(facts):
    conclude(facts)
    first = concluded(facts)
    conclude(facts)
    assert_same(concluded(facts), first)


@pytest.mark.parametrize("n_written", range(7))
def test_a_conclusion_that_was_killed_is_made_up_for(facts, n_written, monkeypatch):
    whole = Path(shutil.copytree(facts, facts.with_name("whole")))
    conclude(whole)
    left = iter(range(n_written))
    written = Folder.write_table

    def killed(self, *given, **more):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return written(self, *given, **more)

    confirm = (facts / "confirm.parquet").rename(facts / "confirm.later")
    conclude(facts)  # as after the search, whose claims are there
    confirm.rename(facts / "confirm.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write_table", killed)
        with pytest.raises(KeyboardInterrupt):
            conclude(facts)
    conclude(facts)
    assert_same(of_any_folder(facts), of_any_folder(whole))


@pytest.mark.parametrize("gone", [*((kind,) for kind in CONCLUDED), CONCLUDED])
def test_deleted_conclusions_come_back_as_they_were(facts, gone):
    conclude(facts)
    first = concluded(facts)
    for kind in gone:
        (facts / f"{kind}.parquet").unlink()
    conclude(facts)
    assert_same(concluded(facts), first)


def test_a_check_that_study_json_trips_names_that_file(facts, monkeypatch):
    """Whatever of another type stands in it."""

    def trip(seen):
        raise TypeError("'int' object is not iterable")

    (facts / "study.json").write_text("{}")
    monkeypatch.setattr(table, "CHECKS", (replace(table.CHECKS[0], look=trip),))
    with pytest.raises(TablesError, match=r"study\.json: not as study\.run writes it"):
        conclude(facts)


def test_what_is_returned_is_what_lies_on_disk(facts):
    found = conclude(facts).tables
    assert_same({kind: getattr(found, kind) for kind in (*CONCLUDED, "confirm")}, concluded(facts))


def test_each_table_is_read_once(facts):
    with reads() as read:
        found = conclude(facts)
        assert found.tables.predictions is not None
    assert len(read) == len(set(read)) == 10  # trials, epochs, confirm, predictions, six elsewhere


def test_new_facts_are_concluded_from_once_the_old_conclusions_are_forgotten(facts):
    conclude(facts)
    before = concluded(facts)
    models = read_table(facts / "confirm.parquet", "confirm")
    fewer = models[models["seed"] < models["seed"].max()].drop(columns="temperature")
    forget(read_study(facts), "confirmed")
    write_table(facts / "confirm.parquet", fewer, "confirm", study_name="it")
    found = conclude(facts).tables
    assert set(before["confirmed"]["n_seeds"]) == {3}
    assert set(found.confirmed["n_seeds"]) == {2}
    pd.testing.assert_frame_equal(found.external, before["external"])  # its facts are the same


def test_what_was_concluded_stays_where_its_facts_are_gone(facts):
    conclude(facts)
    first = concluded(facts)
    (facts / "predictions.parquet").unlink()
    shutil.rmtree(Folder(facts).confirm.external("street").path.parent)
    conclude(facts)
    assert_same(concluded(facts), first)


def test_predictions_of_other_images_are_refused_in_one_line(facts):
    path = facts / "predictions.parquet"
    table = read_table(path, "predictions")
    table.loc[table.index[:1], "image"] = "elsewhere.jpg"
    write_table(path, table, "predictions", study_name="it")
    with pytest.raises(TablesError, match=r"predictions.parquet: .* other val images than"):
        conclude(facts)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Copy a committed study to where its commands find it, as in the repository."""
    monkeypatch.chdir(tmp_path)
    return lambda name: Path(shutil.copytree(RESULTS / name, Path("results") / name))


@pytest.mark.parametrize("name", sorted(p.parent.name for p in RESULTS.glob("*/claims.parquet")))
def test_committed_conclusions_follow_from_their_facts(copied, name):
    folder = copied(name)
    kinds = [kind for kind in (*CONCLUDED, "confirm") if (folder / f"{kind}.parquet").is_file()]
    conclude(folder)
    for kind in kinds:
        found, expected = (
            read_table(home / f"{kind}.parquet", kind) for home in (folder, RESULTS / name)
        )
        pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-9)


def test_scores_of_committed_models_follow_from_their_predictions(copied):
    folder = copied("korean-32")
    before = read_study(folder)
    forget(before, "confirmed")
    after = conclude(folder).tables
    for kind in ("confirm", "confirmed", "claims"):
        found, expected = (getattr(tables, kind) for tables in (after, before))
        pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-9)


def kinds_written(path):
    """Of each call of `write_table` in a module its kind; None where that is no literal."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        if getattr(node.func, "id", "") == "write_table":  # to a path
            yield node.args[2].value if isinstance(node.args[2], ast.Constant) else None
        elif getattr(node.func, "attr", "") == "write_table":  # a Folder's
            yield node.args[0].value if isinstance(node.args[0], ast.Constant) else None


def test_conclusions_have_one_writer():
    written = {p.relative_to(HOUSE).as_posix(): {*kinds_written(p)} for p in HOUSE.rglob("*.py")}
    assert {"confirm", "predictions"} <= written["stages/keeping.py"]  # calls are seen
    del written["folder/folder.py"], written["folder/parquet.py"]  # what the others call
    concluding = {name for name, kinds in written.items() if kinds & {None, *CONCLUDED}}
    assert concluding == {"analysis/conclusions.py"}


def test_the_readme_names_every_module_of_the_analysis():
    text = (HOUSE / "analysis" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", text[: text.index("## The estimand")]))
    modules = {p.stem for p in (HOUSE / "analysis").rglob("*.py")} - {"__init__"}
    assert modules <= named
