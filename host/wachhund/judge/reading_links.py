"""Network interfaces as a robot told them, each field of its type."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wachhund.judge.door import Door
from wachhund.judge.typed import cut, text, texts, whole

MAX_ADDRESSES = 32  # of one link: as many as an agent tells
MAX_PEERS = 8  # of one WireGuard link
MAX_HOLDERS = 4  # of one link: as many as an agent tells
# The kernel's words for links whose packets travel in other packets (rtnetlink, IFLA_INFO_KIND).
TUNNELS = frozenset(
    (
        *("tun", "tap", "wireguard", "ovpn", "l2tpeth", "vxlan", "geneve", "bareudp", "amt", "gtp"),
        *("ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm"),
        *("gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan"),
    )
)
# A modem dials in without anybody's doing, but a VPN (PPTP, L2TP, pppd over ssh) looks the same.
DIALLED = ("ppp", "wwan")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class LinkFact:
    """A `link.change`. `addresses` with their prefix length; `endpoints`: of a WireGuard link's peers.

    `holders`: of a tun or tap interface: what comes by it passes through these programs.
    """

    name: str
    kind: str | None
    up: bool
    addresses: tuple[str, ...]
    default_route: bool
    gone: bool
    endpoints: tuple[str, ...]
    holders: tuple[Door, ...]
    existing: bool
    told_t: float = 0.0  # host time; the reader does not know it

    @property
    def is_tunnel(self) -> bool:
        """Whether it is one that somebody made."""
        return self.kind in TUNNELS

    @property
    def leads_away(self) -> bool:
        """Whether who comes by it is in no network of this place, whatever his address says."""
        return self.is_tunnel or self.kind in DIALLED

    @property
    def inner(self) -> str | None:
        """Its address within its network; None while it has only such as an interface gives itself (link-local)."""
        return next((one.partition("/")[0] for one in self.addresses if not _is_link_local(one)), None)

    def carries(self, here: str, there: str) -> bool:
        """Whether a connection between these addresses goes by it: accepted at its own address, as on a link from end
        to end, or from one in its networks."""
        own = any(network.partition("/")[0] == here for network in self.addresses)
        return own or any(_lies_in(there, network) for network in self.addresses)


def read_link(fields: Mapping[str, Any]) -> LinkFact:
    """A `link.change`. Raises UnreadableFact."""
    peers = fields.get("peers")
    told = [peer.get("endpoint") for peer in peers[:MAX_PEERS] if type(peer) is dict] if type(peers) is list else []
    holders = fields.get("holders")
    return LinkFact(
        text(fields, "ifname") or "?",
        text(fields, "link_kind"),
        fields.get("up") is True,
        texts(fields, "addresses", MAX_ADDRESSES),
        fields.get("default_route") is True,
        fields.get("gone") is True,
        tuple(_address(one) for one in told if one),
        tuple(_holder(one) for one in holders[:MAX_HOLDERS] if type(one) is dict) if type(holders) is list else (),
        fields.get("existing") is True,
    )


def _holder(told: Mapping[str, Any]) -> Door:
    return Door(text(told, "puid"), whole(told, "pid"), text(told, "exe"), text(told, "user"))


def _address(endpoint: Any) -> str:
    return cut(str(endpoint[0] if type(endpoint) is list and endpoint else endpoint))


def _is_link_local(told: str) -> bool:
    network = _parsed(told)
    return network is not None and network.is_link_local


def _lies_in(address: str, network: str) -> bool:
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return False
    there = _network(network)
    return there is not None and here in there and str(here) != network.partition("/")[0]


def _network(told: str) -> _Network | None:
    """A network that has more than one address; None for what is none."""
    made = _parsed(told)
    return made if made is not None and made.num_addresses > 1 and not made.is_link_local else None


@lru_cache(maxsize=1024)
def _parsed(told: str) -> _Network | None:
    try:
        return ipaddress.ip_network(told, strict=False)
    except ValueError:
        return None
