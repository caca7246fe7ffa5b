import os
import signal
import time

import pytest

from study.running.interruption import StopRequest, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_one_interrupts(number):
    stop = StopRequest()
    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        assert stop.due()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


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
