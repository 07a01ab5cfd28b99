"""A modem's bytes: any 24 hours carry a day's bytes at most, a burst is possible, and a debt is paid back."""

from typing import List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.allowance import BURST_SHARE, DAY_S, Allowance
from wachhund_agent.config import Limits

DAY = 20 << 20


def test_a_full_bucket_is_there_at_once_and_no_more() -> None:
    allowance = Allowance(DAY, 50.0)
    full = int(DAY * BURST_SHARE)
    assert allowance.allows(full, 50.0)
    allowance.charge(full, 50.0)
    assert not allowance.allows(1, 50.0)
    assert allowance.allows(190, 51.0) and not allowance.allows(200, 51.0), "16 MiB a day are 194 bytes a second"


def test_it_fills_up_and_not_beyond() -> None:
    allowance = Allowance(DAY, 0.0)
    allowance.charge(DAY // 10, 0.0)
    assert allowance.left(10 * DAY_S) == DAY * BURST_SHARE


def test_what_is_larger_than_the_bucket_leaves_when_it_is_full() -> None:
    """Otherwise one large token would hold up everything behind it for ever."""
    allowance = Allowance(1000, 0.0)
    assert allowance.allows(5000, 0.0)
    allowance.charge(5000, 0.0)
    assert not allowance.allows(5000, DAY_S) and allowance.allows(5000, 2 * DAY_S)


def test_a_debt_is_never_longer_than_a_days_bytes() -> None:
    """Hours of an intruder are told at once; the robot must not be mute about the rest for weeks."""
    allowance = Allowance(DAY, 0.0)
    for _ in range(100):
        allowance.charge(DAY, 0.0)
    assert allowance.left(0.0) == -DAY


def test_a_clock_that_stands_still_gives_nothing() -> None:
    allowance = Allowance(DAY, 100.0)
    allowance.charge(DAY // 5, 100.0)
    assert allowance.left(100.0) == allowance.left(99.0) == allowance.left(100.0) == 0


@given(st.lists(st.tuples(st.floats(0, 20_000), st.integers(1, DAY // 5)), max_size=60))
def test_no_24_hours_carry_more_than_a_days_bytes(wishes: List[Tuple[float, int]]) -> None:
    allowance, now, sent = Allowance(DAY, 0.0), 0.0, []
    for pause, size in wishes:
        now += pause
        if allowance.allows(size, now):
            allowance.charge(size, now)
            sent.append((now, size))
    for begin, _ in sent:
        assert sum(size for at, size in sent if begin <= at <= begin + DAY_S) <= DAY + 1


def test_signs_of_life_are_affordable_and_come_before_late() -> None:
    """Each 40 s a heartbeat of its own, whose size is bounded: half of what trickles in, and "late" begins at 60 s."""
    limits = Limits()
    assert limits.modem_alive_s + limits.modem_every_s <= 60.0
    assert DAY_S / limits.modem_alive_s * limits.modem_alive_bytes <= limits.modem_day_bytes * (1 - BURST_SHARE)
