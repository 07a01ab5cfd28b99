"""The ring of events: nothing is forgotten but what the host confirmed, and what is overwritten is counted."""

import json

from witness.ring import SIZE, Ring


def numbers(ring: Ring) -> list[object]:
    return [json.loads(event)[0] for event in ring.oldest(10_000)]


def test_a_confirmed_statement_takes_what_it_told_and_no_more() -> None:
    ring = Ring()
    for up_ms in range(5):
        ring.put(up_ms, "tamper", 1)
    ring.told(1, 3)
    assert ring.confirm(1)
    assert numbers(ring) == [4, 5]


def test_a_confirmation_that_was_used_does_nothing_again() -> None:
    ring = Ring()
    ring.put(1, "tamper", 1)
    ring.told(1, 1)
    assert ring.confirm(1)
    ring.put(2, "tamper", 0)
    assert not ring.confirm(1)
    assert numbers(ring) == [2]


def test_a_confirmation_of_a_statement_that_was_never_made_does_nothing() -> None:
    ring = Ring()
    ring.put(1, "tamper", 1)
    ring.told(1, 1)
    for n in (0, -1, 2, 33, 1 << 40):
        assert not ring.confirm(n)
    assert numbers(ring) == [1]


def test_an_older_confirmation_after_a_newer_does_nothing() -> None:
    ring = Ring()
    ring.put(1, "tamper", 1)
    ring.told(1, 1)
    ring.told(2, 1)
    assert ring.confirm(2)
    assert not ring.confirm(1)


def test_a_full_ring_drops_the_oldest_and_counts_them() -> None:
    ring = Ring()
    for up_ms in range(SIZE + 7):
        ring.put(up_ms, "pi-power", up_ms & 1)
    assert ring.lost == 7
    assert ring.waiting() == SIZE
    assert numbers(ring)[0] == 8


def test_what_was_overwritten_since_it_was_told_is_not_taken_twice() -> None:
    ring = Ring()
    ring.put(0, "start", "power")
    ring.told(1, 1)
    for up_ms in range(SIZE + 10):
        ring.put(up_ms, "pi-power", 1)
    before = numbers(ring)
    assert ring.confirm(1)
    assert numbers(ring) == before
