from types import SimpleNamespace

from study.folder.storage import Storage
from study.running.executor import Job
from study.running.interruption import StopRequest


def test_old_checkpoints_that_cannot_be_deleted_do_not_end_the_search(monkeypatch, caplog):
    def unreachable(self, trial_ids):
        raise OSError("connection reset")

    monkeypatch.setattr(Storage, "keep_only", unreachable)
    job = Job(
        search=SimpleNamespace(live=[], best_of_arms=lambda: {}),
        work=None,
        storage=Storage("s3://bucket/study"),
        stop=StopRequest(),
        tick=lambda: None,
    )
    job.tidy_checkpoints()
    assert "s3://bucket/study: old checkpoints cannot be deleted (connection reset)" in caplog.text
