"""What a robot believes to be at its host: held against a plain set of numbers, and given up where it is wrong."""

import random
from typing import List, Set, Tuple

import pytest

from wachhund_agent.at_host import AtHost
from wachhund_evidence import MAX_HELD_RANGES, spans_of

LAST = 60


def receipt(numbers: Set[int]) -> Tuple[int, List[Tuple[int, int]]]:
    """What a host that holds these says: all up to one, and the ranges beyond it, at most 16."""
    whole = 0
    while whole + 1 in numbers:
        whole += 1
    return whole, spans_of(sorted(number for number in numbers if number > whole))[:MAX_HELD_RANGES]


def believed(there: AtHost) -> Set[int]:
    return {number for number in range(1, LAST + 1) if there.holds(number)}


def arrived(there: AtHost, seq: int, *spans: Tuple[int, int]) -> AtHost:
    there.arrived(seq, spans)
    return there


@pytest.mark.parametrize("seed", range(20))
def test_every_question_is_answered_as_a_set_of_numbers_would(seed: int) -> None:
    """Whatever arrives in whatever order."""
    dice = random.Random(seed)
    there, numbers = AtHost(1000), set()
    for _ in range(200):
        first = dice.randint(1, LAST)
        new = set(range(first, min(LAST, first + dice.choice([0, 0, 0, 1, 5])) + 1))
        numbers |= new
        whole, _ = receipt(numbers)
        there.arrived(whole, spans_of(sorted(new)))
        assert believed(there) == numbers
        first = dice.randint(1, LAST)
        last = dice.randint(first, LAST)
        asked = set(range(first, last + 1))
        lacking = [number for a, b in there.lacking(first, last) for number in range(a, b + 1)]
        assert lacking == sorted(asked - numbers)
        assert there.count(first, last) == len(asked & numbers)
        assert there.holds_all(first, last) == (asked <= numbers)
        assert there.highest == max(numbers)
        assert there.next_lacking(first) == min(set(range(first, LAST + 2)) - numbers)
        beyond = [number for number in asked & numbers if number > whole]
        if first > whole:
            assert there.next_held(first, last) == min(beyond, default=last + 1)


@pytest.mark.parametrize("seed", range(20))
def test_a_host_that_holds_what_it_held_is_never_taken_for_a_restored_one(seed: int) -> None:
    """Nor when it has more ranges than a receipt can name; one that lacks something is, when it names all it has."""
    dice = random.Random(seed)
    there, numbers = AtHost(1000), set()
    for _ in range(LAST):
        numbers.add(dice.randint(1, LAST))
        assert not there.lost(*receipt(numbers))
        there.arrived(receipt(numbers)[0], spans_of(sorted(numbers)))
    whole, held = receipt(numbers)
    for gone in list(numbers):
        whole, held = receipt(numbers - {gone})
        if len(held) < MAX_HELD_RANGES:
            assert there.lost(whole, held)


def test_with_sixteen_ranges_named_a_hole_where_something_had_arrived_shows_a_restored_host() -> None:
    """It cannot hold the next number and say that it is whole only up to the one before."""
    full = [(number, number) for number in range(30, 62, 2)]
    there = arrived(AtHost(1000), 3, (10, 20))
    assert not there.lost(5, full) and there.lost(9, full)


def test_what_a_receipt_says_beyond_what_was_on_its_way_is_not_believed() -> None:
    """Who copied the key could else keep our own tokens of these numbers from ever being sent."""
    there = arrived(AtHost(1000), 3)
    assert not there.lost(3, [(10, 20)]) and not there.holds(10)


def test_when_the_host_holds_less_nothing_is_believed_but_its_newest_word() -> None:
    there = arrived(AtHost(1000), 50, (60, 70))
    assert there.lost(20, [])
    there.forget()
    assert believed(arrived(there, 20)) == set(range(1, 21))


def test_beyond_its_bound_the_lowest_are_forgotten() -> None:
    """They are sent again, which costs bytes and loses nothing."""
    there = arrived(AtHost(4), 0, *((number, number) for number in range(2, 14, 2)))
    assert len(there) == 4 and not there.holds(2) and not there.holds(4) and there.holds(12)
