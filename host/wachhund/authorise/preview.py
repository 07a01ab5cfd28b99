"""What an authorisation would cover: sessions now, sessions of the last 30 days, and open incidents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.authorisations import mismatch, refusal, told_visit, told_way
from wachhund.ledger import Authorisation, Ledger
from wachhund.ledger.authorisation_records import DAY_S

BACK_S = 30 * DAY_S
MAX_SESSIONS = 50_000  # that are looked at, the newest first
MAX_INCIDENTS = 1_000  # open ones


@dataclass(frozen=True)
class Touched:
    """An open incident that would be judged anew. `sessions`: how many of `of` are covered; `way`: whether the relay or
    tunnel itself is, None when it is about none."""

    id: str
    title: str
    robot: str | None
    sessions: int
    of: int
    way: bool | None

    @property
    def whole(self) -> bool:
        """Whether every session of it is covered, and the way in."""
        return self.sessions == self.of and self.way is not False


@dataclass(frozen=True)
class Preview:
    """What it would cover if it were valid. `now`: open sessions; `past`: how many that ended within 30 days.

    `cut`: there are more sessions than were looked at.
    """

    now: tuple[Mapping[str, Any], ...]
    past: int
    incidents: tuple[Touched, ...]
    cut: bool


def preview(ledger: Ledger, one: Authorisation, now: float) -> Preview:
    """What this authorisation would cover. Raises LedgerError."""
    sessions = ledger.sessions_since(now - BACK_S, MAX_SESSIONS)
    covered = [session for session in sessions if mismatch(one, told_visit(session, now)) is None]
    going_on = tuple(session for session in covered if session["last_t"] is None)
    touched = [
        found
        for state in ("open", "acknowledged")
        for incident in ledger.incidents(state=state, limit=MAX_INCIDENTS)
        if (found := touched_by(one, incident, now)) is not None
    ]
    return Preview(going_on, len(covered) - len(going_on), tuple(touched), len(sessions) >= MAX_SESSIONS)


def touched_by(one: Authorisation, incident: Mapping[str, Any], now: float) -> Touched | None:
    """What of an incident it would cover; None when nothing."""
    sessions = [{**session, "robot": incident["robot"]} for session in incident["sessions"]]
    covered = sum(refusal(one, told_visit(session, now)) is None for session in sessions)
    way = told_way(incident, now)
    by_name = None if way is None else refusal(one, way) is None
    if not covered and not by_name:
        return None
    return Touched(incident["id"], incident["title"], incident["robot"], covered, len(sessions), by_name)
