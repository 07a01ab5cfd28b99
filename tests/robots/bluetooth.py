"""Writes what Linux's Bluetooth monitor channel would show, from the Core Specification; shares nothing with the agent.

`btmon` reads the same frames (tests/system/sensing/test_bluetooth.py), so this writer is not only judged by its reader.
Runs under Python 3.7.
"""

from __future__ import annotations

import struct

EVENT, SENT, RECEIVED = 3, 4, 5
PHONE, PAD = "5C:F3:70:00:11:22", "98:B6:E9:33:44:55"
WRITE, WRITE_COMMAND = 0x12, 0x52


def frame(opcode: int, packet: bytes, controller: int = 0) -> bytes:
    """As the kernel hands it out: opcode, controller, length, packet."""
    return struct.pack("<HHH", opcode, controller, len(packet)) + packet


def address_bytes(address: str) -> bytes:
    """Addresses travel from the last byte to the first."""
    return bytes(int(part, 16) for part in reversed(address.split(":")))


def event(code: int, body: bytes) -> bytes:
    return frame(EVENT, bytes((code, len(body))) + body)


def le_connected(handle: int, address: str, role: int = 1, kind: int = 1, status: int = 0) -> bytes:
    """LE Connection Complete; role 1: this side is the peripheral. 7.7.65.1."""
    body = struct.pack("<BBHBB", 1, status, handle, role, kind) + address_bytes(address)
    return event(0x3E, body + struct.pack("<HHHB", 24, 0, 72, 0))


def le_connected_enhanced(handle: int, address: str, role: int) -> bytes:
    """7.7.65.10: with the private addresses of both sides."""
    body = struct.pack("<BBHBB", 10, 0, handle, role, 0) + address_bytes(address) + bytes(12)
    return event(0x3E, body + struct.pack("<HHHB", 24, 0, 72, 0))


def called(address: str) -> bytes:
    """Connection Request, 7.7.4."""
    return event(0x04, address_bytes(address) + bytes((0x08, 0x05, 0x00, 1)))


def connected(handle: int, address: str) -> bytes:
    """Connection Complete, 7.7.3."""
    return event(0x03, struct.pack("<BH", 0, handle) + address_bytes(address) + bytes((1, 0)))


def disconnected(handle: int, reason: int = 0x13) -> bytes:
    return event(0x05, struct.pack("<BHB", 0, handle, reason))


def encrypted(handle: int) -> bytes:
    return event(0x08, struct.pack("<BHB", 0, handle, 1))


def simply_paired(address: str, status: int = 0) -> bytes:
    return event(0x36, bytes((status,)) + address_bytes(address))


def link_key(address: str, key: bytes) -> bytes:
    return event(0x18, address_bytes(address) + key + b"\x04")


def advertising(address: str) -> bytes:
    """LE Advertising Report: what fills the air, and is nobody's business."""
    return event(0x3E, bytes((2, 1, 0, 1)) + address_bytes(address) + b"\x03\x02\x01\x06\xc5")


def acl(handle: int, channel: int, payload: bytes, received: bool = True, pieces: int = 0) -> list[bytes]:
    """One L2CAP frame; with `pieces` it comes in packets of so many bytes."""
    whole = struct.pack("<HH", len(payload), channel) + payload
    size = pieces or len(whole)
    made = []
    for at in range(0, len(whole), size):
        piece = whole[at : at + size]
        flags = 1 if at else (2 if received else 0)
        packet = struct.pack("<HH", handle | flags << 12, len(piece)) + piece
        made.append(frame(RECEIVED if received else SENT, packet))
    return made


def written(handle: int, attribute: int, value: bytes, opcode: int = WRITE, pieces: int = 0) -> list[bytes]:
    """The other side writes a value."""
    return acl(handle, 4, bytes((opcode,)) + struct.pack("<H", attribute) + value, pieces=pieces)


def discovered(handle: int, found: list[tuple[int, int, str]], pieces: int = 0) -> list[bytes]:
    """The other side asks for characteristics; this robot answers (declaration, value's attribute, name)."""
    asked = acl(handle, 4, b"\x08" + struct.pack("<HHH", 1, 0xFFFF, 0x2803))
    entries = [struct.pack("<HBH", first, 0x0E, value) + bytes.fromhex(name)[::-1] for first, value, name in found]
    return asked + acl(handle, 4, b"\x09" + bytes((len(entries[0]),)) + b"".join(entries), False, pieces)


def described(handle: int, attribute: int, name: str) -> list[bytes]:
    """Find Information Response with one descriptor."""
    told = b"\x05\x01" + struct.pack("<H", attribute) + bytes.fromhex(name)[::-1]
    return acl(handle, 4, told, received=False)


def pairing(handle: int, code: int, body: bytes = b"", received: bool = True) -> list[bytes]:
    """A message of the Security Manager Protocol."""
    return acl(handle, 6, bytes((code,)) + body, received)


def set_up(instruction: int, data: bytes) -> bytes:
    """A message of Unitree's network set-up, before it is enciphered."""
    head = bytes((0x52, len(data) + 4, instruction)) + data
    return head + bytes((-sum(head) & 0xFF,))


def chunks(instruction: int, value: bytes) -> list[bytes]:
    """A long text goes in pieces of 14 bytes, each with its number and how many there are."""
    pieces = [value[at : at + 14] for at in range(0, len(value), 14)]
    return [set_up(instruction, bytes((number, len(pieces))) + piece) for number, piece in enumerate(pieces, start=1)]


def btsnoop(frames: list[bytes]) -> bytes:
    """A capture that btmon reads: BlueZ's doc/btsnoop, format "monitor" (2001)."""
    made = b"btsnoop\x00" + struct.pack(">II", 1, 2001)
    for number, one in enumerate(frames):
        opcode, controller, size = struct.unpack_from("<HHH", one)
        flags = controller << 16 | opcode
        made += struct.pack(">IIIIq", size, size, flags, 0, 0x00E03AB44A676000 + number * 1000) + one[6:]
    return made
