import os
import signal
import time

import pytest

from agecls.command import sigterm_as_ctrl_c
from study.running.interruption import StopRequest, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_one_interrupts(number):
    stop = StopRequest()
    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        assert stop.due()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


@pytest.mark.parametrize("guard", [lambda: stop_on_signals(StopRequest()), sigterm_as_ctrl_c])
def test_a_worker_of_a_user_s_own_pool_ends_when_it_is_told_to(guard):
    """As `multiprocessing.Pool.terminate` tells it, after a fork."""
    ready, says = os.pipe()
    with guard():
        child = os.fork()
        if not child:
            os.write(says, b".")  # a signal that comes while Python is forking is lost
            time.sleep(30)
            os._exit(3)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGTERM


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


def test_of_several_errors_the_first_one_is_told():
    stop = StopRequest()
    for error in (OSError(28, "No space left on device"), RuntimeError("what followed")):
        with stop.on_error():
            raise error
    assert stop.reason == "an error: [Errno 28] No space left on device"
    assert isinstance(stop.error, OSError)
