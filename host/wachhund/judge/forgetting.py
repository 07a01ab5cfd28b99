"""Taking out of a robot's state what was erased: what the judge goes on with must not tell it again.

What is still going on is then begun anew by what comes next, with new ids: its beginning is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from wachhund.judge import boots, mind
from wachhund.judge.egress import DayOut
from wachhund.judge.incident_book import IncidentBook
from wachhund.judge.state import Boot, RobotState
from wachhund.ledger.keeping_records import REQUEST, Erasure


@dataclass(frozen=True)
class Forgotten:
    """A span of a robot's host time that was erased. `whole`: only what lies in it altogether (retention by age);
    otherwise all that touches it (on request)."""

    robot: str
    from_t: float
    to_t: float
    whole: bool

    def concerns(self, robot: object, first_t: float, last_t: float | None) -> bool:
        """Whether something that lasted so long belongs to it. `last_t` None: it goes on."""
        end_t = inf if last_t is None else last_t
        if robot != self.robot:
            return False
        return end_t < self.to_t if self.whole else first_t <= self.to_t and end_t >= self.from_t

    def holds(self, t: float) -> bool:
        """Whether a moment lies in it."""
        return self.from_t <= t <= self.to_t


def span_of(act: Erasure) -> Forgotten:
    """An act of forgetting as it concerns what is in mind."""
    return Forgotten(act.robot, -inf if act.from_t is None else act.from_t, act.to_t, act.reason != REQUEST)


def forget(state: RobotState, span: Forgotten) -> None:
    """Take it out, if it is of this robot."""
    if state.robot != span.robot:
        return
    boots.home(state)
    known = state.incidents.by_id.values()
    state.incidents.drop({one.id for one in known if span.concerns(state.robot, one.first_t, one.last_t)})
    parts: list[RobotState | Boot] = [state, *state.boots.values()]
    for part in parts:
        _forget_boot(part, state.incidents, span)
    state.windows.forget(span.from_t, span.to_t)
    if not span.whole:
        _forget_counts(state, span)


def _forget_boot(part: RobotState | Boot, incidents: IncidentBook, span: Forgotten) -> None:
    """What is so in one boot, and was told in the span."""
    mine = part.sessions.by_id
    names = {one.id for one in mine.values() if span.concerns(span.robot, one.first_t, one.last_t)}
    if names:
        part.sessions.drop(names)
        part.waiting = {name: told for name, told in part.waiting.items() if name not in names}
        for incident in incidents.by_id.values():
            for name in incident.sessions.keys() & names:
                del incident.sessions[name]
        part.visitors.forget(names)
    if isinstance(part, Boot):
        part.led = {puid: name for puid, name in part.led.items() if name in incidents.by_id}
    if not span.whole:
        part.memory.forget_span(span.from_t, span.to_t)
        part.unclaimed = {local: told for local, told in part.unclaimed.items() if not span.holds(told[0].t)}
        part.coming_up = {name: told for name, told in part.coming_up.items() if not span.holds(told[1].t)}
        part.unowned = [told for told in part.unowned if not span.holds(told[1].t)]
        part.of_nobody = [told for told in part.of_nobody if not span.holds(told[0].t)]
        part.undecided = {name: told for name, told in part.undecided.items() if not span.holds(told[1].t)}


def _forget_counts(state: RobotState, span: Forgotten) -> None:
    """What is counted across boots. Counts that have no time of their own begin anew."""
    state.contacts = {
        key: calls for key, calls in state.contacts.items() if calls.times and not any(map(span.holds, calls.times))
    }
    state.guesses.clear()
    state.files.forget(span.from_t, span.to_t)
    state.out = DayOut()


def without(version: str, body: bytes, span: Forgotten) -> bytes | None:
    """A written mind without it; None when the mind cannot be read."""
    if version != mind.VERSION:
        return None
    try:
        state = mind.read(body)
    except mind.UnknownMind:
        return None
    forget(state, span)
    return mind.write(state)


def still_there(told: Iterable[Mapping[str, Any]], span: Forgotten) -> list[Any]:
    """Those incidents or sessions, as they are saved, that are not of it."""
    return [one for one in told if not span.concerns(one.get("robot"), one["first_t"], one["last_t"])]
