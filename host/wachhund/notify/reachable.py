"""Which addresses a message may be sent to, looked at where the connection is made: after every name was resolved.

A target's name may lead elsewhere tomorrow, and a receiver may answer with a redirect: a look at the text of an
address would be none. `watch_connections` sees each address that this process connects to, whoever asks for it
(sys.addaudithook, PEP 578), and refuses the others. It stands for the life of the process, so it is for one that sends
messages to one target and does nothing else (sender.py).
"""

import ipaddress
import sys
from collections.abc import Sequence
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an address of IPv4
# Nothing that sends a message needs another program.
_NO_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class AddressRefused(OSError):
    """This target may not be reached there."""


def parse_network(text: str) -> Network:
    """An address, or a network of them. Raises ValueError."""
    return ipaddress.ip_network(text.strip(), strict=True)


def _meant(address: _Ip) -> _Ip:
    """The address of IPv4 that one of IPv6 leads to, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    return inner or address


def is_public(text: str) -> bool:
    """Whether an address is one of the internet's: not of this machine, a local network, a link or a group."""
    try:
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def may_reach(text: str, allowed: Sequence[Network]) -> bool:
    """Whether a message may be sent to that address."""
    if is_public(text):
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return any(one in network for one in (address, _meant(address)) for network in allowed)


class Watch:
    """What was refused last, for whoever only learns that there was no connection."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)
        self.refused: str | None = None

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event. Raises AddressRefused."""
        if event in _NO_PROGRAMS:
            raise AddressRefused("a target may start no program")
        if event not in _SENDS:
            return
        where = arguments[1] if len(arguments) > 1 else None
        if where is None:  # over a connection that was looked at when it was made
            return
        host = where[0] if isinstance(where, tuple) and where else None
        if not isinstance(host, str) or not may_reach(host, self._allowed):
            self.refused = host if isinstance(host, str) else "an address that is no internet address"
            raise AddressRefused(words(self.refused))


def words(address: str) -> str:
    """What a person reads of a refused address."""
    return (
        f"refused to connect to {address}: it is of this machine, of a local network or of no single machine. If the "
        "receiver is meant to be there: --allow-address"
    )


def watch_connections(allowed: Sequence[Network]) -> Watch:
    """From now on this process connects to nothing else. It can't be undone."""
    watch = Watch(allowed)
    sys.addaudithook(watch.look)
    return watch
