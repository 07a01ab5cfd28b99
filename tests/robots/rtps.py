"""Writes announcements of DDS participants from the specification (OMG DDSI-RTPS 2.5); shares nothing with the agent.

Runs under Python 3.7.
"""

from __future__ import annotations

import struct

CYCLONE, FAST = 0x0110, 0x010F
PREFIX = bytes(range(0x10, 0x1C))
SPDP_WRITER = b"\x00\x01\x00\xc2"


def parameter(kind: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", kind, len(value)) + value


def data(
    writer: bytes = SPDP_WRITER, lease: float | None = 10.0, leaves: bool = False, order: str = "<", closed: bool = True
) -> bytes:
    """A DATA submessage (9.4.5.4): a participant's announcement, or its good-bye."""
    flags = (1 if order == "<" else 0) | (2 if leaves else 0) | 4
    body = struct.pack(order + "HH", 0, 16) + bytes(4) + writer + bytes(8)
    end = parameter(1, b"", order)
    if leaves:
        body += parameter(0x71, b"\x00\x00\x00\x03", order) + end
    body += struct.pack(">HH", 3 if order == "<" else 2, 0) + parameter(0x50, PREFIX + b"\x00\x00\x01\xc1", order)
    if lease is not None:
        body += parameter(2, struct.pack(order + "iI", int(lease), int(lease % 1 * 2**32)), order)
    body += end
    return struct.pack(order + "BBH", 0x15, flags, len(body) if closed else 0) + body


def message(*submessages: bytes, vendor: int = CYCLONE, prefix: bytes = PREFIX) -> bytes:
    return b"RTPS" + bytes((2, 5)) + struct.pack(">H", vendor) + prefix + b"".join(submessages)


def timestamp() -> bytes:
    return struct.pack("<BBH", 9, 1, 8) + bytes(8)


def source(prefix: bytes, vendor: int) -> bytes:
    """INFO_SRC: what follows comes from somebody else (9.4.5.10)."""
    return struct.pack("<BBH", 0x0C, 1, 20) + bytes(4) + bytes((2, 5)) + struct.pack(">H", vendor) + prefix
