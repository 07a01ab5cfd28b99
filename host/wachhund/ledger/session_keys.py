"""By what sessions are looked for, grouped and put in order: columns beside the text of each. Pure.

A text of the robot is a key as it is: it is compared, and shown as text.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

# How a session stands, the gravest first: what pages are ordered by.
NOT_ALLOWED, UNKNOWN, ALLOWED = 0, 1, 2
NONE = ""  # an outside address, or a user, that is not known
CLASSES = 30  # of length: below 2**30 s is 34 years
MAX_KEY_CHARS = 256
# Clouds of makers: who holds a key of one reaches all robots of that make, by whichever of its servers. Any other relay
# is named by its address: two people who use the same product are not one.
MAKERS_CLOUDS = frozenset({"CloudSail"})
LOCAL = "lan:"  # before an address that other networks have too: it names somebody only together with a place
# RFC 1918, 3927, 6598, 4193, 4291. `is_private` holds more, such as the networks of documents.
_REUSED = tuple(
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
_PERSONS_BITS = 64  # of IPv6: one machine changes the other half as it likes (RFC 8981)


def verdict_of(session: Mapping[str, Any]) -> int:
    """NOT_ALLOWED: in an incident and covered by no authorisation. UNKNOWN: nobody has said anything of it."""
    if session.get("authorisation") is not None:
        return ALLOWED
    return UNKNOWN if session.get("incident") is None else NOT_ALLOWED


def outside_of(origin: Iterable[Mapping[str, Any]] | None) -> str:
    """The address outside, as the robot told it; NONE where none is known. The robot's own is nobody's origin."""
    for hop in origin or ():
        address = hop.get("address") if hop.get("hop") == "address" else None
        if address is not None and not _is_loopback(str(address)):
            return str(address)[:MAX_KEY_CHARS]
    return NONE


def who_of(session: Mapping[str, Any]) -> str:
    """Names whoever is at the other end, the same for all robots; NONE where that is not known.

    An address, of IPv6 its /64 (on the robot's own network, which is one /64, the whole); the maker's cloud, whose
    address is its own; in a tunnel's network the address with the tunnel's name; and LOCAL before an address that each
    local network has for somebody else.
    """
    carrier, tunnel = session.get("carrier"), session.get("tunnel")
    if carrier == "relay" and tunnel in MAKERS_CLOUDS:
        return f"relay:{tunnel}"
    outside = outside_of(session.get("origin"))
    try:
        address = ipaddress.ip_address(outside.partition("%")[0])
    except ValueError:
        return NONE
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    reused = any(address in network for network in _REUSED)
    told = str(address)
    if isinstance(address, ipaddress.IPv6Address) and not reused and carrier != "lan":
        told = str(ipaddress.ip_network((address, _PERSONS_BITS), strict=False))
    if not reused:
        return told
    return f"tunnel:{str(tunnel)[:64]}:{told}" if carrier == "tunnel" and tunnel else f"{LOCAL}{told}"


def class_of(seconds: float) -> int:
    """The class of a session's length: it is shorter than 2**class seconds."""
    return min(max(0, int(seconds)).bit_length(), CLASSES - 1)


def keys_of(session: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a session. `length_class`: None while it is open."""
    last_t, covering = session["last_t"], session.get("authorisation")
    return {
        "carrier": str(session.get("carrier") or "unknown")[:MAX_KEY_CHARS],
        "outside": outside_of(session.get("origin")),
        "user_name": str(session.get("user") or NONE)[:MAX_KEY_CHARS],
        "verdict": verdict_of(session),
        "authorisation": None if covering is None else str(covering["id"]),
        "length_class": None if last_t is None else class_of(last_t - session["first_t"]),
        "who": who_of(session),
        "incident": None if session.get("incident") is None else str(session["incident"]),
    }


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
