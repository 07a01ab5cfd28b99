"""One robot's three words, put together from what the ledger holds: the same for its row and its page. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.ledger import Fault, Link
from wachhund.ledger.labels import Labels
from wachhund.web import standing
from wachhund.web.fleet_view import RobotStanding
from wachhund.web.standing import Heard, Word

_LEVELS = ("critical", "high", "medium", "low", "informational")


@dataclass(frozen=True)
class Known:
    """What is known of a robot. `seen`: the word of coverage as it was said; times are host time."""

    id: str
    name: str
    state: str
    created_t: float
    heard: Heard | None
    faults: Sequence[Fault]
    link: Link | None
    seen: Word
    version: str | None
    sessions: Sequence[Mapping[str, Any]]
    incidents: Sequence[Mapping[str, Any]]
    labels: Labels


def gravity(incident: Mapping[str, Any]) -> tuple[int, float]:
    """The gravest first, then the newest."""
    level = incident.get("level")
    return (_LEVELS.index(level) if level in _LEVELS else len(_LEVELS), -float(incident["last_t"]))


def version_word(said: object) -> str | None:
    """The agent's version as shown; a robot that says something else has none."""
    return f"agent {said}" if isinstance(said, str) else None


def stand(known: Known, now: float) -> RobotStanding:
    """The robot as the fleet sees it at `now`."""
    proven = standing.proof(known.heard, known.faults, known.created_t, now, known.state)
    proof = standing.as_connected(proven, known.heard, known.link)
    coverage = standing.as_last_said(known.seen, proof)
    return RobotStanding(
        known.name, proof, standing.control(known.sessions, proof, coverage), coverage,
        known.heard.received_t if known.heard else None, known.version, known.sessions, known.incidents, known.id,
        known.labels,
    )  # fmt: skip


def next_change(known: Known, now: float) -> float | None:
    """When the words may change by time alone; None for never. Host time."""
    if known.heard is None:
        return None
    last_t, fresh_t = known.heard.received_t, known.heard.fresh_t
    moments = [last_t - standing.AHEAD_S, last_t + standing.VERIFIED_S, last_t + standing.SILENT_S]
    moments += [] if fresh_t is None else [fresh_t + standing.VERIFIED_S]
    return min((moment for moment in moments if moment > now), default=None)
