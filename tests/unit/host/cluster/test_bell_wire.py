"""The bell across processes, without a network: what is sent, how often, and what is done with what comes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from wachhund.cluster.bell_wire import BellWire
from wachhund.cluster.nats_wire import NatsWire
from wachhund.ledger.bell import Bell


class Wire:
    """What a bell's wire needs of a connection; time passes when the test says so."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.waiting: list[Callable[[], None]] = []

    def subscribe(self, _subject: str, take: Callable[[Any], None]) -> None:
        self.take = take

    def publish(self, subject: str, payload: bytes) -> None:
        assert subject == "wachhund.changed"
        self.sent.append(payload)

    def soon(self, call: Callable[[], None]) -> None:
        call()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        assert seconds == 0.25
        self.waiting.append(call)

    def a_pause_passes(self) -> None:
        due, self.waiting = self.waiting, []
        for call in due:
            call()


def both() -> tuple[Bell, Wire, BellWire]:
    """A bell on a wire."""
    bell, wire = Bell(), Wire()
    return bell, wire, BellWire(cast(NatsWire, wire), bell)


def test_rings_in_one_pause_are_told_once_and_the_last_of_them_is_told() -> None:
    """Four a second at most, and none is forgotten."""
    bell, wire, _ = both()
    for _ in range(10):
        bell.ring()
    assert len(wire.sent) == 1
    wire.a_pause_passes()
    assert len(wire.sent) == 2
    wire.a_pause_passes()
    wire.a_pause_passes()
    assert len(wire.sent) == 2 and wire.waiting == []
    bell.ring()
    assert len(wire.sent) == 3


def test_a_ring_from_afar_rings_here_once_and_is_not_told_on() -> None:
    """Two processes would ring each other for ever."""
    bell, wire, _ = both()
    wire.take(SimpleNamespace(data=b"another"))
    assert bell.rings == 1 and wire.sent == []
    bell.ring()
    wire.take(SimpleNamespace(data=wire.sent[0]))  # its own comes back
    assert bell.rings == 2


def test_after_its_end_nobody_is_told() -> None:
    """The wire may be gone by then."""
    bell, wire, wired = both()
    wired.stop()
    bell.ring()
    assert wire.sent == []
