"""Rounds: a sense that fails is blind until a look succeeds again, and never takes the others with it."""

from typing import List

import pytest

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.rounds import Rounds
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation


class Counting(Sense):
    """Counts its looks, and fails while it is told to."""

    def __init__(self, name: str) -> None:
        self.name, self.looks, self.failing = name, 0, None  # type: ignore[assignment]

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        self.looks += 1
        if self.failing is not None:
            raise self.failing
        return [Observation("x", 0.0, mono, self.name, {})]

    def coverage(self) -> Coverage:
        return Coverage(self.name, "event", None, 0)

    def close(self) -> None:
        """Nothing is kept open."""


@pytest.mark.parametrize("error", [OSError(28, "No space left"), MemoryError(), KernelError("refused")])
def test_a_sense_that_fails_is_blind_until_it_sees_again(error: Exception) -> None:
    bad, good = Counting("bad"), Counting("good")
    rounds = Rounds([bad, good])
    bad.failing = error  # type: ignore[assignment]
    assert [one.sensor for one in rounds.look(1.0)] == ["good"]
    assert rounds.coverage()["bad"].state == "blind" and "tried again" in (rounds.coverage()["bad"].why or "")
    bad.failing = None
    assert [one.sensor for one in rounds.look(2.0)] == ["bad", "good"]
    assert rounds.coverage()["bad"].state == "event"


def test_a_sense_is_looked_at_when_due_and_not_before() -> None:
    one = Counting("one")
    rounds = Rounds([one])
    for mono in (1.0, 1.2, 1.9, 2.0, 2.5):
        rounds.look(mono)
    assert one.looks == 2 and rounds.next_due() == 3.0


class Calling(Counting):
    """Opens a descriptor in its looks, or closes it, as it is told to."""

    def __init__(self, *descriptors: int) -> None:
        super().__init__("caller")
        self.descriptors = descriptors

    def fds(self) -> List[int]:
        return list(self.descriptors)


def test_a_sense_whose_descriptor_calls_is_looked_at_before_it_is_due_and_no_other() -> None:
    caller, other = Calling(7), Counting("other")
    rounds = Rounds([caller, other])
    rounds.look(1.0)
    rounds.look(1.1, [7])
    rounds.look(1.2, [8])
    assert (caller.looks, other.looks) == (2, 1)


def test_the_descriptors_are_another_tuple_only_when_they_have_changed() -> None:
    """The loop asks the kernel for others only then, and it goes round with each program that starts."""
    caller = Calling(7)
    rounds = Rounds([caller])
    rounds.look(1.0)
    before = rounds.fds
    rounds.look(2.0)
    assert rounds.fds is before == (7,)
    caller.descriptors = (7, 9)
    rounds.look(3.0)
    assert rounds.fds == (7, 9)


class Ending(Counting):
    """Has a last word, or fails at it."""

    def ending(self, mono: float) -> List[Observation]:
        return self.look(mono)


def test_at_the_end_each_sense_that_began_has_its_last_word() -> None:
    """What was counted and not told would be lost; and one that fails must not take the others' words with it."""
    bad, good, silent = Ending("bad"), Ending("good"), Counting("silent")
    rounds = Rounds([bad, good, silent])
    assert rounds.ending(1.0) == [], "nobody has begun"
    rounds.look(2.0)
    bad.failing = OSError(5, "gone")  # type: ignore[assignment]
    assert [one.sensor for one in rounds.ending(3.0)] == ["good"]
