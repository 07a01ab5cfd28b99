"""Quota and queue: what one robot sends never costs another."""

from wachhund.intake.quota import Allowance, Quota
from wachhund.intake.waiting import MAX_OF_ONE, Message, Waiting


def test_a_robot_may_burst_and_then_only_its_rate() -> None:
    """A backlog comes in bursts; a flood does not end."""
    allowance = Allowance(Quota(tokens_per_s=2, tokens_at_once=3, bytes_per_s=1e9, bytes_at_once=1e9), now=0.0)
    assert [allowance.allows(10, 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert [allowance.allows(10, 1.0) for _ in range(3)] == [True, True, False]


def test_bytes_are_bounded_beside_tokens() -> None:
    """Few large tokens cost as much as many small ones."""
    allowance = Allowance(Quota(tokens_per_s=1e9, tokens_at_once=1e9, bytes_per_s=100, bytes_at_once=100), now=0.0)
    assert not allowance.allows(101, 0.0)
    assert allowance.allows(100, 0.0)
    assert not allowance.allows(1, 0.0)
    assert allowance.allows(50, 0.5)


def test_one_robot_cannot_fill_the_queue() -> None:
    """The others' messages find room."""
    waiting = Waiting()
    taken = [waiting.put(Message("a", b"x", 0.0)) for _ in range(MAX_OF_ONE + 5)]
    assert taken.count(True) == MAX_OF_ONE
    assert waiting.put(Message("b", b"x", 0.0))
    assert len(waiting.take(10_000, 0.0)) == MAX_OF_ONE + 1
    assert waiting.put(Message("a", b"x", 0.0))


def test_a_closed_queue_takes_nothing_and_gives_what_it_holds() -> None:
    """At the end of a host what came in is still committed."""
    waiting = Waiting()
    waiting.put(Message("a", b"x", 0.0))
    waiting.close()
    assert not waiting.put(Message("a", b"y", 0.0))
    assert [message.payload for message in waiting.take(10, 60.0)] == [b"x"]
    assert waiting.take(10, 60.0) == []
