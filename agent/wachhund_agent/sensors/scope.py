"""Where an address lies, seen from this robot: loopback, the robot itself, its local networks, or the internet."""

import ipaddress
from functools import lru_cache
from typing import Callable, FrozenSet

from wachhund_agent.kernel.addresses import own_addresses

HERE = ("loopback", "robot")  # scopes of addresses that are this robot's
OUTSIDE = ("internet", "lan")  # and of those that are another machine's
_REFRESH_S = 5.0  # an interface that comes up is known within this
# Documentation networks are no local ones: whoever uses them plays the outside.
_LAN = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
                    "224.0.0.0/4", "fe80::/10", "fc00::/7", "ff00::/8")
)  # fmt: skip
_ADDRESSES_KEPT = 4096


@lru_cache(maxsize=_ADDRESSES_KEPT)
def _of_itself(address: str) -> str:
    parsed = ipaddress.ip_address(address)
    if parsed.is_loopback:
        return "loopback"
    if any(parsed.version == network.version and parsed in network for network in _LAN):
        return "lan"
    return "internet"


class Scopes:
    """Knows the robot's own addresses, read again at most every 5 s."""

    def __init__(self, addresses: Callable[[], FrozenSet[str]] = own_addresses) -> None:
        self._addresses = addresses
        self._own: FrozenSet[str] = frozenset()
        self._next_read = 0.0

    def refresh(self, mono: float) -> None:
        if mono >= self._next_read:
            self._next_read = mono + _REFRESH_S
            self._own = self._addresses()

    def of(self, address: str) -> str:
        """The scope of a remote address."""
        scope = _of_itself(address)
        return "robot" if scope != "loopback" and address in self._own else scope

    def of_listener(self, address: str) -> str:
        """Who can reach a listener that is bound to this address: "any" for all interfaces."""
        return "any" if address in ("0.0.0.0", "::") else _of_itself(address)  # noqa: S104  # compared, not bound to
