"""What the agent can say of itself: the parsers, and pauses by looks that came late."""

import time

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.watcher import WatcherSense, tracer, waited_s


def test_a_late_look_is_told_as_a_pause_with_its_length() -> None:
    sense = WatcherSense()
    now = time.monotonic()
    assert sense.start(now) == []
    assert sense.look(now + 1.5) == []
    (told,) = sense.look(now + 9.5)
    assert (told.kind, told.fields["duration_s"], told.fields["reason"]) == ("agent.pause", 8.0, "stopped")
    assert sense.look(now + 10.5) == []


def test_who_traces_and_how_long_we_waited_are_read_from_what_the_kernel_writes() -> None:
    assert tracer("Name:\tx\nTracerPid:\t0\n") is None
    assert tracer("Name:\tx\nTracerPid:\t4711\n") == 4711
    assert waited_s("100 2000000000 3\n") == 2.0
    assert waited_s("") is None


@given(st.text())
def test_no_text_makes_the_parsers_fail(words: str) -> None:
    tracer("TracerPid:" + words)
    waited_s(words)
