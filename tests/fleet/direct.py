"""Tokens straight into a cluster's stream, past the brokers' MQTT door: for more robots than a machine has sockets.

Keys, chains, journals and receipts are as by MQTT; what is not is the door: one connection of NATS for all robots of a
process. A node lets nobody in who may do that; `open_node` is one that does.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

_PENDING_BYTES = 64 * 1024 * 1024  # written and not sent yet: beyond it the fleet waits
_CONNECT_S = 10


class Hearing(Protocol):
    """A robot that waits for receipts."""

    def heard(self, payload: bytes) -> None: ...


class DirectWire:
    """What one robot publishes by."""

    __slots__ = ("_direct", "_robot")

    def __init__(self, direct: "Direct", robot: str) -> None:
        self._direct, self._robot = direct, robot

    def publish(self, message: bytes) -> None:
        """Evidence. Only receipts count."""
        self._direct.publish(f"wachhund.1.{self._robot}.evidence", message)

    def cut(self, why: str) -> None:
        """There is no connection of its own."""


class Direct:
    """One connection for all robots of a process."""

    def __init__(self, client: Any, robots: Mapping[str, Hearing]) -> None:
        self._client, self._robots = client, robots
        self._out: deque[tuple[str, bytes]] = deque()
        self._draining: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, address: str, robots: Mapping[str, Hearing]) -> "Direct":
        """Come in, and take receipts. Raises what the library raises."""
        import nats

        client = await nats.connect(
            address.split(","), name="wachhund-fleet", max_reconnect_attempts=-1, reconnect_time_wait=1,
            connect_timeout=_CONNECT_S, pending_size=_PENDING_BYTES,
        )  # fmt: skip
        direct = cls(client, robots)
        await client.subscribe("wachhund.1.*.receipt", cb=direct._heard)
        await client.flush()
        return direct

    def wire(self, robot: str) -> DirectWire:
        """What that robot publishes by."""
        return DirectWire(self, robot)

    def publish(self, subject: str, message: bytes) -> None:
        """Send it as soon as there is room."""
        self._out.append((subject, message))
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while self._out:
                subject, message = self._out.popleft()
                await self._client.publish(subject, message)
        finally:
            self._draining = None

    async def _heard(self, message: Any) -> None:
        one = self._robots.get(message.subject.split(".")[2])
        if one is not None:
            one.heard(message.data)

    async def close(self) -> None:
        """Leave."""
        await self._client.close()
