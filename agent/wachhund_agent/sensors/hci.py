"""What a Bluetooth controller tells: who connected, who left, who paired. Pure.

Core Specification, volume 4 part E 7.7. All numbers are little-endian. Keys are never looked at: the kernel's filter
has cut them off before.
"""

import struct
from typing import NamedTuple, Optional, Union

from wachhund_agent.kernel import hci_monitor as hci

_ACL_LINK = 1
_LE_TYPES = {0: "public", 1: "random", 2: "public-identity", 3: "random-identity"}
_LE_ROLES = {0: "out", 1: "in"}  # central: this robot called; peripheral: it was called


class Connected(NamedTuple):
    """`transport`: "le" or "classic". `direction`: "in", "out", or None where the event does not say."""

    handle: int
    address: str
    address_type: str
    transport: str
    direction: Optional[str]


class Requested(NamedTuple):
    """Somebody calls this robot (classic Bluetooth)."""

    address: str


class Disconnected(NamedTuple):
    """`reason`: an error code of volume 1 part F; 0x13 is that the other side ended it."""

    handle: int
    reason: int


class Encrypted(NamedTuple):
    """The link is encrypted from now on."""

    handle: int


class Paired(NamedTuple):
    """A pairing went well, or a new key is there (classic Bluetooth)."""

    address: str


Told = Union[Connected, Requested, Disconnected, Encrypted, Paired]


def address_text(raw: bytes) -> str:
    """The usual text of an address in 6 bytes as they travel."""
    return ":".join("{:02X}".format(byte) for byte in reversed(raw))


def parse_event(data: bytes) -> Optional[Told]:
    """One HCI event packet; None for any other, a failed one, or one that is cut short."""
    try:
        return _parse(data[0], data[2:])
    except (IndexError, struct.error):
        return None


def _parse(code: int, body: bytes) -> Optional[Told]:
    if code == hci.REQUESTED:
        return Requested(_address(body, 0)) if body[9] == _ACL_LINK else None
    if code == hci.LINK_KEY:
        return Paired(_address(body, 0))
    if code == hci.LE_META:
        return _le(body)
    if body[0] != 0:  # the status of all others
        return None
    if code == hci.SIMPLY_PAIRED:
        return Paired(_address(body, 1))
    if code == hci.CONNECTED:
        if body[9] != _ACL_LINK:
            return None
        return Connected(_handle(body, 1), _address(body, 3), "public", "classic", None)
    if code == hci.DISCONNECTED:
        return Disconnected(_handle(body, 1), body[3])
    if code == hci.ENCRYPTED and body[3] != 0:
        return Encrypted(_handle(body, 1))
    return None


def _le(body: bytes) -> Optional[Told]:
    if body[0] not in hci.LE_CONNECTED or body[1] != 0:
        return None
    kind = _LE_TYPES.get(body[5], "unknown")
    return Connected(_handle(body, 2), _address(body, 6), kind, "le", _LE_ROLES.get(body[4]))


def _handle(body: bytes, at: int) -> int:
    return int(struct.unpack_from("<H", body, at)[0]) & 0x0FFF


def _address(body: bytes, at: int) -> str:
    if len(body) < at + 6:
        raise IndexError
    return address_text(body[at : at + 6])
