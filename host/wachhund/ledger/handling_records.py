"""What people did about incidents, as it stands on record: beside what the judge found, and changing none of it.

Times: host time in seconds since the epoch.
"""

from dataclasses import dataclass
from typing import Any

# What people do about an incident.
ACKNOWLEDGE, ASSIGN, COMMENT, CLOSE, REOPEN = "acknowledge", "assign", "comment", "close", "reopen"
# What people left it at. Whether that still holds is computed when asked (alerts.life).
OPEN, ACKNOWLEDGED, CLOSED = "open", "acknowledged", "closed"
_SETS = ("keys", "sessions", "rules")


@dataclass(frozen=True)
class Seen:
    """What of an incident was to be seen when somebody decided.

    `keys`: digests of its surfaces, origins, robots and kinds; `sessions`: of its sessions that nobody allowed;
    `rules`: of its rules. Digests, because no address may outlive the erasing of the incident's text. `going_on`: a
    session of it was open. `closed`, `came_back`: what the judge said.
    """

    keys: frozenset[str]
    sessions: frozenset[str]
    rules: frozenset[str]
    level: str
    last_t: float
    going_on: bool
    closed: bool
    came_back: bool

    def to_json(self) -> dict[str, Any]:
        """As a row keeps it."""
        return {**vars(self), **{name: sorted(vars(self)[name]) for name in _SETS}}


@dataclass(frozen=True)
class Life:
    """What people left an incident at. `version`: the number of the last act that was no comment; 0 before the first.

    `by`, `t`, `why`: who brought it to `state`, when, in which words. `until_t`: the end of an acknowledgement.
    `reason`: of a close (alerts.life.REASONS). `seen`: what was to be seen then; None while nobody brought it anywhere.
    `came_back`: it had come back when somebody decided last.
    """

    incident: str
    version: int = 0
    state: str = OPEN
    assignee: str | None = None
    by: str | None = None
    t: float | None = None
    why: str = ""
    until_t: float | None = None
    reason: str | None = None
    seen: Seen | None = None
    came_back: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a row keeps it."""
        return {**vars(self), "seen": None if self.seen is None else self.seen.to_json()}


@dataclass(frozen=True)
class IncidentAct:
    """Something that somebody did about an incident. `text`: the comment, or why. `detail`: the assignee, the reason of
    a close, or empty. `number` is given by the ledger."""

    incident: str
    act: str
    by: str
    t: float
    text: str
    detail: str = ""
    number: int = 0


def life_of(fields: dict[str, Any]) -> Life:
    """The inverse of `Life.to_json`."""
    seen = fields["seen"]
    if seen is not None:
        seen = Seen(**{**seen, **{name: frozenset(seen[name]) for name in _SETS}})
    return Life(**{**fields, "seen": seen})
