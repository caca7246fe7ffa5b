import subprocess
from dataclasses import replace

from study.asked.study_file import load_study
from study.folder import provenance

DEMO = load_study("demo")


def opened(tmp_path, **changes):
    """The provenance of the demo as read back from disk."""
    found = provenance.opening(DEMO, command=["run"], data={"fingerprint": "x"}) | changes
    provenance.write(tmp_path, found)
    return provenance.read(tmp_path)


def with_smaller_claim():
    claim = replace(DEMO.claims[0], text="An easier claim")
    return replace(DEMO, claims=(claim, *DEMO.claims[1:]))


def test_a_study_that_is_as_it_was_has_not_changed(tmp_path):
    assert provenance.changes(opened(tmp_path), DEMO) == []
    assert provenance.changed_claims(opened(tmp_path), DEMO) is None


def test_a_changed_value_is_told_with_both(tmp_path):
    changed = replace(DEMO, metric="val_qwk")
    assert provenance.changes(opened(tmp_path), changed) == [
        '[study] metric: "val_accuracy" became "val_qwk"'
    ]


def test_a_claim_that_was_changed_after_the_search_began_is_told(tmp_path):
    (told,) = provenance.changes(opened(tmp_path), with_smaller_claim())
    assert told.startswith(f"[claims.{DEMO.claims[0].name}] text: ")
    assert told.endswith('became "An easier claim"')


def test_provenance_that_knows_only_the_hash_of_the_claims_still_tells(tmp_path):
    known = opened(tmp_path)
    del known["asked"]
    assert provenance.changes(known, replace(DEMO, metric="val_qwk")) == []
    (told,) = provenance.changes(known, with_smaller_claim())
    assert told.startswith(f"claims: their hash was {known['claims_hash']} before the search")


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
    found = provenance.opening(DEMO, command=["run"], data={})
    assert found["git_commit"] is None
    git("add", "--force", "venv")
    git("commit", "-m", "ours")
    found = provenance.opening(DEMO, command=["run"], data={})
    assert len(found["git_commit"]) == 40
