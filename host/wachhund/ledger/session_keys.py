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
    }


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
