"""Turns that follow each other no sooner than they are worth."""

from wachhund.pacing import Pace


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def turn(pace: Pace, clock: Clock, took_s: float) -> None:
    pace.begin()
    clock.now += took_s
    pace.end()


def test_who_was_idle_begins_at_once() -> None:
    """Before the first turn, and long after the last."""
    clock = Clock()
    pace = Pace(0.1, 0.5, clock)
    assert pace.rest_s() == 0.0
    turn(pace, clock, 0.001)
    clock.now += 0.2
    assert pace.rest_s() == 0.0


def test_turns_are_as_far_apart_as_they_are_long_and_never_further_than_the_bound() -> None:
    """From the begin of one to the begin of the next."""
    clock = Clock()
    pace = Pace(0.1, 0.5, clock)
    for took_s, apart_s in ((0.001, 0.1), (0.03, 0.3), (0.2, 0.5), (2.0, 0.5)):
        turn(pace, clock, took_s)
        assert abs(pace.rest_s() - max(0.0, apart_s - took_s)) < 1e-9
        clock.now += pace.rest_s()


def test_a_turn_that_left_something_over_is_followed_by_the_next_at_once() -> None:
    """It begins and does not end."""
    clock = Clock()
    pace = Pace(0.1, 0.5, clock)
    turn(pace, clock, 0.01)
    clock.now += 0.2
    pace.begin()
    clock.now += 0.3
    assert pace.rest_s() == 0.0
