import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from study.asked.study_file import load_study
from study.folder import provenance
from study.folder.folder import Folder
from study.folder.provenance import Confirmed, Faces, Provenance, changed_claims

DEMO = load_study("demo")


def opened(tmp_path, **changes):
    """The provenance of the demo as read back from disk."""
    replace(begun(), **changes).write(Folder(tmp_path))
    return Provenance.read(Folder(tmp_path))


def begun():
    return Provenance.opening(DEMO, command=["run"], data=Faces(fingerprint="x"), sampler={})


def with_smaller_claim():
    claim = replace(DEMO.claims[0], text="An easier claim")
    return replace(DEMO, claims=(claim, *DEMO.claims[1:]))


def test_a_study_that_is_as_it_was_has_not_changed(tmp_path):
    assert opened(tmp_path).changes(DEMO) == []
    assert changed_claims(opened(tmp_path).claims_hash, DEMO) is None


def test_a_changed_value_is_told_with_both(tmp_path):
    changed = replace(DEMO, metric="val_qwk")
    assert opened(tmp_path).changes(changed) == ['[study] metric: "val_accuracy" became "val_qwk"']


def test_a_claim_that_was_changed_after_the_search_began_is_told(tmp_path):
    (told,) = opened(tmp_path).changes(with_smaller_claim())
    assert told.startswith(f"[claims.{DEMO.claims[0].name}] text: ")
    assert told.endswith('became "An easier claim"')


def test_provenance_that_knows_only_the_hash_of_the_claims_still_tells(tmp_path):
    known = opened(tmp_path, asked=None)
    assert "asked" not in json.loads(Folder(tmp_path).provenance.read_text())
    assert known.changes(replace(DEMO, metric="val_qwk")) == []
    (told,) = known.changes(with_smaller_claim())
    assert told.startswith(f"claims: their hash was {known.claims_hash} before the search")


def test_a_package_inside_another_project_s_checkout_does_not_take_its_commit(
    tmp_path, monkeypatch
):
    def git(*words):
        who = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    installed = tmp_path / "venv" / "study" / "provenance.py"
    installed.parent.mkdir(parents=True)
    installed.touch()
    (tmp_path / ".gitignore").write_text("venv\n")
    git("init")
    git("add", ".gitignore")
    git("commit", "-m", "theirs")
    monkeypatch.setattr(provenance, "__file__", str(installed))
    assert begun().git_commit is None
    git("add", "--force", "venv")
    git("commit", "-m", "ours")
    assert len(begun().git_commit) == 40


RESULTS = sorted((Path(__file__).parents[3] / "results").glob("*/study.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_what_earlier_versions_wrote_comes_back_as_it_was(path, tmp_path):
    before = json.loads(path.read_text())
    found = Provenance.read(Folder(path.parent))
    assert found.finished is before["finished"]
    found.write(Folder(tmp_path))
    after = json.loads(Folder(tmp_path).provenance.read_text())
    assert {key: after[key] for key in before} == before


def test_what_a_stage_left_and_what_another_version_wrote_come_back(tmp_path):
    known = begun()
    known.sit_down()
    known.confirm = Confirmed(seeds=[7], rules={"best": "the best"}, choices=[{"arm": "org"}])
    known.others = {"settled": ["org"]}
    known.write(Folder(tmp_path))
    assert Provenance.read(Folder(tmp_path)) == known
    content = json.loads(Folder(tmp_path).provenance.read_text())
    assert content["settled"] == ["org"]
    assert "external" not in content  # of a stage that has not run
