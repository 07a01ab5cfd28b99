"""What the agent can say of itself: the parsers, and pauses by looks that came late."""

import time

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.watcher import Times, WatcherSense, times, tracer


def test_a_late_look_is_told_as_a_pause_with_its_length() -> None:
    sense = WatcherSense()
    now = time.monotonic()
    assert sense.start(now) == []
    assert sense.look(now + 1.5) == []
    (told,) = sense.look(now + 9.5)
    assert (told.kind, told.fields["duration_s"], told.fields["reason"]) == ("agent.pause", 8.0, "stopped")
    assert sense.look(now + 10.5) == []


def test_who_was_busy_itself_was_not_stopped() -> None:
    """Its own work kept it from looking: nobody else did that."""
    sense = WatcherSense()
    now = time.monotonic()
    sense.start(now)
    end = time.thread_time() + 1.7
    while time.thread_time() < end:
        pass
    (told,) = sense.look(now + 3.1)
    assert told.fields["reason"] == "starved"


def test_who_traces_and_how_long_we_waited_are_read_from_what_the_kernel_writes() -> None:
    assert tracer("Name:\tx\nTracerPid:\t0\n") is None
    assert tracer("Name:\tx\nTracerPid:\t4711\n") == 4711
    assert times("1500000000 2000000000 3\n") == Times(1.5, 2.0)
    assert times("") is None and times("-1 2 3") is None


@given(st.text())
def test_no_text_makes_the_parsers_fail(words: str) -> None:
    tracer("TracerPid:" + words)
    times(words)
