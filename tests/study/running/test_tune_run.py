from types import SimpleNamespace

from study.folder.storage import Storage
from study.running.tune_run import tidy_checkpoints


def test_old_checkpoints_that_cannot_be_deleted_do_not_end_the_search(monkeypatch, caplog):
    def unreachable(self, trial_ids):
        raise OSError("connection reset")

    monkeypatch.setattr(Storage, "keep_only", unreachable)
    search = SimpleNamespace(live=[], best_of_arms=lambda: {})
    tidy_checkpoints(search, Storage("s3://bucket/study"))
    assert "s3://bucket/study: old checkpoints cannot be deleted (connection reset)" in caplog.text
