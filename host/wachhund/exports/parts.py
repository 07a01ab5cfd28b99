"""What both standards need of an incident: addresses that are ones, times, techniques, rules by name and id."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from wachhund.judge.authorisations import parsed_address

_LAST_S = 253_402_300_799.0  # the end of 9999: what both standards can say
_TECHNIQUE = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
_RULE = re.compile(r"(.*) \(([0-9A-Fa-f-]{36})\)", re.DOTALL)


def seconds_of(t: Any) -> float:
    """A time within what the standards can say; the beginning for anything else."""
    if type(t) not in (int, float) or not math.isfinite(t):
        return 0.0
    return min(max(float(t), 0.0), _LAST_S)


def address_of(hop: Mapping[str, Any] | None) -> str | None:
    """The address of a hop in canonical text; None for what is no address."""
    if hop is None or hop.get("hop") != "address":
        return None
    address = parsed_address(str(hop.get("address")))
    return None if address is None else str(address)


def port_of(hop: Mapping[str, Any] | None) -> int | None:
    """The port of a hop."""
    port = hop.get("port") if hop is not None else None
    return port if type(port) is int and 0 < port <= 65_535 else None


def hops_of(session: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    """The hops of that kind, from the outside inwards."""
    return (hop for hop in session.get("origin") or [] if isinstance(hop, Mapping) and hop.get("hop") == kind)


def first_hop(session: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """The outermost hop of that kind."""
    return next(hops_of(session, kind), None)


def text_of(value: Any, limit: int) -> str | None:
    """A text of at most so many characters; None for none."""
    return value[:limit] if isinstance(value, str) and value else None


def techniques_of(incident: Mapping[str, Any]) -> list[str]:
    """ATT&CK techniques: T1572, T1021.004."""
    return [one for one in incident.get("attack") or [] if isinstance(one, str) and _TECHNIQUE.fullmatch(one)]


def rules_of(incident: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """(name, Sigma id or None) of each rule and behaviour."""
    made = []
    for rule in incident.get("rules") or []:
        found = _RULE.fullmatch(str(rule))
        made.append((found[1], found[2].lower()) if found is not None else (str(rule), None))
    return made
