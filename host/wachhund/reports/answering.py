"""What a host's ledger answers about a robot and a span, as findings with their proof. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.alerts.life import ALLOWED, FALSE_ALARM, TEST
from wachhund.audit.proven import NOT_PROVEN, Proven
from wachhund.inspection.finding import Answer, Finding
from wachhund.inspection.looking import proof_of
from wachhund.inspection.session_words import way_in
from wachhund.judge.wording import moment, shown
from wachhund.ledger import Fault, Unobserved
from wachhund.ledger.handling_records import CLOSED, Life

_WHOLE = ("evidence", "Is the evidence of the span what the robot signed, in order, with nothing missing?")
_HAPPENED = ("incidents", "Did anything happen in the span that lets others in or hides them?")
_CAME_IN = ("sessions", "Who was connected or logged in during the span?")
_WATCHED = ("watched", "Was the robot watched for the whole span, by all its senses?")
_AGAIN = "make the report of a later span"
_EXPECTED = frozenset({FALSE_ALARM, TEST, ALLOWED})
MAX_LISTED = 200  # sessions, and times without evidence, that are told; the rest is counted


@dataclass(frozen=True)
class Gathered:
    """All that the ledger holds of a robot and a span. `faults`: also older ones that nobody acknowledged.

    `incidents` and `sessions` as their JSON; `more_incidents`, `more_sessions`: how many are not among them.
    `lives`: by incident, where people left it. `blind`: sentences on what its senses could not see.
    """

    name: str
    from_t: float
    to_t: float
    proven: Proven
    faults: Sequence[Fault]
    incidents: Sequence[Mapping[str, Any]]
    more_incidents: int
    lives: Mapping[str, Life]
    sessions: Sequence[Mapping[str, Any]]
    more_sessions: int
    unobserved: Sequence[Unobserved]
    blind: Sequence[str]


def answers_of(found: Gathered) -> list[Answer]:
    """One for each question."""
    missed = _missed(found)
    looked = (f"{found.proven.tokens} tokens",)
    return [
        Answer(*_WHOLE, tuple(_evidence(found)), looked, ()),
        Answer(*_HAPPENED, tuple(_incident(found, one) for one in found.incidents), looked, missed),
        Answer(*_CAME_IN, tuple(_sessions(found)), looked, missed),
        Answer(*_WATCHED, (), looked, missed),
    ]


def _missed(found: Gathered) -> tuple[str, ...]:
    times = [
        f"{moment(max(one.from_t, found.from_t))} to {'the end' if one.to_t is None else moment(one.to_t)}: {one.why}"
        for one in found.unobserved[:MAX_LISTED]
    ]
    if len(found.unobserved) > MAX_LISTED:
        times.append(f"{len(found.unobserved) - MAX_LISTED} more times in which nobody looked")
    if found.more_incidents:
        times.append(
            f"{found.more_incidents} more incidents of the span are not told here: make reports of shorter spans"
        )
    return tuple(shown(one, 300) for one in [*times, *found.blind])


def _evidence(found: Gathered) -> list[Finding]:
    wrong = [f"{name}: {word.why}" for name, word in found.proven.words.items() if word.state == NOT_PROVEN]
    made = []
    if wrong:
        made.append(Finding(
            "evidence-not-proven", "high", "The evidence is not proven",
            proof_of([*wrong, *found.proven.faults]),
            "What was altered, left out or signed by somebody else proves nothing.",
            ("Take the bundle of the same span, and look at it with `wachhund verify`.",), _AGAIN,
        ))  # fmt: skip
    for fault in found.faults:
        kind = fault.kind
        seen = fault.acknowledged
        said = [] if seen is None else [f"looked into by {seen.by}: {seen.why}"]
        made.append(Finding(
            f"fault-{fault.id}", kind.level if seen is None else "informational", kind.title,
            proof_of([f"{moment(fault.since_t)}: {fault.detail}", *said]),
            kind.may_mean, (kind.to_do,), f"wachhund robots show {shown(found.name, 64)}", kind.attack,
        ))  # fmt: skip
    return made


def _incident(found: Gathered, incident: Mapping[str, Any]) -> Finding:
    life = found.lives.get(str(incident["id"]))
    said, level = [], str(incident["level"])
    if life is not None and life.state == CLOSED:
        said = [f"closed by {life.by} as {life.reason}: {life.why}"]
        level = "informational" if life.reason in _EXPECTED else level
    return Finding(
        f"incident-{incident['id']}", level, shown(incident["title"], 200),
        proof_of([f"{moment(incident['first_t'])} to {moment(incident['last_t'])}", *incident["story"], *said]),
        "It happened, or went on, in the span of this report.",
        tuple(shown(step, 300) for step in incident["advice"]), _AGAIN, tuple(incident["attack"]),
    )  # fmt: skip


def _sessions(found: Gathered) -> list[Finding]:
    told = [_session(one) for one in found.sessions]
    if found.more_sessions:
        told.append(f"and {found.more_sessions} more")
    if not told:
        return []
    return [Finding(
        "sessions", "informational", "These were connected or logged in during the span", proof_of(told),
        "Each is somebody, or a program, that could look at the robot or give it orders then.",
        ("Ask whoever looks after the robot which of them are known.",), _AGAIN,
    )]  # fmt: skip


def _session(session: Mapping[str, Any]) -> str:
    until = "open" if session["last_t"] is None else moment(session["last_t"])
    allowed = "allowed" if session.get("authorisation") else "NOT ALLOWED" if session.get("incident") else "not decided"
    return f"{moment(session['first_t'])} to {until}: {way_in(session)}; {allowed}"
