import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from study.asked.factors import Range
from study.asked.plans import FoldPlan
from study.asked.study_file import dump_study
from study.errors import RecordError
from study.folder.folder import Folder
from study.folder.tables import read_study
from study.locks.canonical import digest
from study.locks.lock import new_lock, parts_of, read_lock, write_lock
from study.locks.verify import lock_of, lock_problems
from study.report.head.digest import digest_of
from study.report.page import render
from study.report.programs.answer import answer
from study.report.sources import provenance_rows
from tests.study.locked import AT, add_claim, lock_it, locked
from tests.study.report.simulated import a_study


@pytest.fixture(scope="module")
def _home(tmp_path_factory):
    return locked(tmp_path_factory.mktemp("locked") / "demo", n=24)


@pytest.fixture
def home(_home, tmp_path):
    return Folder(shutil.copytree(_home, tmp_path / "demo"))


def test_a_lock_holds_what_is_asked_and_of_which_data(home):
    lock = json.loads(home.lock.read_text())
    assert list(lock) == [
        "format", "version", "study", "locked_at", "claims", "box", "folds", "data", "plan",
        "sha256", "additions",
    ]  # fmt: skip
    assert lock["claims"]["helps"]["least"] == "1"
    assert lock["box"]["factors"]["lr"]["range"] == [{"low": "0.0001", "high": "0.3"}]
    assert lock["box"]["factors"]["zero_gamma"]["when"] == {"init": "scratch"}
    assert lock["data"]["fingerprint"] == "5f" * 16
    assert lock["plan"]["study"]["seed"] == "0"
    assert lock_problems(home) == []


def test_what_may_change_is_not_locked(home):
    study = home.read_study()
    later = replace(study, data="elsewhere", confirm_seeds=9, trials=study.trials + 8, added=8)
    home.study_file.write_text(dump_study(later))
    assert lock_problems(home) == []


@pytest.mark.parametrize(
    ("found", "other", "line"),
    [
        ('text = "scratch is', 'text = "Scratch is', "claims: hurts: text: scratch is better is"),
        ("least = 9.0", "least = 8.0", "claims: helps_a_lot: least: 9 is locked, 8 stands"),
        ("low = 0.0001", "low = 0.0002", "box: factors: lr: range"),
        ('levels = ["sgd", "adamw"]', 'levels = ["adamw", "sgd"]', "box: factors: optimizer: lev"),
        ("size = 32", "size = 33", "data: size: 32 is locked, 33 stands in study.toml or study"),
        ("seed = 0", "seed = 1", "plan: study: seed: 0 is locked, 1 stands in study.toml"),
    ],
)
def test_a_change_of_the_study_file_is_named(home, found, other, line):
    text = home.study_file.read_text()
    assert found in text
    home.study_file.write_text(text.replace(found, other))
    problems = lock_problems(home)
    assert any(problem.startswith(line) for problem in problems), problems


def test_a_claim_that_is_gone_is_named(home):
    study = home.read_study()
    home.study_file.write_text(dump_study(replace(study, claims=study.claims[:1])))
    assert any("claims: hurts: {" in problem for problem in lock_problems(home))


@pytest.mark.parametrize("part", ["claims", "box", "data", "plan", "study", "locked_at"])
def test_a_change_of_the_lock_does_not_fit_its_hash(home, part):
    lock = json.loads(home.lock.read_text())
    lock[part] = {**lock[part], "x": "y"} if isinstance(lock[part], dict) else lock[part] + "x"
    write_lock(home, lock)
    assert "changed since it was locked" in lock_problems(home)[0]


def test_a_new_hash_for_a_changed_lock_is_not_the_one_that_was_written_down(home):
    known = json.loads(home.provenance.read_text())
    lock_it(home)
    changed = home.study_file.read_text().replace("least = 9.0", "least = 8.0")
    home.study_file.write_text(changed)
    lock_it(home)
    assert lock_problems(home) == []  # all three were changed: what was published must tell
    home.provenance.write_text(json.dumps(known))
    [problem] = lock_problems(home)
    assert f"has the lock {known['lock']}" in problem


def test_other_data_and_other_folds_are_seen(home):
    study = replace(home.read_study(), folds=FoldPlan(k=3, search=True))
    home.study_file.write_text(dump_study(study))
    known = json.loads(home.provenance.read_text()) | {"folds": {"digest": "ab"}}
    home.provenance.write_text(json.dumps(known))
    lock_it(home)
    assert lock_problems(home) == []
    known = json.loads(home.provenance.read_text())
    known["folds"]["digest"], known["data"]["fingerprint"] = "ac", "60"
    home.provenance.write_text(json.dumps(known))
    assert [problem.partition(" is locked")[0] for problem in lock_problems(home)] == [
        "folds: digest: ab", f"data: fingerprint: {'5f' * 16}",
    ]  # fmt: skip
    home.study_file.write_text(dump_study(replace(study, folds=FoldPlan(k=4, search=True))))
    assert "folds: k: 3 is locked, 4 stands" in lock_problems(home)[0]


def test_a_lock_that_is_gone_is_missed_where_it_was_written_down(home):
    home.lock.unlink()
    [problem] = lock_problems(home)
    assert "lock.json: missing, though study.json has its hash" in problem
    known = json.loads(home.provenance.read_text())
    del known["lock"]
    home.provenance.write_text(json.dumps(known))
    assert lock_problems(home) == []  # begun before there were locks


def test_the_report_shows_the_lock_and_says_what_does_not_match(home):
    add_claim(home)
    lock = read_lock(home)
    rows = dict(provenance_rows(read_study(home.path), lock))
    assert rows["Locked"] == f"{AT}, SHA-256 {lock['sha256']}"
    assert rows["Added to the lock"].startswith("2026-02-03T00:00:00+00:00: later, SHA-256 ")
    assert not any("lock" in told for told in digest_of(read_study(home.path)).answer.warnings)
    home.study_file.write_text(home.study_file.read_text().replace("least = 9.0", "least = 8.0"))
    [told] = [w for w in digest_of(read_study(home.path)).answer.warnings if "was locked" in w]
    assert told.endswith("claims: helps_a_lot: least: 9 is locked, 8 stands in study.toml.")
    home.lock.unlink()
    home.provenance.unlink()
    rows = dict(provenance_rows(read_study(home.path), lock_of(home).lock))
    assert not {"Locked", "Added to the lock"} & rows.keys()


def test_a_page_and_an_answer_for_programs_read_the_lock_once(home, monkeypatch):
    tables = read_study(home.path)
    read, of_file = [], Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, **how: read.append(path.name) or of_file(path, **how)
    )
    assert answer(digest_of(tables))["lock"]["state"] == "matches"
    render(tables)
    assert read.count("lock.json") == 2


def test_claims_added_later_form_a_chain(home):
    add_claim(home, "later")
    assert lock_problems(home) == []
    lock = read_lock(home)
    lock["additions"][0]["claims"]["later"]["least"] = "3"
    write_lock(home, lock)
    assert any("addition 1 changed since" in problem for problem in lock_problems(home))
    assert any("added claim later: least" in problem for problem in lock_problems(home))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '{"format": "other"}', '{"format": "agecls-study lock"}'],
)
def test_what_is_no_lock_is_refused_in_one_line(home, text):
    home.lock.write_text(text)
    with pytest.raises(RecordError, match=r"lock.json: no lock that this tool wrote"):
        lock_problems(home)


def test_a_key_that_is_there_twice_is_refused(home):
    """One reader would take the first value, another one the last."""
    text = home.lock.read_text()
    home.lock.write_text(text.replace('"version"', '"study": "other",\n "version"', 1))
    with pytest.raises(RecordError, match="the key 'study' is there twice"):
        read_lock(home)


def test_a_lock_of_a_later_version_is_not_guessed_at(home):
    lock = json.loads(home.lock.read_text()) | {"version": "3"}
    home.lock.write_text(json.dumps(lock))
    with pytest.raises(RecordError, match="a lock of version 3; this program reads 1 and 2"):
        read_lock(home)


def test_a_lock_of_the_first_version_is_held_against_the_form_that_it_has(home):
    study = replace(home.read_study(), name="2024")  # a text that looks like a number
    home.study_file.write_text(dump_study(study))
    first = {"format": "agecls-study lock", "version": "1", "study": "2024", "locked_at": AT}
    first |= parts_of(study, fingerprint="5f" * 16, folds=None, version="1")
    assert first["plan"]["study"]["name"] == "2024"
    lock = {**first, "sha256": digest(first), "additions": []}
    write_lock(home, lock)
    known = json.loads(home.provenance.read_text()) | {"lock": lock["sha256"]}
    home.provenance.write_text(json.dumps(known))
    assert lock_problems(home) == []
    now = new_lock(study, fingerprint="5f" * 16, folds=None, at=AT)
    assert (now["version"], now["plan"]["study"]["name"]) == ("2", "'2024")
    add_claim(home)
    assert lock_problems(home) == []


def test_ranges_are_those_declared_before_scouts_moved_them():
    from study.asked.plans import ScoutPlan

    declared = (Range(low=1e-4, high=0.3),)
    study = a_study(scout=ScoutPlan(trials=4, epochs=2, widen=4.0))
    moved = replace(
        study,
        scout=replace(study.scout, declared=declared),
        factors=tuple(
            replace(f, ranges=(Range(low=1e-4, high=0.1),)) if f.name == "lr" else f
            for f in study.factors
        ),
    )
    said = [parts_of(one, fingerprint="f", folds=None) for one in (study, moved)]
    assert said[0] == said[1]


def test_a_field_that_recipes_have_since_then_is_no_change(home):
    """Its factor is fixed at the default, in every study of the newer program."""
    study = home.read_study()
    older = replace(study, factors=tuple(f for f in study.factors if f.name != "ema"))
    lock = new_lock(older, fingerprint="5f" * 16, folds=None, at=AT)
    write_lock(home, lock)
    known = json.loads(home.provenance.read_text()) | {"lock": lock["sha256"]}
    home.provenance.write_text(json.dumps(known))
    assert lock_problems(home) == []
    text = dump_study(study)
    before = '[factors.ema]\nrole = "fixed"\nvalue = 0.0'
    moved = text.replace(before, before.replace("0.0", "0.5"))
    assert moved != text
    home.study_file.write_text(moved)
    assert lock_problems(home)
