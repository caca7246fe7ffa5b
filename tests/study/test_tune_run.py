import pytest
import ray

from study.errors import SearchError
from study.tune_run import Resources, StopRequest, ray_session


def test_a_ray_that_does_not_start_is_one_line_that_says_where(monkeypatch):
    def refuse(**settings):
        raise Exception("The node did not start\nin time")

    monkeypatch.setattr(ray, "init", refuse)
    with (
        pytest.raises(SearchError, match=r"^Ray cannot be used at head:1: The node did not start"),
        ray_session(Resources(address="head:1")),
    ):
        pass


def test_a_search_winds_down_once_its_time_is_up():
    stop = StopRequest(deadline=0.0)
    assert stop.due()
    assert stop.reason == "the time budget is used up"
    assert not StopRequest().due()


def test_an_error_in_our_own_code_is_kept_for_after_ray_s_loop():
    stop = StopRequest()
    with stop.on_error():
        raise OSError(28, "No space left on device")
    assert stop.due()
    assert isinstance(stop.error, OSError)
