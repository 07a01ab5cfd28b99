"""The page of silences: what are we not told of, until when, because of whom? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wachhund.alerts.silences import matches_now
from wachhund.ledger.incident_rows import IncidentRow
from wachhund.ledger.silence_records import IN_THE_WAY, PLANNED, VALID, Silence, SilenceAct
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import clock
from wachhund.web.robot_text import visible
from wachhund.web.said import say


@dataclass(frozen=True)
class Card:
    """One silence. `scope`: what it names, field by field, in words; `may_end`: by who looks, and it is not over."""

    id: str
    maintenance: bool
    scope: Sequence[tuple[str, str]]
    why: str
    author: str
    made_t: float
    ends_unused: bool
    matched_t: float | None
    ended_by: str | None
    ended_why: str | None
    may_end: bool


@dataclass(frozen=True)
class SilencesView:
    """`over`: those that are over, else the others, the soonest end first. `moved`: what was told of a moved clock."""

    cards: Sequence[Card]
    over: bool
    moved: Sequence[str]
    live: LivePage


def silences_view(
    known: Sequence[Silence], rows: Sequence[IncidentRow], names: Mapping[str, str], over: bool,
    moved: Sequence[tuple[str, SilenceAct]], may_end: Mapping[str, bool], now: float,
) -> SilencesView:  # fmt: skip
    """The page. `rows`: incidents that may need somebody; `moved`: acts by which an end moved with the host's clock."""
    shown = [one for one in known if (one.state(now) in IN_THE_WAY) is not over]
    shown.sort(key=lambda one: -one.until_t if over else one.ends_t(now))
    slots = {"count:silences": Slot(str(sum(one.state(now) in IN_THE_WAY for one in known)))}
    for one in shown:
        matches, state = matches_now(one, rows), one.state(now)
        unused = state == VALID and not matches
        tone = "warn" if state == VALID else "open"
        counted = say("matches %(n)s now", n=matches) if matches else say("matches none now")
        if unused:
            counted = say("matches none now: is it still needed?")
        words = {VALID: say("holds back"), PLANNED: say("planned")}.get(state, say("over"))
        slots |= {
            f"silence:{one.id}:state": Slot(words, tone=tone),
            f"silence:{one.id}:ends": Slot(clock(one.ends_t(now), now), t=one.ends_t(now)),
            f"silence:{one.id}:matches": Slot(counted),
        }
    cards = tuple(_card(one, names, may_end.get(one.id, False) and one.state(now) in IN_THE_WAY) for one in shown)
    told = tuple(f"{name}: {act.why} ({clock(act.t, now)})" for name, act in moved)
    live = LivePage("/live/silences" + ("?tab=over" if over else ""), slots, {"silences": tuple(c.id for c in cards)})
    return SilencesView(cards, over, told, live)


def scope_of(one: Silence, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a silence names, in words."""
    robots = None if one.robots is None else [names.get(robot, robot) for robot in one.robots]
    parts = [(say("Robots"), robots), (say("Kinds"), one.kinds), (say("Rules"), one.rules),
             (say("Surfaces"), one.surfaces), (say("Origins"), one.sources)]  # fmt: skip
    told = [(name, say("any") if values is None else ", ".join(map(visible, values))) for name, values in parts]
    return [*told, (say("Critical"), say("held back too") if one.critical else say("rings"))]


def _card(one: Silence, names: Mapping[str, str], may_end: bool) -> Card:
    return Card(
        one.id, one.maintenance, scope_of(one, names), one.why, one.author, one.made_t, one.ends_unused, one.matched_t,
        one.ended_by, one.ended_why, may_end,
    )  # fmt: skip
