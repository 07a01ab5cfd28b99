"""What the headers of a packet say: who, to whom, by which protocol, how long. RFC 791, 8200, 768, 792, 4443. Pure."""

import socket
import struct
from typing import NamedTuple, Optional, Tuple

from wachhund_agent.sensors.flow import Endpoint

_V4, _V6 = 0x0800, 0x86DD
_NAMES = {1: "icmp", 4: "ipip", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp",
          132: "sctp", 136: "udplite"}  # fmt: skip
_WITH_PORTS = frozenset({6, 17, 33, 132, 136})
_ECHO = {(1, 8), (1, 0), (58, 128), (58, 129)}
_SKIPPED_HEADERS = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options
_FRAGMENT = 44
_TCP = 6
_HEADERS_READ = 8


class Packet(NamedTuple):
    """`proto`: its name, or "ip-N". `length`: bytes of the whole packet. Ports are 0 where there are none; for an
    ICMP echo both are its identifier. `payload`: where the data begins in what was captured; for TCP its header.
    """

    proto: str
    source: Endpoint
    target: Endpoint
    length: int
    payload: int


def parse_packet(data: bytes, ethertype: int) -> Optional[Packet]:
    """One packet from its IP header on; None for what is cut short, a later fragment, or an ICMP message that only
    reports on another packet.
    """
    if ethertype == _V4:
        found = _v4(data)
    elif ethertype == _V6:
        found = _v6(data)
    else:
        return None
    if found is None:
        return None
    number, at, length, family, source, target = found
    ports: Tuple[int, ...] = (0, 0)
    if number in _WITH_PORTS:
        if len(data) < at + 4:
            return None
        ports = struct.unpack_from("!HH", data, at)
        at += 8 if number != _TCP else 0
    elif number in (1, 58):
        if len(data) < at + 8 or (number, data[at]) not in _ECHO:
            return None
        (ident,) = struct.unpack_from("!H", data, at + 4)
        ports = (ident, ident)
        at += 8
    name = _NAMES.get(number, "ip-{}".format(number))
    ends = [(socket.inet_ntop(family, raw), port) for raw, port in zip((source, target), ports)]
    return Packet(name, ends[0], ends[1], length, at)


_Header = Tuple[int, int, int, int, bytes, bytes]  # protocol, where it begins, length, family, addresses


def _v4(data: bytes) -> Optional[_Header]:
    if len(data) < 20 or data[0] >> 4 != 4:
        return None
    start = (data[0] & 15) * 4
    length, fragment = struct.unpack_from("!H2xH", data, 2)
    if start < 20 or fragment & 0x1FFF:
        return None
    return data[9], start, length, socket.AF_INET, data[12:16], data[16:20]


def _v6(data: bytes) -> Optional[_Header]:
    if len(data) < 40 or data[0] >> 4 != 6:
        return None
    length, number, at = struct.unpack_from("!H", data, 4)[0] + 40, data[6], 40
    for _ in range(_HEADERS_READ):
        if number == _FRAGMENT:
            if len(data) < at + 8 or struct.unpack_from("!H", data, at + 2)[0] & 0xFFF8:
                return None
            number, at = data[at], at + 8
        elif number in _SKIPPED_HEADERS:
            if len(data) < at + 2:
                return None
            number, at = data[at], at + 8 + data[at + 1] * 8
        else:
            break
    return number, at, length, socket.AF_INET6, data[8:24], data[24:40]
