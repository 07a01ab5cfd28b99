"""MQTT 3.1.1 (OASIS, chapter 3), as much of it as a robot needs, for hundreds of connections in one event loop."""

import asyncio
import ssl
import struct
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
_REFUSED = 0x80  # a return code in a SUBACK
_KEEP_ALIVE_S = 600
_MAX_PACKET_BYTES = 256 * 1024  # of the host: a receipt has some 600 bytes
_PATIENCE_S = 20.0


def text(value: bytes) -> bytes:
    """A length and the bytes after it, whatever they are."""
    return struct.pack(">H", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    """A control packet with its length."""
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


class NotLetIn(Exception):
    """The broker did not take the robot."""


@dataclass(frozen=True)
class Account:
    """What the broker asks for."""

    client_id: str
    username: str
    password: str


class CrowdWire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(
        cls, port: int, account: Account, listen_to: str, tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
    ) -> "CrowdWire":  # fmt: skip
        """Come in, and ask for a topic. `tls`: None in clear. Raises NotLetIn, EOFError, OSError."""
        async with asyncio.timeout(_PATIENCE_S):
            wire = cls(*await asyncio.open_connection(address, port, ssl=tls))
            words = (account.client_id, account.username, account.password)
            head = text(b"MQTT") + bytes([4, 0xC2]) + struct.pack(">H", _KEEP_ALIVE_S)
            wire._writer.write(packet(0x10, head + b"".join(text(word.encode()) for word in words)))
            kind, answer = await wire._packet()
            if kind != CONNACK or answer[1:2] != b"\0":
                raise NotLetIn(f"the broker refuses {account.username}")
            wire._writer.write(packet(0x82, b"\0\1" + text(listen_to.encode()) + b"\1"))
            kind, answer = await wire._packet()
            if kind != SUBACK or answer[2] >= _REFUSED:
                raise NotLetIn(f"the broker gives {account.username} no receipts")
            return wire

    async def send(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1; what the broker acknowledges is not waited for: only receipts count."""
        self._writer.write(packet(0x32, text(topic.encode()) + b"\0\1" + payload))
        await self._writer.drain()

    async def hear(self) -> bytes:
        """The next message that comes. Raises EOFError when the connection ends."""
        while True:
            kind, body = await self._packet()
            if kind & 0xF0 != PUBLISH:
                continue
            size = struct.unpack(">H", body[:2])[0]
            rest = body[2 + size :]
            if kind & 0x06:
                self._writer.write(packet(PUBACK, rest[:2]))
                rest = rest[2:]
            return rest

    async def _packet(self) -> tuple[int, bytes]:
        try:
            kind, size, shift = (await self._reader.readexactly(1))[0], 0, 0
            while True:
                low = (await self._reader.readexactly(1))[0]
                size |= (low & 0x7F) << shift
                shift += 7
                if not low & 0x80:
                    break
            if size > _MAX_PACKET_BYTES:
                raise EOFError
            return kind, await self._reader.readexactly(size)
        except asyncio.IncompleteReadError:
            raise EOFError from None

    def close(self) -> None:
        """End it without a word, as a cut wire does."""
        self._writer.close()
