"""MQTT of the fleet, with the bytes as they may come."""

import asyncio

import pytest

from tests.fleet.wire import Wire
from wachhund.demo.crowd_wire import packet, text


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.is_cut = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.is_cut = True


class Owner:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def came_in(self) -> None:
        self.said.append("in")

    def heard(self, payload: bytes) -> None:
        self.said.append(payload)

    def lost(self, why: str) -> None:
        self.said.append(why)


def _wire() -> tuple[Wire, Owner, Transport]:
    owner, transport = Owner(), Transport()
    wire = Wire(owner, "abcdefghij", "client", "word")
    wire.connection_made(transport)
    return wire, owner, transport


def test_it_comes_in_with_a_will_and_says_that_it_is_online_and_asks_for_receipts() -> None:
    wire, owner, transport = _wire()
    will = text(b"wachhund/1/abcdefghij/status") + text(b"offline")
    assert transport.written.endswith(text(b"client") + will + text(b"abcdefghij") + text(b"word"))
    transport.written = b""
    wire.data_received(packet(0x20, b"\0\0"))
    assert owner.said == ["in"]
    assert text(b"wachhund/1/abcdefghij/receipt") + b"\0" in transport.written
    assert transport.written.endswith(b"online")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_packets_may_come_in_any_pieces(size: int) -> None:
    wire, owner, transport = _wire()
    topic = text(b"wachhund/1/abcdefghij/receipt")
    stream = packet(0x20, b"\0\0") + packet(0x30, topic + b"a" * 300) + packet(0x32, topic + b"\0\7" + b"b")
    for at in range(0, len(stream), size):
        wire.data_received(stream[at : at + size])
    assert owner.said == ["in", b"a" * 300, b"b"]
    assert transport.written.endswith(packet(0x40, b"\0\7")), "what comes with QoS 1 is acknowledged"


def test_who_is_not_let_in_is_told_why() -> None:
    wire, owner, transport = _wire()
    wire.data_received(packet(0x20, b"\0\5"))
    assert transport.is_cut
    wire.connection_lost(None)
    assert owner.said == ["refused 5"]
