import pytest
import ray
from ray import tune
from ray.tune.execution.class_cache import _ActorClassCache

from study.errors import SearchError
from study.running import tune_run


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ray.exceptions.RayTaskError(
                "_train", "Traceback\nOSError: No space left", OSError(28, "No space left")
            ).as_instanceof_cause(),
            "OSError: No space left",
        ),
        (ray.exceptions.WorkerCrashedError(), "the worker process died"),
    ],
)
def test_work_that_fails_on_a_worker_is_named_with_the_reason(monkeypatch, error, reason):
    def failing(reference):
        raise error

    monkeypatch.setattr(ray, "get", failing)
    with pytest.raises(SearchError, match=f"pretraining org-18 failed: {reason}"):
        tune_run._told(None, "pretraining org-18")


def test_trials_ask_for_no_environment_of_their_own_and_so_for_no_workers_of_their_own():
    tune_run.use_ready_workers()
    actor = _ActorClassCache().get(tune.Trainable)
    assert actor._default_options["runtime_env"] == {}
