"""Attempts that all processes of the pages count together."""

import pytest

from wachhund.ledger import Ledger
from wachhund.web.attempts import SharedAttempts, TooManyAttempts


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.t = 1_000_000.0

    def __call__(self) -> float:
        return self.t


def counting(ledger: Ledger, clock: Clock, kind: str = "come in") -> SharedAttempts:
    return SharedAttempts(ledger, kind, clock, window_s=60.0, for_one=3, together=5)


def test_two_processes_have_one_count_and_waiting_always_helps(ledger: Ledger) -> None:
    clock = Clock()
    one, other = counting(ledger, clock), counting(ledger, clock)
    for each in (one, other, one):
        each.note("192.0.2.1")
    with pytest.raises(TooManyAttempts) as refused:
        other.note("192.0.2.1")
    assert 0 < refused.value.wait_s <= 61
    counting(ledger, clock, "something else").note("192.0.2.1")
    clock.t += 61
    other.note("192.0.2.1")


def test_strangers_fill_their_own_count_and_not_that_of_who_is_known(ledger: Ledger) -> None:
    """Nobody may be locked out by what others try."""
    clock = Clock()
    attempts = counting(ledger, clock)
    for number in range(5):
        attempts.note(f"198.51.100.{number}")
    with pytest.raises(TooManyAttempts):
        attempts.note("192.0.2.9")
    for _ in range(3):
        attempts.note("192.0.2.1", lambda: True)
    with pytest.raises(TooManyAttempts):
        attempts.note("192.0.2.1", lambda: True)
    with pytest.raises(TooManyAttempts):
        attempts.require_room("192.0.2.1")
    attempts.require_room("192.0.2.2")


def test_a_clock_that_was_far_ahead_locks_nobody_out(ledger: Ledger) -> None:
    """Of several machines one may be wrong for a while."""
    clock = Clock()
    clock.t += 86_400
    attempts = counting(ledger, clock)
    for _ in range(3):
        attempts.note("192.0.2.1")
    clock.t -= 86_400
    attempts.note("192.0.2.1")
