"""`study.check`: an exit status for each verdict, and 5 for whatever is not as it was."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from agecls.faces.face_set import FaceSet, draw_face_set
from study.analysis import conclude
from study.check import main
from study.folder.folder import Folder
from study.folder.parquet import read_table, write_table
from study.folder.provenance import Provenance
from study.locks.fixing import fix
from study.report.programs.answer import answer_json
from tests.study import imported
from tests.study.locked import AT, CLAIMS, add_claim, lock_it, locked, searched


@pytest.fixture(scope="module")
def _home(tmp_path_factory):
    path = locked(tmp_path_factory.mktemp("locked") / "demo")
    conclude(path)
    return path


@pytest.fixture
def home(_home, tmp_path):
    return Folder(shutil.copytree(_home, tmp_path / "results" / "demo"))


def check(home, *words):
    return main([str(home.path), *words])


@pytest.mark.parametrize(
    ("name", "verdict", "status"),
    [("helps", "supported", 0), ("hurts", "refuted", 3), ("helps_a_lot", "unresolved", 4)],
)
def test_each_verdict_has_its_status(home, capsys, name, verdict, status):
    assert check(home, "--claim", name) == status
    claim, lock = capsys.readouterr().out.splitlines()
    assert claim.startswith(f"{verdict:12}  {name}  ")
    assert "points (search stage, at least" in claim
    assert lock.startswith("lock ")
    assert lock.endswith(f" of {AT}: matches")


@pytest.mark.parametrize(
    ("claims", "status"),
    [(CLAIMS[:1], 0), (CLAIMS, 3), (CLAIMS[::2], 4), ((), 4)],
)
def test_all_claims_together_are_as_good_as_the_worst(tmp_path, capsys, claims, status):
    assert main([str(searched(tmp_path / "it", claims=claims))]) == status
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == max(1, len(claims)) + 1
    assert lines[-1] == "no lock: the study was begun without one"


@pytest.mark.parametrize(
    ("file", "found", "other"),
    [
        ("study.toml", 'text = "scratch is', 'text = "scratcH is'),
        ("study.toml", "high = 0.3", "high = 0.4"),
        ("study.toml", "size = 32", "size = 33"),
        ("study.toml", "[claims.hurts]", "[claims.hurt ]"),
        ("study.toml", 'factor = "init"', 'factor = "inix"'),
        ("study.toml", "[claims", "claims"),
        ("study.json", "5f5f", "5f5e"),
        ("study.json", "}", "]"),
        ("lock.json", "scratch is", "scratcH is"),
        ("lock.json", "0.0001", "0.0002"),
        ("lock.json", "5f5f", "5f5e"),
        ("lock.json", '"additions"', '"addition "'),
        ("lock.json", "}", ""),
    ],
)
def test_a_byte_that_was_changed_gives_5_before_any_verdict(home, capsys, file, found, other):
    path = home.path / file
    text = path.read_text()
    assert found in text
    path.write_text(text.replace(found, other, 1))
    assert check(home) == 5
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("study.check: ")


def test_a_byte_of_the_folds_gives_5(tmp_path):
    from study.asked.plans import FoldPlan

    home = Folder(searched(tmp_path / "it", n=24, folds=FoldPlan(k=3, search=False)))
    known = json.loads(home.provenance.read_text()) | {"folds": {"digest": "0a"}}
    home.provenance.write_text(json.dumps(known))
    lock_it(home)
    assert check(home) != 5
    home.provenance.write_text(home.provenance.read_text().replace('"0a"', '"0b"'))
    assert check(home) == 5


def test_a_table_that_was_changed_gives_5(home, capsys):
    path = home.table("trials")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert check(home) == 5
    assert "trials.parquet" in capsys.readouterr().err


def test_a_locked_study_without_its_record_gives_5(home, capsys):
    home.record.unlink()
    assert check(home) == 5
    assert "record.jsonl: holds no trial, though the study was locked" in capsys.readouterr().err


@pytest.mark.parametrize("finished", [True, False])
def test_a_trial_that_the_record_has_otherwise_gives_5_whether_the_study_is_over_or_not(
    home, capsys, finished
):
    known = json.loads(home.provenance.read_text()) | {"finished": finished}
    home.provenance.write_text(json.dumps(known))
    study = home.read_study()
    trials = read_table(home.table("trials"), "trials", factors=study.factors)
    row = trials.index[trials["status"] == "completed"][0]
    trials.loc[row, "val_accuracy"] = 0.99
    home.write_table("trials", trials, study)
    assert check(home) == 5
    told = f"trial {trials['trial_id'][row]}: `val_accuracy` is 0.99; record.jsonl has"
    assert told in capsys.readouterr().err


def test_a_table_behind_the_search_that_runs_is_no_difference(home):
    known = json.loads(home.provenance.read_text()) | {"finished": False}
    home.provenance.write_text(json.dumps(known))
    study = home.read_study()
    trials = read_table(home.table("trials"), "trials", factors=study.factors).iloc[:-5]
    row = trials.index[trials["status"] == "completed"][0]
    trials.loc[row, ["status", "epochs_run"]] = ["interrupted", 1]
    home.write_table("trials", trials, study)
    assert check(home) != 5
    home.provenance.write_text(json.dumps(known | {"finished": True}))
    assert check(home) == 5


def test_a_claim_that_was_added_and_taken_out_again_gives_5(home, capsys):
    """Out of study.toml and of the lock, as if it had never been there."""
    before, text = home.lock.read_text(), home.study_file.read_text()
    study = add_claim(home)
    home.lock.write_text(before)
    told = fix(study, home, Provenance.read(home), has_begun=True)
    assert told == "Added to the lock, as claims that came after the search: later"
    assert check(home) != 5
    home.lock.write_text(before)
    home.study_file.write_text(text)
    capsys.readouterr()
    assert check(home) == 5
    assert "taken out again" in capsys.readouterr().err


def test_an_imported_search_says_that_its_claims_are_no_test(tmp_path, capsys):
    home = imported.write(tmp_path / "it", *imported.tables())
    assert check(home) in (0, 3, 4)
    assert "no verdict is a test" in capsys.readouterr().out


def test_claims_of_an_older_study_are_held_against_their_hash(tmp_path, capsys):
    home = Folder(searched(tmp_path / "it", n=24))
    known = json.loads(home.provenance.read_text())
    home.study_file.write_text(home.study_file.read_text().replace("least = 9.0", "least = 8.0"))
    assert check(home) == 5
    assert f"their hash was {known['claims_hash']} before" in capsys.readouterr().err


def test_what_was_added_later_is_said(home, capsys):
    add_claim(home)
    assert check(home, "--claim", "later") == 4
    claim, lock = capsys.readouterr().out.splitlines()
    assert claim.endswith("added after the search")
    assert lock.endswith("matches; added later: later")


def test_faces_are_held_against_the_lock(tmp_path, capsys):
    faces = tmp_path / "faces"
    draw_face_set(faces, FaceSet(families=6, val_families=3, test_families=0, size=16))
    home = Folder(searched(tmp_path / "it", n=24, size=16, claims=CLAIMS[:1]))
    assert check(home, "--data", str(faces)) == 5  # the study has other faces
    told = capsys.readouterr().err
    fingerprint = told.partition("its fingerprint is ")[2].partition(";")[0]
    home.provenance.write_text(home.provenance.read_text().replace("5f" * 16, fingerprint))
    lock_it(home)
    assert check(home, "--data", str(faces)) in (0, 4)
    image = next((faces / "train_images").iterdir())
    content = bytearray(image.read_bytes())
    content[-3] ^= 1
    image.write_bytes(content)
    assert check(home, "--data", str(faces)) == 5
    assert f"data: fingerprint: {fingerprint} is locked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nobody"], "nobody: no such study"),
        (["demo", "--claim", "x"], "--claim x: demo has no such claim; there are helps, hurts"),
        (["demo", "--data", "nowhere"], "nowhere"),
    ],
)
def test_wrong_words_keep_status_2(home, capsys, words, line):
    assert main([*words, "--out", str(home.path.parent)]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1


def test_a_folder_that_cannot_be_written_has_status_1(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "claims.parquet")

    monkeypatch.setattr("study.folder.folder.Folder.write_table", refuse)
    assert main([str(searched(tmp_path / "it", n=24))]) == 1


def test_a_stranger_verifies_a_lock_and_reads_a_verdict(home):
    """With json and hashlib alone, as docs/locks.md says."""
    answer = json.loads(answer_json(home.path))

    def hashed(value):
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    lock = json.loads(home.lock.read_text())
    additions, stated = lock.pop("additions"), lock.pop("sha256")
    assert hashed(lock) == stated == answer["lock"]["sha256"]
    assert additions == answer["lock"]["additions"] == []
    assert lock["claims"].keys() == {claim["id"] for claim in answer["claims"]}
    assert answer["claims"][0]["verdict"] == "supported"


RECORDED = Path(__file__).parents[2] / "results" / "korean-32"


def test_a_table_that_its_record_does_not_give_is_seen(tmp_path, capsys):
    home = Folder(shutil.copytree(RECORDED, tmp_path / "korean-32"))
    assert check(home, "--claim", "transfer_helps") == 4
    trials = read_table(home.table("trials"), "trials", factors=home.read_study().factors)
    trials.loc[7, "val_accuracy"] += 0.01
    write_table(
        home.table("trials"), trials, "trials", study_name="korean-32",
        factors=home.read_study().factors,
    )  # fmt: skip
    assert check(home) == 5
    assert "trial t00007: `val_accuracy` is" in capsys.readouterr().err


def test_the_workflow_in_the_docs_fails_where_a_claim_is_refuted(home, tmp_path):
    """Its last step, done by the shell with the study's folder in its place."""
    yaml = pytest.importorskip("yaml")
    from tests.pages import Page

    [text] = Page("docs/programs.md").blocks("yaml")
    step = yaml.safe_load(text)["jobs"]["claims"]["steps"][-1]["run"]
    said = tmp_path / "bin" / "python"  # in its place one that has the status of a check
    said.parent.mkdir()
    for status, is_passed in {0: True, 3: False, 4: True, 5: False, 2: False, 1: False}.items():
        said.write_text(f'#!/bin/sh\n[ "$*" = "-m study.check results/NAME" ] && exit {status}\n')
        said.chmod(0o755)
        path = f"{said.parent}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-e", "-c", step], env={**os.environ, "PATH": path})
        assert (done.returncode == 0) == is_passed, status
