"""MQTT 3.1.1 as a subscriber needs it (OASIS MQTT 3.1.1, chapters 2 and 3). Pure: bytes in, packets out.

Anybody may publish 256 MB on a robot's own broker, so only the beginning of a packet is kept and the rest is counted:
that is why the agent's MQTT library, which collects whole packets, is not used here.
"""

import struct
from typing import List, NamedTuple, Optional, Sequence

KEPT_BYTES = 8 * 1024  # of one packet: a topic of the usual length and enough of its payload to know its kind
CONNACK, PUBLISH, SUBACK = 2, 3, 9
REFUSED = 0x80  # in a SUBACK
_CONNECT, _SUBSCRIBE, _PINGREQ, _DISCONNECT = 0x10, 0x82, 0xC0, 0xE0
_LENGTH_BYTES = 4
_SUBSCRIPTION = 1


class Packet(NamedTuple):
    """One packet. `body`: at most KEPT_BYTES of what follows its fixed header. `size`: all that followed."""

    kind: int
    flags: int
    body: bytes
    size: int


class Publish(NamedTuple):
    """A message. `head`: the beginning of its payload. `size`: of the whole payload, bytes."""

    topic: bytes
    head: bytes
    size: int
    retained: bool


def _packet(first: int, body: bytes) -> bytes:
    length = bytearray()
    left = len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes([first]) + bytes(length) + body


def _string(value: str) -> bytes:
    data = value.encode("utf-8")[:0xFFFF]
    return struct.pack("!H", len(data)) + data


def connect(client: str, keep_alive_s: int) -> bytes:
    """A clean session without name or password."""
    return _packet(_CONNECT, _string("MQTT") + bytes([4, 2]) + struct.pack("!H", keep_alive_s) + _string(client))


def subscribe(filters: Sequence[str]) -> bytes:
    """At most once each: nothing that is sent to us waits for our answer."""
    wanted = b"".join(_string(wanted) + b"\x00" for wanted in filters)
    return _packet(_SUBSCRIBE, struct.pack("!H", _SUBSCRIPTION) + wanted)


def ping() -> bytes:
    return _packet(_PINGREQ, b"")


def disconnect() -> bytes:
    return _packet(_DISCONNECT, b"")


def read_publish(packet: Packet) -> Optional[Publish]:
    """The message in a PUBLISH packet; None for one that contradicts itself."""
    if packet.size < 2 or len(packet.body) < 2:
        return None
    (length,) = struct.unpack_from("!H", packet.body)
    at = 2 + length + (2 if packet.flags & 0x06 else 0)
    if not length or packet.size < at:
        return None
    return Publish(packet.body[2 : 2 + length], packet.body[at:], packet.size - at, bool(packet.flags & 0x01))


class PacketReader:
    """Cuts a stream into packets. `broken`: it is no MQTT; nothing more comes out."""

    def __init__(self) -> None:
        self.broken = False
        self._header = bytearray()
        self._body = bytearray()
        self._size = 0
        self._left: Optional[int] = None

    def feed(self, data: bytes) -> List[Packet]:
        """The packets that end in these bytes."""
        found: List[Packet] = []
        at = 0
        while at < len(data) and not self.broken:
            if self._left is None:
                self._take_header(data[at])
                at += 1
            else:
                taken = min(self._left, len(data) - at)
                self._body += data[at : at + min(taken, KEPT_BYTES - len(self._body))]
                self._left -= taken
                at += taken
            if self._left == 0:
                found.append(Packet(self._header[0] >> 4, self._header[0] & 15, bytes(self._body), self._size))
                self._header, self._body, self._left = bytearray(), bytearray(), None
        return found

    def _take_header(self, byte: int) -> None:
        self._header.append(byte)
        if len(self._header) == 1:
            self.broken = not byte >> 4
        elif not byte & 0x80:
            self._size = sum((digit & 0x7F) << 7 * place for place, digit in enumerate(self._header[1:]))
            self._left = self._size
        else:
            self.broken = len(self._header) > _LENGTH_BYTES
