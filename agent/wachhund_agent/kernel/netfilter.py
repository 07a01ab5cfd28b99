"""Whether the kernel rewrites addresses (NAT): the rules of nf_tables, and of the older packet filter.

Layouts: <linux/netfilter/nf_tables.h>, <linux/netfilter_ipv4/ip_tables.h>. Needs CAP_NET_ADMIN.
"""

import ctypes
import os
import socket
import struct
from typing import List, NamedTuple, Tuple

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.nat_rules import Forward, of_nftables, of_older_table
from wachhund_agent.kernel.netlink import NETLINK_NETFILTER, NetlinkFeed, attribute_list, attributes, dump

_NFNLGRP_NFTABLES = 7
_NFT_NEWCHAIN, _NFT_GETCHAIN, _NFT_NEWRULE, _NFT_GETRULE = 0xA03, 0xA04, 0xA06, 0xA07
_NFGENMSG_ANY = b"\x00" * 4
_NAT_EXPRESSIONS = (b"masq", b"nat", b"redir")
_NAT_TARGETS = (b"MASQUERADE", b"SNAT", b"DNAT", b"REDIRECT", b"NETMAP")
_TABLE_BYTES = 1 << 20  # of one older table: 5,000 rules
_GET_INFO, _GET_ENTRIES = 64, 65
_INFO_BYTES, _ENTRIES_AT = 84, 40


class _Legacy(NamedTuple):
    """Where a rule of the older filter holds the lengths of its parts: `at` in struct ipt_entry or ip6t_entry."""

    family: int
    level: int
    at: int


_LEGACY = {"ip_tables_names": _Legacy(socket.AF_INET, 0, 88), "ip6_tables_names": _Legacy(socket.AF_INET6, 41, 140)}


def nft_feed() -> NetlinkFeed:
    """Changes of nf_tables rules. Raises KernelError."""
    return NetlinkFeed(NETLINK_NETFILTER, (_NFNLGRP_NFTABLES,))


def has_nfnetlink(listed: bytes) -> bool:
    """Does the kernel itself listen to NETLINK_NETFILTER, by /proc/net/netlink? Asking it unasked would load it."""
    for line in listed.splitlines()[1:]:
        words = line.split()
        if len(words) > 2 and words[1] == b"12" and words[2] == b"0":
            return True
    return False


Nat = Tuple[bool, List[Forward]]  # whether a rule rewrites addresses, and those that lead connections on


def nft_nat() -> Nat:
    """What nf_tables rewrites. Raises KernelError, as without CAP_NET_ADMIN."""
    chains = dump(NETLINK_NETFILTER, _NFT_GETCHAIN, _NFGENMSG_ANY)
    if not any(kind == _NFT_NEWCHAIN and is_nat_chain(body) for kind, body in chains):
        return False, []
    rules = dump(NETLINK_NETFILTER, _NFT_GETRULE, _NFGENMSG_ANY)
    rewriting = [body for kind, body in rules if kind == _NFT_NEWRULE and is_nat_rule(body)]
    return bool(rewriting), [made for made in map(of_nftables, rewriting) if made is not None]


def is_nat_chain(body: bytes) -> bool:
    """Is a chain, as NFT_MSG_NEWCHAIN describes it, hooked in where addresses are rewritten?"""
    return attributes(body, 4).get(7, b"").rstrip(b"\x00") == b"nat"


def is_nat_rule(body: bytes) -> bool:
    """Does a rule, as NFT_MSG_NEWRULE describes it, rewrite addresses? Also one that iptables-nft wrote."""
    for _, element in attribute_list(attributes(body, 4).get(4, b"")):
        expression = attributes(element)
        name = expression.get(1, b"").rstrip(b"\x00")
        if name in _NAT_EXPRESSIONS:
            return True
        if name == b"target":
            return attributes(expression.get(2, b"")).get(1, b"").rstrip(b"\x00") in _NAT_TARGETS
    return False


def legacy_nat(names_file: str, listed: bytes) -> Nat:
    """The same of the older filter. Raises KernelError, as without CAP_NET_ADMIN.

    `names_file`: "ip_tables_names" or "ip6_tables_names"; `listed`: what that file of /proc/net holds. A table that
    is not listed is not asked for: that would make it.
    """
    if b"nat" not in listed.split():
        return False, []
    where = _LEGACY[names_file]
    try:
        with socket.socket(where.family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            info = _ask(any_socket, where.level, _GET_INFO, b"nat".ljust(_INFO_BYTES, b"\x00"))
            (size,) = struct.unpack_from("=I", info, _INFO_BYTES - 4)
            if size > _TABLE_BYTES:
                raise KernelError("ip_tables: a table of {} bytes".format(size))
            request = (b"nat".ljust(32, b"\x00") + struct.pack("=I", size)).ljust(_ENTRIES_AT + size, b"\x00")
            entries = _ask(any_socket, where.level, _GET_ENTRIES, request)
    except (OSError, struct.error) as error:
        raise KernelError("ip_tables: the nat table can't be read: {}".format(error)) from error
    rules = entries[_ENTRIES_AT:]
    return has_nat_target(rules, where.at), of_older_table(rules, where.at)


def _ask(any_socket: socket.socket, level: int, option: int, request: bytes) -> bytes:
    """getsockopt(2) with a request in the buffer, which Python's own can't."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(request, len(request))
    length = ctypes.c_uint32(len(request))
    if libc.getsockopt(any_socket.fileno(), level, option, buffer, ctypes.byref(length)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return buffer.raw


def has_nat_target(entries: bytes, at: int) -> bool:
    """Does one of the rules in a table rewrite addresses? `at`: where a rule holds the lengths of its parts."""
    start = 0
    while start + at + 4 <= len(entries):
        target, following = struct.unpack_from("=HH", entries, start + at)
        name = entries[start + target + 2 : start + target + 31].split(b"\x00")[0]
        if name in _NAT_TARGETS:
            return True
        if following < at + 4:
            return False
        start += following
    return False
