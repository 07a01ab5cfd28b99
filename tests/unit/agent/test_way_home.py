"""Which address is tried when: the rule that docs/operate.md states, and its bounds. Runs under Python 3.7."""

from typing import List, Tuple

import pytest

from wachhund_agent.way_home import STOOD_S, WayHome

FIRST_S, LAST_S = 1.5, 40.0


def tries(way: WayHome, count: int) -> List[Tuple[int, float]]:
    """So many tries that fail: the place of each, and the wait after it."""
    made = []
    for _ in range(count):
        place = way.place
        made.append((place, way.failed()))
    return made


def test_a_round_goes_through_all_addresses_and_only_then_waits() -> None:
    """A robot on the campus must not wait for the bench's turn to be over: the next is asked at once."""
    way = WayHome(3, FIRST_S, LAST_S)
    assert tries(way, 6) == [(0, 0.0), (1, 0.0), (2, 1.5), (0, 0.0), (1, 0.0), (2, 3.0)]


def test_with_one_address_each_wait_is_twice_as_long_up_to_a_bound() -> None:
    """As it was before there could be several."""
    waits = [wait for _, wait in tries(WayHome(1, FIRST_S, LAST_S), 8)]
    assert waits == [1.5, 3.0, 6.0, 12.0, 24.0, 40.0, 40.0, 40.0]


def test_a_connection_makes_the_next_wait_short_again() -> None:
    way = WayHome(2, FIRST_S, LAST_S)
    tries(way, 9)
    assert way.place == 1
    way.worked()
    assert way.lost(STOOD_S) == FIRST_S


@pytest.mark.parametrize(("stood_s", "next_place"), [(STOOD_S, 0), (86_400.0, 0), (STOOD_S - 0.1, 2), (0.0, 2)])
def test_after_a_lost_connection_the_first_comes_first_unless_it_was_a_short_one(
    stood_s: float, next_place: int
) -> None:
    """Else an address that lets us in and throws us out would keep us from all behind it, for ever."""
    way = WayHome(3, FIRST_S, LAST_S)
    way.failed()
    way.worked()
    assert way.lost(stood_s) == FIRST_S and way.place == next_place


def test_an_address_that_throws_us_out_takes_its_turn_and_no_more() -> None:
    """All of them are asked when each connection is lost at once, and none more than once a second."""
    way, seen = WayHome(3, FIRST_S, LAST_S), []
    for _ in range(6):
        seen.append(way.place)
        way.worked()
        assert way.lost(0.5) >= 1.0
    assert seen == [0, 1, 2, 0, 1, 2]


def test_a_host_that_turns_us_away_is_not_asked_at_its_other_address_at_once() -> None:
    """It is the same host, most likely; it holds robots off that come more than once a second."""
    assert WayHome(2, FIRST_S, LAST_S).failed(by_host=True) == FIRST_S
