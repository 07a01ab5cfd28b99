"""One DNS message (RFC 1035): the question, and the addresses of its answer. Strict and bounded. Pure."""

import socket
import struct
from typing import List, NamedTuple, Optional, Tuple

from wachhund_evidence import text

NAME_BYTES = 255  # RFC 1035, 2.3.4
ANSWERS_READ = 64
_JUMPS = 16
_HEADER = struct.Struct("!6H")
_A, _AAAA = 1, 28
TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
         65: "HTTPS", 255: "ANY"}  # fmt: skip


class Message(NamedTuple):
    """`labels`: of the name asked for, readable and in lower case. `qtype`: "A", "TXT", ... or "type-N"."""

    ident: int
    is_response: bool
    code: int
    labels: Tuple[str, ...]
    qtype: str
    addresses: Tuple[str, ...]

    @property
    def name(self) -> str:
        return ".".join(self.labels)


def parse_message(data: bytes) -> Optional[Message]:
    """None for what is no DNS message with exactly one question. Answers that are cut short are left out."""
    if len(data) < _HEADER.size:
        return None
    ident, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if questions != 1 or flags >> 11 & 15:
        return None
    read = _name(data, _HEADER.size)
    if read is None or len(data) < read[1] + 4:
        return None
    labels, at = read
    (qtype,) = struct.unpack_from("!H", data, at)
    addresses: List[str] = []
    at += 4
    for _ in range(min(answers, ANSWERS_READ)):
        read = _name(data, at)
        if read is None or len(data) < read[1] + 10:
            break
        at = read[1]
        kind, _, _, length = struct.unpack_from("!HHIH", data, at)
        at += 10
        raw = data[at : at + length]
        at += length
        if (kind, len(raw)) in ((_A, 4), (_AAAA, 16)):
            addresses.append(socket.inet_ntop(socket.AF_INET if kind == _A else socket.AF_INET6, raw))
    readable = tuple(text(label).lower() for label in labels)
    name = TYPES.get(qtype, "type-{}".format(qtype))
    return Message(ident, bool(flags & 0x8000), flags & 15, readable, name, tuple(addresses))


def _name(data: bytes, at: int) -> Optional[Tuple[List[bytes], int]]:
    """The labels of a name, and where what follows it begins. None for one that is cut, too long or circular."""
    labels: List[bytes] = []
    end: Optional[int] = None
    size = jumps = 0
    while at < len(data):
        length = data[at]
        if length == 0:
            return labels, at + 1 if end is None else end
        if length & 0xC0 == 0xC0:
            jumps += 1
            if at + 2 > len(data) or jumps > _JUMPS:
                return None
            end = at + 2 if end is None else end
            at = struct.unpack_from("!H", data, at)[0] & 0x3FFF
            continue
        size += length + 1
        if length & 0xC0 or size > NAME_BYTES or at + 1 + length > len(data):
            return None
        labels.append(data[at + 1 : at + 1 + length])
        at += 1 + length
    return None
