"""MQTT 3.1.1 as the agent speaks it, for as many connections as a process has sockets.

A protocol of asyncio's without streams and without a task of its own: those are most of what a connection would cost.
As the agent's: clean session, a will and a retained status, evidence with QoS 1, receipts with QoS 0, keep-alive.
"""

import asyncio
import struct
import time
from typing import Protocol, cast

from wachhund.demo.crowd_wire import CONNACK, PUBACK, PUBLISH, SUBACK, packet, text
from wachhund_agent.mqtt_wire import KEEPALIVE_S

_CONNECT_FLAGS = 0xEE  # name, password, a retained will of QoS 1, clean session
_MAX_PACKET_BYTES = 256 * 1024
_REFUSED = 0x80
_BY_BROKER = "closed"  # why a connection ended that we did not end
PING_AFTER_S = 0.8 * KEEPALIVE_S


class Owner(Protocol):
    """Who is told what becomes of a connection."""

    def came_in(self) -> None: ...
    def heard(self, payload: bytes) -> None: ...
    def lost(self, why: str) -> None: ...


class Wire(asyncio.Protocol):
    """One connection. `is_in`: the broker has taken it. `at`: monotonic seconds of what was sent last."""

    __slots__ = ("_client_id", "_number", "_owner", "_password", "_rest", "_robot", "_transport", "_why", "at", "is_in")

    def __init__(self, owner: Owner, robot: str, client_id: str, password: str) -> None:
        self._owner, self._robot, self._client_id, self._password = owner, robot, client_id, password
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._number = 1
        self._why = _BY_BROKER
        self.is_in = False
        self.at = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        will = self._topic("status"), text(b"offline")
        account = text(self._robot.encode()), text(self._password.encode())
        head = text(b"MQTT") + bytes([4, _CONNECT_FLAGS]) + struct.pack(">H", KEEPALIVE_S)
        self._write(packet(0x10, head + text(self._client_id.encode()) + b"".join((*will, *account))))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport, self._rest = None, b""
        was_in, self.is_in = self.is_in, False
        is_news = was_in and error is not None and self._why == _BY_BROKER
        self._owner.lost(type(error).__name__ if is_news else self._why)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at = 0
        while (found := _packet_at(data, at)) is not None:
            begins, ends = found
            if ends - begins > _MAX_PACKET_BYTES:
                self.cut("oversize")
                return
            if ends > len(data):
                break
            self._take(data[at], data[begins:ends])
            if self._transport is None:
                return
            at = ends
        self._rest = data[at:]

    def publish(self, message: bytes) -> None:
        """Evidence. What the broker acknowledges is not waited for: only receipts count."""
        self._publish(0x32, "evidence", message)

    def ping_if_idle(self, now: float) -> None:
        """Keep the connection alive; cut one that did not come about."""
        if now - self.at < PING_AFTER_S:
            return
        if self.is_in:
            self._write(packet(0xC0, b""))
        else:
            self.cut("no answer")

    def cut(self, why: str) -> None:
        """End it without a word, as a cut cable does."""
        self._why = why
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Say goodbye, as an agent that is stopped."""
        if self._transport is not None:
            if self.is_in:
                self._publish(0x33, "status", b"offline")
                self._write(packet(0xE0, b""))
            self._why = "left"
            self._transport.close()

    def _take(self, kind: int, body: bytes) -> None:
        if kind & 0xF0 == PUBLISH:
            begins = 2 + struct.unpack_from(">H", body)[0]
            if kind & 0x06:
                self._write(packet(PUBACK, body[begins : begins + 2]))
                begins += 2
            self._owner.heard(body[begins:])
        elif kind == CONNACK:
            if body[1:2] != b"\0":
                self.cut(f"refused {body[1]}" if len(body) > 1 else "refused")
                return
            self._write(packet(0x82, b"\0\1" + self._topic("receipt") + b"\0"))
            self._publish(0x33, "status", b"online")
            self.is_in = True
            self._owner.came_in()
        elif kind == SUBACK and body[2] >= _REFUSED:
            self.cut("no receipts")

    def _publish(self, kind: int, topic: str, message: bytes) -> None:
        self._number = self._number % 0xFFFF + 1
        self._write(packet(kind, self._topic(topic) + struct.pack(">H", self._number) + message))

    def _topic(self, name: str) -> bytes:
        return text(f"wachhund/1/{self._robot}/{name}".encode())

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self.at = time.monotonic()
            self._transport.write(data)


def _packet_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at a place begins and ends; None while its head is not whole."""
    size = shift = 0
    for place in range(at + 1, min(at + 5, len(data))):
        size |= (data[place] & 0x7F) << shift
        shift += 7
        if not data[place] & 0x80:
            return place + 1, place + 1 + size
    return None
