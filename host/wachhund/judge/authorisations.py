"""Whether an authorisation covers a session, or a way in, and if not, why not. Pure: the moment is an argument.

A relay, or a tunnel, is covered by its name only. Its outer end is what a program on the robot dialled, not who comes
in: an address alone must not excuse it.
"""

import ipaddress
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wachhund.judge.wording import moment, shown
from wachhund.ledger import Authorisation, AuthorisationAct

SURFACES = ("ssh", "shell", "desktop", "web", "mqtt", "udp", "ros", "camera", "microphone", "update")
# By these somebody comes straight to the robot; "any" carrier means them. Whatever else there is has to be named.
STRAIGHT = frozenset({"lan", "internet", "unknown"})
# Behaviours that say only that somebody uses a surface: an authorisation of the session covers them.
OF_SESSIONS = frozenset(
    {
        "behaviour: session through a relay",
        "behaviour: login from loopback",
        "behaviour: short visits in turn, each with a call outside",
        "behaviour: control surface reached from the internet",
        "behaviour: session through a tunnel interface",
        "behaviour: commands by a session that nobody allowed",
        "behaviour: unusual program at a camera or microphone",
    }
)
# And those that say only that a way in is there: one that names the carrier covers them. Any other is never covered.
OF_WAYS = frozenset(
    {
        "behaviour: relay up",
        "behaviour: local listener of the same program",
        "behaviour: a tunnel interface came up",
        "behaviour: regular calls (beacon score)",
        "behaviour: very long connection",
        "behaviour: much data out",
        "behaviour: destination that is not on the list",
    }
)
NAMED = ("relay", "tunnel")  # a program, or an interface: both have a name of their own
OTHER_ROBOTS = "it is for other robots"
# Evidence may come so much later (seconds): what was over for longer is not looked at any more.
KEPT_S = 31 * 86_400.0
_PARSED = 4_096  # addresses and networks that are not parsed twice

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Visit:
    """What is to be covered at `t`: a session, or with `surface` None a way in that is there whether anybody comes or
    not. `address`: the outside one, None where it is not known. `carriers`: words that name the carrier, in lower case.
    """

    robot: str | None
    surface: str | None
    address: str | None
    carriers: frozenset[str]
    t: float
    inner: str | None = None  # the address within a tunnel interface's network: an operator may name it instead


def carriers_of(carrier: str, tunnel: str | None) -> frozenset[str]:
    """The words by which an authorisation may name what brings somebody in."""
    return frozenset({carrier.lower(), tunnel.lower()} if tunnel and carrier in NAMED else {carrier.lower()})


def told_visit(session: Mapping[str, Any], now: float) -> Visit:
    """A session as it stands in the ledger, at its end, or now."""
    t = now if session["last_t"] is None else session["last_t"]
    carriers = carriers_of(session["carrier"], session.get("tunnel"))
    inner = next((hop.get("address") for hop in session["origin"] if hop.get("hop") == "link"), None)
    return Visit(session["robot"], session["surface"], _outside(session["origin"]), carriers, t, inner)


def told_way(incident: Mapping[str, Any], now: float) -> Visit | None:
    """The way in that an incident of the ledger is about, if it is about one, and that was not erased."""
    tunnel = incident.get("tunnel")
    if not incident["origin"] or (tunnel is None and not OF_WAYS & set(incident["rules"])):
        return None
    return Visit(incident["robot"], None, _outside(incident["origin"]), carriers_of("relay", tunnel), now)


def _outside(origin: Iterable[Mapping[str, Any]]) -> str | None:
    return next((str(hop["address"]) for hop in origin if hop.get("hop") == "address"), None)


def refusal(one: Authorisation, visit: Visit) -> str | None:
    """Why it does not cover this; None when it does."""
    reason = mismatch(one, visit)
    if reason is not None:
        return reason
    if visit.t < one.from_t:
        return f"it begins only at {moment(one.from_t)}"
    if one.ended_by is not None and visit.t >= one.until_t:
        return f"it was withdrawn by {shown(one.ended_by)} at {moment(one.until_t)}"
    if visit.t > one.until_t:
        return f"it ended at {moment(one.until_t)}"
    return None


def mismatch(one: Authorisation, visit: Visit) -> str | None:
    """Why it would not cover this at any time; None when it would."""
    if one.robots is not None and visit.robot not in one.robots:
        return OTHER_ROBOTS
    if visit.surface is not None and one.surfaces is not None and visit.surface not in one.surfaces:
        return f"it is for {', '.join(one.surfaces) or 'no surface'}, not for {visit.surface}"
    if one.carrier is None and (visit.surface is None or not visit.carriers & STRAIGHT):
        return "it names no carrier: a relay or tunnel is covered only by its name"
    if one.carrier is not None and one.carrier.lower() not in visit.carriers:
        by = shown(", ".join(sorted(visit.carriers))) or "unknown"
        return f"it is for what comes by {one.carrier}, and this comes by {by}"
    if one.sources is None:
        return None
    if visit.surface is None and visit.address is None:
        return None  # as far as is known it is not connected yet: nobody can come in by it
    known = [found for told in (visit.address, visit.inner) if (found := parsed_address(told)) is not None]
    if not known:
        return "it demands an address, and the origin is not known"
    if not any(_holds(source, address) for source in one.sources for address in known):
        return f"it is from {', '.join(one.sources)}, not from {known[0]}"
    return None


@lru_cache(_PARSED)
def parsed_address(text: str | None) -> Address | None:
    """An address as the robot told it; None for anything else. A zone (`%eth0`) is free text, and makes it none."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id is not None else address.ipv4_mapped or address
    return address


@lru_cache(_PARSED)
def parsed_network(text: str) -> Network:
    """An address or network in CIDR. Raises ValueError, also for one with host bits and for a zone."""
    if "%" in text:
        raise ValueError("an address with a zone means another one on each machine")
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        if network.prefixlen < 96:
            raise ValueError("give the IPv4 network itself")
        return ipaddress.IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _holds(source: str, address: Address) -> bool:
    return address in parsed_network(source)


class Policy:
    """What is allowed, as far as it was told: the acts of allowing in their order."""

    def __init__(self) -> None:
        self._known: dict[str, Authorisation] = {}
        self._of_robot: dict[str | None, tuple[Authorisation, ...]] = {}
        self._moments: list[float] = []
        self._taken_t: float | None = None  # of the last act, when the tables beside `_known` are not of it yet

    def take(self, act: AuthorisationAct) -> None:
        """Something was done to an authorisation."""
        self._known[act.became.id] = act.became
        self._taken_t = act.t

    def _order(self) -> None:
        if self._taken_t is not None:
            oldest_t, self._taken_t = self._taken_t - KEPT_S, None
            self._known = {one.id: one for one in self._known.values() if one.until_t > oldest_t}
            self._of_robot.clear()
            self._moments = sorted({t for one in self._known.values() for t in (one.from_t, one.until_t)})

    def covering(self, visit: Visit) -> Authorisation | None:
        """The first that was made of those that cover it."""
        self._order()
        return next((one for one in self._for(visit.robot) if refusal(one, visit) is None), None)

    def changes_between(self, earlier_t: float, later_t: float) -> bool:
        """Whether one begins or ends in that span."""
        self._order()
        at = bisect_left(self._moments, earlier_t)
        return at < len(self._moments) and self._moments[at] <= later_t

    def _for(self, robot: str | None) -> tuple[Authorisation, ...]:
        found = self._of_robot.get(robot)
        if found is None:
            found = self._of_robot[robot] = tuple(self._concerning(robot))
        return found

    def _concerning(self, robot: str | None) -> Iterator[Authorisation]:
        return (one for one in self._known.values() if one.robots is None or robot in one.robots)
