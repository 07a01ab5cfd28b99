"""The addresses of this robot's own interfaces, in the caller's network namespace (proc(5))."""

import re
from typing import FrozenSet, Set

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.interface_files import parse_if_inet6

_LOCAL_V4 = re.compile(rb"\|-- ([0-9.]+)\n\s+/32 host LOCAL")


def parse_fib_trie(data: bytes) -> Set[str]:
    """The IPv4 addresses that the routing table calls its own."""
    return {match.decode("ascii") for match in _LOCAL_V4.findall(data)}


def _read(name: str) -> bytes:
    try:
        with open("{}/net/{}".format(procfs.PROC, name), "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def parse_default_routes(data: bytes) -> Set[str]:
    """The interfaces through which everything else leaves, from /proc/net/route."""
    found = set()
    for line in data.splitlines()[1:]:
        words = line.split()
        if len(words) >= 8 and words[1] == words[7] == b"00000000":
            found.add(words[0].decode("ascii", "replace"))
    return found


def leaves_over_modem() -> bool:
    """Does everything else leave over a mobile connection, where each byte is paid for?"""
    routes = parse_default_routes(_read("route"))
    return bool(routes) and all(name.startswith(("ppp", "wwan")) for name in routes)


def own_addresses() -> FrozenSet[str]:
    """All of them, loopback included; empty where /proc does not tell."""
    ipv6 = {record.address.split("/")[0] for record in parse_if_inet6(_read("if_inet6"))}
    return frozenset(parse_fib_trie(_read("fib_trie")) | ipv6)
