"""The page of one incident: what happened, is it still going on, what do I do, who is on it? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wachhund.alerts.handling import told
from wachhund.alerts.life import CAME_BACK
from wachhund.alerts.looks import LEVELS, goes_on
from wachhund.alerts.ringing import BY_MAINTENANCE, BY_SILENCE, Held, Ringing
from wachhund.ledger.handling_records import ACKNOWLEDGED, CLOSED, IncidentAct, Life
from wachhund.web.hops import Hop, path_of
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import clock
from wachhund.web.path_picture import nobody_allowed, not_allowed_hops
from wachhund.web.robot_text import clipped, visible
from wachhund.web.said import joined, known, say

STATES = ("open", "acknowledged", "closed")  # as the judge, or whoever reads its rows, knows them
# Lines of one list in the page: a story that goes on for days is read from its end.
LINES_OF_A_STORY = 500
STEPS = 5  # of What to do: more is not read at night
TITLE_CHARACTERS = 300
_HELD_BY = {BY_SILENCE: say("silence"), BY_MAINTENANCE: say("maintenance")}


@dataclass(frozen=True)
class Told:
    """Somebody was told of an incident. `to`: the target's name; `t`: when, host time; `state`: what became of it, in
    a word of `notify`; `words`: the other side's, or ours; both may be anybody's text."""

    to: str
    t: float | None
    state: str
    words: str


@dataclass(frozen=True)
class IncidentView:
    """One incident. `robot_name`: None when no robot of that id is registered. Texts are raw: templates escape.

    `ringing`: where it stands; `tag`: the silence or maintenance that covers it; `acts`: what people did, in words.
    """

    incident: Mapping[str, Any]
    robot_name: str | None
    path: tuple[Hop, ...]
    suspects: frozenset[int]
    forbidden: bool
    story: Sequence[str]
    story_left_out: int
    steps: Sequence[str]
    more_steps: Sequence[str]
    ringing: Ringing
    tag: Held | None
    life: Life
    mark: str
    acts: Sequence[tuple[IncidentAct, str]]
    live: LivePage


def going_on(incident: Mapping[str, Any]) -> Slot:
    """Whether it goes on, as far as anybody sees. What is about evidence or agent has no sessions."""
    if incident.get("state") == "closed":
        return Slot(known("closed"), tone="open")
    if incident.get("kind") == "monitor":
        of_evidence = any(str(rule).startswith("evidence: ") for rule in incident.get("rules") or ())
        words = say("stands until acknowledged") if of_evidence else say("as the robot's proof says")
        return Slot(words, tone="warn")
    if incident.get("kind") == "drill":
        return Slot(say("a drill: nothing happens"), tone="open")
    if goes_on(incident):
        return Slot(say("yes, still going on"), tone="bad")
    if incident.get("sessions"):
        return Slot(say("no open session is seen"), tone="open")
    return Slot(say("no session was seen yet"), tone="warn")


def state_slot(now: Ringing, level: object) -> Slot:
    """Where it stands: a word, with the tone of what it asks for."""
    state = now.standing.state
    grave = level in LEVELS[3:]
    if state == CLOSED:
        return Slot(known("closed"), tone="open")
    if state == ACKNOWLEDGED:
        return Slot(known("acknowledged"), tone="open")
    words = known("came back") if state == CAME_BACK else say("needs you")
    return Slot(words, tone="bad" if grave else "warn")


def common_slots(incident: Mapping[str, Any], ringing: Ringing, tag: Held | None, now: float) -> dict[str, Slot]:
    """What of an incident goes on changing wherever it is shown."""
    prefix = f"incident:{incident['id']}"
    return {
        f"{prefix}:title": Slot(clipped(incident.get("title"), TITLE_CHARACTERS)),
        f"{prefix}:level": Slot(known(visible(incident.get("level")))),
        f"{prefix}:state": state_slot(ringing, incident.get("level")),
        f"{prefix}:because": Slot(visible(ringing.standing.because)),
        f"{prefix}:owner": Slot(visible(ringing.owner) if ringing.owner else say("nobody")),
        f"{prefix}:held": Slot(held_words(tag, now)),
        f"{prefix}:on": going_on(incident),
        f"{prefix}:last": Slot(clock(incident["last_t"], now), t=incident["last_t"]),
    }


def held_words(held: Held | None, now: float) -> str:
    """What holds its messages back, in words; empty for nothing."""
    if held is None:
        return ""
    by = _HELD_BY.get(held.by, held.by)
    told = {
        "by": joined(" ", (by, visible(held.id))) if held.id else by,
        "who": visible(str(held.who)),
        "why": visible(held.why),
    }
    if held.until_t is None:
        return say("no messages: %(by)s by %(who)s: %(why)s", **told)
    return say("no messages until %(until)s: %(by)s by %(who)s: %(why)s", until=clock(held.until_t, now), **told)


def incident_view(
    incident: Mapping[str, Any], robot_name: str | None, ringing: Ringing, tag: Held | None, life: Life, mark: str,
    acts: Sequence[IncidentAct], now: float,
) -> IncidentView:  # fmt: skip
    """The page of one incident."""
    path = path_of(incident.get("origin"))
    sessions = incident.get("sessions") or ()
    forbidden = nobody_allowed(sessions)
    story = [str(line) for line in incident.get("story") or ()]
    left_out = max(0, len(story) - LINES_OF_A_STORY)
    steps = [str(step) for step in incident.get("advice") or ()]
    until = ringing.held.until_t if ringing.held is not None and ringing.standing.state == ACKNOWLEDGED else None
    prefix = f"incident:{incident['id']}"
    slots = {
        **common_slots(incident, ringing, tag, now),
        f"{prefix}:until": Slot("" if until is None else say("until %(until)s", until=clock(until, now))),
        f"{prefix}:acts": Slot(str(len(acts))),
    }
    live = LivePage(
        "/live/incidents/" + quote(str(incident["id"]), safe=""),
        slots,
        {
            "story": tuple(str(number) for number in range(left_out, len(story))),
            "acts": tuple(str(act.number) for act in acts),
        },
    )
    suspects = not_allowed_hops(path, forbidden)
    return IncidentView(
        incident, robot_name, path, suspects, forbidden, story[left_out:], left_out, steps[:STEPS], steps[STEPS:],
        ringing, tag, life, mark, [(act, told(act)) for act in acts], live,
    )  # fmt: skip
