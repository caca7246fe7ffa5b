import signal

import pytest
import ray

from study.errors import SearchError
from study.running import ray_session as ray_session_module
from study.running.ray_session import Resources, concurrency, ray_session


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


@pytest.mark.parametrize(
    ("asked", "address", "expected"),
    [(None, None, 4), (2, None, 2), (9, None, 4), (None, "auto", 4), (9, "auto", 9)],
)
def test_one_machine_runs_no_more_trials_than_it_has_room_for(
    monkeypatch, asked, address, expected
):
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
    assert concurrency(Resources(concurrency=asked, address=address)) == expected


def test_without_an_address_ray_joins_no_cluster_that_happens_to_run_here(monkeypatch):
    asked = []
    without_ray(monkeypatch, lambda **settings: asked.append(settings))
    with ray_session(Resources()), ray_session(Resources(address="auto")):
        pass
    assert [settings["address"] for settings in asked] == ["local", "auto"]


@pytest.mark.parametrize(("concurrency", "is_warmed"), [(None, True), (2, True), (1, False)])
def test_workers_load_what_trains_ahead_unless_most_would_stay_idle(
    monkeypatch, concurrency, is_warmed
):
    asked = []
    without_ray(monkeypatch, lambda **settings: asked.append(settings))
    monkeypatch.setattr(ray_session_module, "cores", lambda: 8)
    with ray_session(Resources(concurrency=concurrency)):
        pass
    (settings,) = asked
    assert ("_system_config" in settings) is is_warmed
    assert "runtime_env" not in settings  # or trials do not get the workers that are ready


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


@pytest.mark.parametrize(
    ("mode", "address", "warned"),
    [
        (None, "head:1", True),
        ("disabled", "head:1", True),
        ("token", "head:1", False),
        (None, None, False),
    ],
)
def test_a_cluster_without_a_token_is_joined_with_a_warning(
    monkeypatch, caplog, mode, address, warned
):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    without_ray(monkeypatch)
    with ray_session(Resources(address=address)):
        pass
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warned
    assert ("head:1 lets everybody in" in caplog.text) is warned
