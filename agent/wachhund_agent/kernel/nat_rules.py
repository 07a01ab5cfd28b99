"""Rules of the packet filters that lead connections on to somewhere else: what they match, and where they lead. Pure.

Layouts: <linux/netfilter/nf_tables.h>, <linux/netfilter/nf_nat.h>, <linux/netfilter/xt_tcpudp.h>,
<linux/netfilter_ipv4/ip_tables.h>. A rule may match by more than is read here: then it leads on less than it seems.
"""

import socket
import struct
from typing import Dict, List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel.netlink import attribute_list, attributes
from wachhund_evidence import text

_IPV6 = 10
_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp"}
_META_IIFNAME, _META_L4PROTO = 6, 16
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
# Header, offset and length: IPv4's and IPv6's protocol, and the target port.
_PLACES = {(_NETWORK_HEADER, 9, 1): "proto", (_NETWORK_HEADER, 6, 1): "proto", (_TRANSPORT_HEADER, 2, 2): "port"}
_IS, _AT_MOST, _AT_LEAST, _IN_A_SET = 0, 3, 5, -1  # enum nft_cmp_ops
_DNAT = 1
_HAS_ADDRESS, _HAS_PORT = 1, 2  # NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED
_LEADING = (b"DNAT", b"REDIRECT")
_ANY_PORT = (0, 65535)
_RULE_HEAD, _PART_HEAD = 84, 32  # struct ipt_ip; struct xt_entry_match and xt_entry_target
_NOT_INTERFACE, _NOT_PROTO = 0x01, 0x40  # IPT_INV_VIA_IN, XT_INV_PROTO
_NOT_PORT = 0x02  # XT_TCP_INV_DSTPT, XT_UDP_INV_DSTPT
_NOTS_AT = {b"tcp": 11, b"udp": 8}  # where struct xt_tcp and xt_udp say what is turned round

SOME = "some"  # what is matched is not one value or range


class Forward(NamedTuple):
    """A rule that leads connections on. `interface`: by which they come in; None for each, as for `proto`, `port`.

    `port`: "2280" or "2000-3000". What is matched in another way is SOME. `to`: the address where they lead, "" for
    this machine itself, None when it comes out of a map. `to_port` likewise, None when it stays the same.
    """

    proto: Optional[str] = None
    interface: Optional[str] = None
    port: Optional[str] = None
    to: Optional[str] = None
    to_port: Optional[int] = None


def of_nftables(body: bytes) -> Optional[Forward]:
    """A rule as NFT_MSG_NEWRULE describes it; None when it leads nothing on. Also one that iptables-nft wrote."""
    found = Forward()
    meaning: Dict[int, str] = {}  # of a register: which part of a packet was loaded into it
    values: Dict[int, bytes] = {}
    for _, element in attribute_list(attributes(body, 4).get(4, b"")):
        expression = attributes(element)
        name, about = expression.get(1, b"").rstrip(b"\x00"), attributes(expression.get(2, b""))
        if name in (b"meta", b"payload"):
            meaning[_number(about, 1)] = _loaded(name, about)
        elif name == b"immediate":
            values[_number(about, 1)] = attributes(about.get(2, b"")).get(1, b"")
        elif name in (b"cmp", b"range"):
            compared = [attributes(about.get(at, b"")).get(1, b"") for at in ((3,) if name == b"cmp" else (3, 4))]
            found = _matched(found, meaning.get(_number(about, 1), ""), _number(about, 2), compared)
        elif name == b"lookup":
            found = _matched(found, meaning.get(_number(about, 2), ""), _IN_A_SET, [])
        elif name == b"match":
            found = _old_match(found, about.get(1, b"").rstrip(b"\x00"), about.get(3, b""))
        elif name == b"nat" and _number(about, 1) == _DNAT:
            return found._replace(to=_address(values.get(_number(about, 3), b"")),
                                  to_port=_port(values.get(_number(about, 5), b"")))  # fmt: skip
        elif name == b"redir":
            return found._replace(to="", to_port=_port(values.get(_number(about, 1), b"")))
        elif name == b"target":
            target = about.get(1, b"").rstrip(b"\x00")
            return _old_target(found, target, _number(about, 2), body[:1] == bytes([_IPV6]), about.get(3, b""))
    return None


def of_older_table(entries: bytes, at: int) -> List[Forward]:
    """The rules of the older filter's table that lead on. `at`: where a rule holds the lengths of its parts."""
    found: List[Forward] = []
    is_ipv6 = at > _RULE_HEAD + 4
    matches_at = 168 if is_ipv6 else 112
    start = 0
    while start + at + 4 <= len(entries):
        target, following = struct.unpack_from("=HH", entries, start + at)
        rule = entries[start : start + following]
        name = rule[target + 2 : target + 31].split(b"\x00")[0]
        if name in _LEADING and len(rule) >= target + _PART_HEAD:
            made = _old_head(rule, is_ipv6)
            part = matches_at
            while part + _PART_HEAD <= min(target, len(rule)):
                (size,) = struct.unpack_from("=H", rule, part)
                made = _old_match(made, rule[part + 2 : part + 31].split(b"\x00")[0], rule[part + _PART_HEAD :])
                part += max(size, _PART_HEAD)
            led = _old_target(made, name, rule[target + 31], is_ipv6, rule[target + _PART_HEAD :])
            if led is not None:
                found.append(led)
        if following < at + 4:
            break
        start += following
    return found


def _number(about: Dict[int, bytes], at: int) -> int:
    """A number of nf_tables, which speaks big endian; -1 for none."""
    return int.from_bytes(about.get(at) or b"\xff" * 8, "big") if at in about else -1


def _loaded(name: bytes, about: Dict[int, bytes]) -> str:
    if name == b"meta":
        return {_META_IIFNAME: "interface", _META_L4PROTO: "proto"}.get(_number(about, 2), "")
    return _PLACES.get((_number(about, 2), _number(about, 3), _number(about, 4)), "")


def _matched(found: Forward, what: str, how: int, compared: List[bytes]) -> Forward:
    """A packet's part was compared: one value, or the ends of a range that `how` "is" covers."""
    if what == "interface":
        return found._replace(interface=_interface(compared[0]) if how == _IS else SOME)
    if what == "proto":
        return found._replace(proto=_protocol(compared[0][0]) if how == _IS and len(compared[0]) == 1 else SOME)
    if what == "port":
        return found._replace(port=_ports(found.port, how, compared))
    return found


def _interface(raw: bytes) -> str:
    """A name; where no end of it is compared, all that begin so."""
    return text(raw.split(b"\x00")[0]) + ("" if b"\x00" in raw else "*")


def _protocol(number: int) -> str:
    return _PROTOCOLS.get(number, "ip-{}".format(number))


def _ports(before: Optional[str], how: int, compared: List[bytes]) -> str:
    if any(len(one) != 2 for one in compared):
        return SOME
    numbers = [str(int.from_bytes(one, "big")) for one in compared]
    if how == _IS:
        return "-".join(numbers)
    if how == _AT_LEAST:
        return numbers[0] + "-"
    return before + numbers[0] if how == _AT_MOST and before is not None and before[-1:] == "-" else SOME


def _old_head(rule: bytes, is_ipv6: bool) -> Forward:
    begins, nots_at = (64, 132) if is_ipv6 else (16, 83)
    if len(rule) <= nots_at:
        return Forward()
    (proto,) = struct.unpack_from("=H", rule, begins + 64)
    interface = text(rule[begins : begins + 16].split(b"\x00")[0]) or None
    nots = rule[nots_at]
    shown = None if not proto else SOME if nots & _NOT_PROTO else _protocol(proto)
    return Forward(shown, SOME if interface is not None and nots & _NOT_INTERFACE else interface)


def _old_match(found: Forward, name: bytes, data: bytes) -> Forward:
    """What struct xt_tcp or xt_udp says of the port."""
    if len(data) <= _NOTS_AT.get(name, len(data)):
        return found
    first, last = struct.unpack_from("=HH", data, 4)
    found = found._replace(proto=name.decode())
    if (first, last) == _ANY_PORT:
        return found
    if data[_NOTS_AT[name]] & _NOT_PORT:
        return found._replace(port=SOME)
    return found._replace(port=str(first) if first == last else "{}-{}".format(first, last))


def _old_target(found: Forward, name: bytes, revision: int, is_ipv6: bool, data: bytes) -> Optional[Forward]:
    """struct nf_nat_range, or for IPv4 at first struct nf_nat_ipv4_multi_range_compat."""
    if name not in _LEADING:
        return None
    old = not is_ipv6 and (revision == 0 or name == b"REDIRECT")
    flags_at, size, port_at = (4, 4, 16) if old else (0, 16, 36)
    if len(data) < port_at + 2:
        return found
    (flags,) = struct.unpack_from("=I", data, flags_at)
    address = data[flags_at + 4 : flags_at + 4 + size]
    to = _address(address if is_ipv6 else address[:4]) if flags & _HAS_ADDRESS else None
    to_port = _port(data[port_at : port_at + 2]) if flags & _HAS_PORT else None
    return found._replace(to="" if name == b"REDIRECT" else to, to_port=to_port)


def _address(raw: bytes) -> Optional[str]:
    family: Tuple[int, ...] = {4: (socket.AF_INET,), 16: (socket.AF_INET6,)}.get(len(raw), ())
    return socket.inet_ntop(family[0], raw) if family else None


def _port(raw: bytes) -> Optional[int]:
    return int.from_bytes(raw[:2], "big") if len(raw) >= 2 else None
