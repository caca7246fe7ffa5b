"""The stage that locks a study before anything is trained."""

from dataclasses import replace

import pytest

from study.asked.plans import PretrainPlan, SettlePlan
from study.asked.study_file import dump_study
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.record import Record
from study.locks.lock import last_hash, read_lock
from study.locks.verify import lock_problems
from study.stages.jobs import lock
from tests.study import staged
from tests.study.locked import claim
from tests.study.report.simulated import a_study


@pytest.fixture
def home(tmp_path):
    study = a_study(pretrain=PretrainPlan(data="synthetic-source", epochs=1))
    home = Folder(tmp_path / "it")
    home.path.mkdir()
    home.study_file.write_text(dump_study(study))
    return home


def locked(home, study=None):
    """What the stage printed; the session is written as one that begins."""
    with Record(home.path) as record:
        session, text = staged.session_at(study or home.read_study(), home.path, None)
        session.record = record
        session.provenance.write(home)
        assert lock(session)
    return text.getvalue()


def test_a_study_is_locked_before_it_begins(home):
    said = locked(home)
    made = read_lock(home)
    assert said == f"Locked before the first trial: SHA-256 {made['sha256']}\n"
    assert lock_problems(home) == []
    assert locked(home) == ""  # and once only
    assert read_lock(home) == made


def test_a_study_that_was_begun_without_a_lock_goes_on_without_one(home):
    staged.write_search(home.read_study(), home.path / "old", lr=0.01, weight_decay=1e-3,
                        optimizer="sgd", batch_size=32, zero_gamma=False)  # fmt: skip
    (home.path / "old" / "trials.parquet").rename(home.table("trials"))
    assert locked(home) == ""
    assert not home.lock.exists()
    assert lock_problems(home) == []


def test_a_kill_between_the_two_files_is_made_up_for(home, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("study.locks.fixing.write_lock", killed)
        with pytest.raises(KeyboardInterrupt):
            locked(home)
    assert locked(home).startswith("Locked before")
    assert lock_problems(home) == []


def test_a_study_that_is_not_as_locked_does_not_go_on(home):
    locked(home)
    home.study_file.write_text(home.study_file.read_text().replace("least = 1.0", "least = 0.5"))
    with pytest.raises(StudyError, match=r"claims: transfer_helps: least: 1 is locked, 0\.5"):
        locked(home)


def test_claims_that_are_added_later_are_locked_with_their_time(home):
    locked(home)
    first = last_hash(read_lock(home))
    plan = SettlePlan(trainings=8, claims=(claim("later", "pretrained", 2.0),))
    study = replace(home.read_study(), settle=plan)
    home.study_file.write_text(dump_study(study))
    assert locked(home, study) == (
        "Added to the lock, as claims that came after the search: later\n"
    )
    [addition] = read_lock(home)["additions"]
    assert addition["after"] == first != last_hash(read_lock(home))
    assert list(addition["claims"]) == ["later"]
    assert locked(home, study) == ""
    assert lock_problems(home) == []
