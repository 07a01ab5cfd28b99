"""What a form about a session begins with: as narrow as the session was, and what only a person can say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.authorise.drafting import from_session, from_way
from wachhund.authorise.drawing_up import Typed
from wachhund.judge.authorisations import SURFACES, told_way
from wachhund_evidence import MisuseError

_Scope = tuple[tuple[str, ...] | None, tuple[str, ...] | None, str | None]
# What stands for a part while the others are found: nothing of it is kept.
_ANY_SOURCE, _ANY_CARRIER = ("any",), "any"


@dataclass(frozen=True)
class Prefilled:
    """The texts, and by field what is missing there and why."""

    typed: Typed
    missing: Mapping[str, str]


def gravest_session(incident: Mapping[str, Any], wanted: str | None = None) -> Mapping[str, Any] | None:
    """The session of an incident that is meant: the one that gave it its origin, or another by its id."""
    sessions: list[Mapping[str, Any]] = list(incident.get("sessions") or ())
    if wanted is not None:
        return next((one for one in sessions if one.get("id") == wanted), None)
    mine = [one for one in sessions if (one["surface"], one["origin"]) == (incident["surface"], incident["origin"])]
    return next(iter(mine or sessions), None)


def of_session(session: Mapping[str, Any], robot: str) -> Prefilled:
    """Of a session of a robot (its name)."""
    named = {"id": session.get("incident") or "none"}
    return _prefilled(lambda sources, carrier: from_session(session, named, sources, carrier), session, robot)


def of_way(incident: Mapping[str, Any], robot: str, now: float) -> Prefilled | None:
    """Of an incident into which nobody came yet; None when it is about no way in either."""
    if told_way(incident, now) is None:
        return None
    return _prefilled(lambda sources, carrier: from_way(incident, sources, carrier), incident, robot)


def _prefilled(
    scope: Callable[[tuple[str, ...], str | None], _Scope], about: Mapping[str, Any], robot: str
) -> Prefilled:
    missing: dict[str, str] = {}
    surfaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    carrier = ""
    try:
        found = scope(_ANY_SOURCE, _ANY_CARRIER)[0]
        surfaces = ("none",) if found == () else tuple(found or ())
    except MisuseError:
        missing["surface"] = f"this session is on no surface that can be allowed: {', '.join(SURFACES)}"
    try:
        sources = tuple(scope((), _ANY_CARRIER)[1] or ())
    except MisuseError:
        missing["from"] = "where it came from is not known: type an address or a network, or any if you mean it"
    try:
        carrier = scope(_ANY_SOURCE, None)[2] or ""
    except MisuseError:
        missing["carrier"] = "by what it came is not known: type its name, or any if you mean it"
    since_t = float(about["first_t"])
    return Prefilled(Typed((robot,), surfaces, sources, carrier, "2h", since_t=since_t), missing)
