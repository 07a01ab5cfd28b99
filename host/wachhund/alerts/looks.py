"""What is to be seen of an incident at a moment, and what of it is news to somebody who decided earlier. Pure.

An incident's text may be a robot's, and an attacker's: it is only compared here, as digests.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from wachhund.ledger.handling_records import Seen

LEVELS = ("informational", "low", "medium", "high", "critical")
_UNKNOWN_ORIGIN = "unknown"

Incident = Mapping[str, Any]


def look(incident: Incident) -> Seen:
    """What of it is to be seen now."""
    allowed_not = [one for one in incident.get("sessions") or () if one.get("authorisation") is None]
    return Seen(
        frozenset(_digest(*part) for part in parts(incident)),
        frozenset(_digest("session", str(one.get("id"))) for one in allowed_not),
        frozenset(_digest("rule", str(one)) for one in incident.get("rules") or ()),
        str(incident.get("level")),
        float(incident["last_t"]),
        any(one.get("last_t") is None for one in incident.get("sessions") or ()),
        incident.get("state") == "closed",
        bool(incident.get("came_back")),
    )


def mark(incident: Incident) -> str:
    """Names what is to be seen of it, in two parts, `KEYS.ALL`: another mark means that a person would decide about
    something else than he saw."""
    seen = look(incident)
    grown = [seen.level, *sorted(seen.keys)]
    return f"{_digest('keys', *grown)}.{_digest('all', str(seen.closed), *grown, *_sorted(seen.sessions, seen.rules))}"


def _sorted(*sets: frozenset[str]) -> Iterator[str]:
    for one in sets:
        yield from ("", *sorted(one))


def parts(incident: Incident) -> Iterator[tuple[str, str]]:
    """(what, which) of its robot (of a campaign: all of them), its kind, and the surfaces and origins of what nobody
    allowed."""
    for robot in incident.get("robots") or (incident.get("robot"),):
        yield "robot", str(robot)
    yield "kind", str(incident.get("kind"))
    sessions = [one for one in incident.get("sessions") or () if one.get("authorisation") is None]
    for one in sessions:
        yield "surface", str(one.get("surface"))
        yield "origin", outside(one.get("origin")) or _UNKNOWN_ORIGIN
    if not sessions and incident.get("origin"):
        yield "origin", outside(incident.get("origin")) or _UNKNOWN_ORIGIN


def outside(origin: object) -> str | None:
    """The outermost address of a path, without its port, which is another for each connection; None for none known."""
    hops = origin if isinstance(origin, (list, tuple)) else ()
    found = (hop.get("address") for hop in hops if isinstance(hop, Mapping) and hop.get("hop") == "address")
    address = next(found, None)
    return None if address is None else str(address)


def goes_on(incident: Incident, seen: Seen | None = None) -> bool:
    """Whether it goes on, as far as anybody sees: a session of it is open, or a fault of evidence stands, or something
    of it was told since `seen`."""
    if incident.get("state") == "closed":
        return False
    if incident.get("kind") == "monitor":
        return True
    if any(one.get("last_t") is None for one in incident.get("sessions") or ()):
        return True
    return seen is not None and float(incident["last_t"]) > seen.last_t


def growth(incident: Incident, seen: Seen) -> tuple[str, ...]:
    """In what it grew since: words for people, none of them a robot's. Empty for not at all."""
    counted: dict[str, int] = {}
    for what, which in dict.fromkeys(parts(incident)):
        if _digest(what, which) not in seen.keys:
            counted[what] = counted.get(what, 0) + 1
    words = [f"a new {what}" if number == 1 else f"{number} new {what}s" for what, number in counted.items()]
    if _rank(incident.get("level")) > _rank(seen.level):
        words.append(f"now {_level(incident)}")
    if incident.get("came_back") and not seen.came_back:
        words.append("what was allowed is allowed no longer")
    return tuple(words)


def beyond(incident: Incident, seen: Seen) -> tuple[str, ...]:
    """What more was not there then, though no growth: sessions that nobody allowed, rules that had not matched."""
    now = look(incident)
    sessions, rules = len(now.sessions - seen.sessions), len(now.rules - seen.rules)
    words = ["a new session" if sessions == 1 else f"{sessions} new sessions"] if sessions else []
    return (*words, *(["another rule matched"] if rules else []))


def _level(incident: Incident) -> str:
    level = incident.get("level")
    return str(level) if level in LEVELS else "of an unknown level"


def _rank(level: object) -> int:
    return LEVELS.index(str(level)) if level in LEVELS else -1


def _digest(*words: str) -> str:
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]
