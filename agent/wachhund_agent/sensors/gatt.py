"""What is written to the attributes of a Bluetooth device, and how the attributes are named. Pure, with bounds.

ACL packets (Core Specification, volume 4 part E 5.4.2) are put together to L2CAP frames (volume 3 part A 3.1), of which
the attribute protocol's (part F) are read. Of a value only its beginning is handed on.
"""

import struct
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from wachhund_agent.kernel import hci_monitor as hci

FRAMES_KEPT = 64  # begun and not ended: one a connection and direction
FRAME_BYTES = 600  # an attribute holds at most 512
HEAD_BYTES = 64  # of a value
NAMES_KEPT = 1024  # attributes of this robot; BlueZ has some 40
CHARACTERISTIC = "2803"
PAIRING_ASKED, PAIRING_FAILED = 1, 5
_ATT, _SMP = 4, 6
_CONTINUED = 1
_BASE_UUID = bytes.fromhex("fb349b5f8000008000100000")  # of the 16-bit names, as it travels
_ACL = struct.Struct("<HH")
_L2CAP = struct.Struct("<HH")


class Write(NamedTuple):
    """A value, or a piece of a long one. `head`: its beginning. `size`: bytes of all of it."""

    handle: int
    size: int
    head: bytes


class Asked(NamedTuple):
    """Attributes of a type are asked for."""

    kind: str


class Named(NamedTuple):
    """What the answer says: number of an attribute -> the name of what it is. `kind`: of a characteristic's list."""

    names: Dict[int, str]
    declarations: bool


class Pairing(NamedTuple):
    """A message of the pairing protocol (volume 3 part H 3.3)."""

    code: int


Said = Union[Write, Asked, Named, Pairing]


def uuid_text(raw: bytes) -> Optional[str]:
    """The name in 2 or 16 bytes as they travel: four digits where the standard's base allows it."""
    if len(raw) == 2 or (len(raw) == 16 and raw[:12] == _BASE_UUID and raw[14:] == b"\x00\x00"):
        return "{:02x}{:02x}".format(raw[-1 if len(raw) == 2 else 13], raw[0 if len(raw) == 2 else 12])
    if len(raw) != 16:
        return None
    text = raw[::-1].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Reassembly:
    """Frames whose pieces come in packets of their own. `broken`: frames that were given up."""

    def __init__(self) -> None:
        self.broken = 0
        self._begun: Dict[Tuple[int, int, bool], Tuple[int, int, bytes]] = {}

    def feed(self, index: int, sent: bool, data: bytes) -> Optional[Tuple[int, Said]]:
        """One ACL packet. Returns the connection's handle and what a frame said that is whole now."""
        if len(data) < _ACL.size:
            return None
        first, _ = _ACL.unpack_from(data)
        key = (index, first & 0x0FFF, sent)
        body = data[_ACL.size :]
        if (first >> 12) & 3 == _CONTINUED:
            begun = self._begun.pop(key, None)
            if begun is None:
                return None  # the kernel's filter kept its beginning back
            length, channel, body = begun[0], begun[1], begun[2] + body
        else:
            if self._begun.pop(key, None) is not None:
                self.broken += 1
            if len(body) < _L2CAP.size:
                return None
            length, channel = _L2CAP.unpack_from(body)
            body = body[_L2CAP.size :]
        if channel == _SMP and body:
            return key[1], Pairing(body[0])
        if channel != _ATT:
            return None
        if len(body) < length:
            if length > FRAME_BYTES or len(self._begun) >= FRAMES_KEPT:
                self.broken += 1
                return None
            self._begun[key] = (length, channel, body)
            return None
        said = parse_att(body[:length])
        return None if said is None else (key[1], said)

    def forget(self, index: int, handle: Optional[int] = None) -> None:
        """A connection, or all of a controller's, is gone."""
        for key in [key for key in self._begun if key[0] == index and handle in (None, key[1])]:
            del self._begun[key]


def parse_att(data: bytes) -> Optional[Said]:
    """One message of the attribute protocol; None for what nobody asked about, or what is cut short."""
    code, body = (data[0], data[1:]) if data else (0, b"")
    if code in (hci.WRITE, hci.WRITE_UNANSWERED) and len(body) >= 2:
        return _write(body, 2, 0)
    if code == hci.WRITE_SIGNED and len(body) >= 14:
        return _write(body, 2, 12)  # the signature is no part of the value
    if code == hci.WRITE_PREPARED and len(body) >= 4:
        return _write(body, 4, 0)
    if code == hci.BY_TYPE_ASKED:
        kind = uuid_text(body[4:])
        return None if kind is None else Asked(kind)
    if code == hci.BY_TYPE_TOLD and body and body[0] in (7, 21):
        return Named(_declared(body), True)
    if code == hci.INFORMATION and body and body[0] in (1, 2):
        return Named(_informed(body), False)
    return None


def _write(body: bytes, at: int, signature: int) -> Write:
    value = body[at : len(body) - signature]
    return Write(struct.unpack_from("<H", body)[0], len(value), value[:HEAD_BYTES])


def _declared(body: bytes) -> Dict[int, str]:
    """A list of characteristics: where its declaration is, properties, where its value is, what it is."""
    size = body[0]
    return _names([entry[3:] for entry in _pieces(body[1:], size)])


def _informed(body: bytes) -> Dict[int, str]:
    return _names(_pieces(body[1:], 4 if body[0] == 1 else 18))


def _pieces(data: bytes, size: int) -> List[bytes]:
    return [data[at : at + size] for at in range(0, len(data) - size + 1, size)]


def _names(entries: List[bytes]) -> Dict[int, str]:
    found: Dict[int, str] = {}
    for entry in entries:
        name = uuid_text(entry[2:])
        if name is not None:
            found[struct.unpack_from("<H", entry)[0]] = name
    return found
