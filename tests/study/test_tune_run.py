import os
import signal
import time
from types import SimpleNamespace

import pytest
import ray

from study.errors import SearchError
from study.storage import Storage
from study.tune_run import Resources, StopRequest, ray_session, stop_on_signals, tidy_checkpoints


def test_a_ray_that_does_not_start_is_one_line_that_says_where(monkeypatch):
    def refuse(**settings):
        raise Exception("The node did not start\nin time")

    monkeypatch.setattr(ray, "init", refuse)
    with (
        pytest.raises(SearchError, match=r"^Ray cannot be used at head:1: The node did not start"),
        ray_session(Resources(address="head:1")),
    ):
        pass


def without_ray(monkeypatch, init=lambda **settings: None):
    """Ray's start replaced, and a node with one CPU."""
    node = {"Alive": True, "Resources": {"CPU": 1.0}}
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "nodes", lambda: [node])
    monkeypatch.setattr(ray, "shutdown", lambda: None)


def test_without_an_address_ray_joins_no_cluster_that_happens_to_run_here(monkeypatch):
    asked = []
    without_ray(monkeypatch, lambda **settings: asked.append(settings))
    with ray_session(Resources()), ray_session(Resources(address="auto")):
        pass
    assert [settings["address"] for settings in asked] == ["local", "auto"]


def test_sigterm_is_ours_again_once_ray_has_started(monkeypatch):
    def takes_sigterm(**settings):
        signal.signal(signal.SIGTERM, lambda number, frame: None)

    without_ray(monkeypatch, takes_sigterm)
    before = signal.getsignal(signal.SIGTERM)
    with ray_session(Resources()):
        assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_while_ray_starts_is_an_interruption(monkeypatch):
    def leave(**settings):
        raise SystemExit(1)  # as Ray's own handler does

    without_ray(monkeypatch, leave)
    with pytest.raises(KeyboardInterrupt), ray_session(Resources()):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_one_interrupts(number):
    stop = StopRequest()
    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        assert stop.due()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_old_checkpoints_that_cannot_be_deleted_do_not_end_the_search(monkeypatch, caplog):
    def unreachable(self, trial_ids):
        raise OSError("connection reset")

    monkeypatch.setattr(Storage, "keep_only", unreachable)
    search = SimpleNamespace(live=[], best_of_arms=lambda: {})
    tidy_checkpoints(search, Storage("s3://bucket/study"))
    assert "s3://bucket/study: old checkpoints cannot be deleted (connection reset)" in caplog.text


def test_a_search_winds_down_once_its_time_is_up_whatever_the_clock_says(monkeypatch):
    stop = StopRequest.after(0.0)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # set back by decades
    assert stop.due()
    assert stop.reason == "the time budget is used up"
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert not StopRequest.after(60).due()
    assert not StopRequest.after(None).due()


def test_an_error_in_our_own_code_is_kept_for_after_ray_s_loop():
    stop = StopRequest()
    with stop.on_error():
        raise OSError(28, "No space left on device")
    assert stop.due()
    assert isinstance(stop.error, OSError)
