"""The incident pages: what happened, is it still going on, what do I do, who is on it? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from wachhund.web.hops import Hop, path_of
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import clock
from wachhund.web.path_picture import suspect_hops
from wachhund.web.robot_text import clipped, visible

ROWS_A_PAGE = 100
STATES = ("open", "acknowledged", "closed")
# Lines of one list in the page: a story that goes on for days is read from its end.
LINES_OF_A_STORY = 500
TITLE_CHARACTERS = 300


@dataclass(frozen=True)
class IncidentView:
    """One incident. `robot_name`: None when no robot of that id is registered. Texts are raw: templates escape."""

    incident: Mapping[str, Any]
    robot_name: str | None
    path: tuple[Hop, ...]
    suspects: frozenset[int]
    forbidden: bool
    story: Sequence[str]
    story_left_out: int
    live: LivePage


@dataclass(frozen=True)
class IncidentList:
    """A page of incidents, gravest and newest first. `counts`: how many in each state."""

    rows: Sequence[Mapping[str, Any]]
    state: str
    counts: Mapping[str, int]
    page: int
    live: LivePage

    @property
    def pages(self) -> int:
        return max(1, -(-self.counts.get(self.state, 0) // ROWS_A_PAGE))


def goes_on(incident: Mapping[str, Any]) -> Slot:
    """Whether a session of it is open, as far as anybody sees. What is about evidence or agent has no sessions."""
    if incident.get("state") == "closed":
        return Slot("closed", tone="open")
    if incident.get("kind") == "monitor":
        of_evidence = any(str(rule).startswith("evidence: ") for rule in incident.get("rules") or ())
        return Slot("stands until acknowledged" if of_evidence else "as the robot's proof says", tone="warn")
    if incident.get("kind") == "drill":
        return Slot("a drill: nothing happens", tone="open")
    if any(session.get("last_t") is None for session in incident.get("sessions") or ()):
        return Slot("yes, still going on", tone="bad")
    if incident.get("sessions"):
        return Slot("no open session is seen", tone="open")
    return Slot("no session was seen yet", tone="warn")


def _slots(incident: Mapping[str, Any], now: float) -> dict[str, Slot]:
    prefix = f"incident:{incident['id']}"
    return {
        f"{prefix}:title": Slot(clipped(incident.get("title"), TITLE_CHARACTERS)),
        f"{prefix}:level": Slot(visible(incident.get("level"))),
        f"{prefix}:state": Slot(visible(incident.get("state"))),
        f"{prefix}:on": goes_on(incident),
        f"{prefix}:last": Slot(clock(incident["last_t"], now), t=incident["last_t"]),
    }


def incident_view(incident: Mapping[str, Any], robot_name: str | None, now: float) -> IncidentView:
    """The page of one incident."""
    path = path_of(incident.get("origin"))
    sessions = incident.get("sessions") or ()
    # The path is that of the gravest session, and those that nobody allowed are graver than the others.
    forbidden = not sessions or any(session.get("authorisation") is None for session in sessions)
    story = [str(line) for line in incident.get("story") or ()]
    left_out = max(0, len(story) - LINES_OF_A_STORY)
    live = LivePage(
        "/live/incidents/" + quote(str(incident["id"]), safe=""),
        _slots(incident, now),
        {"story": tuple(str(number) for number in range(left_out, len(story)))},
    )
    suspects = suspect_hops(path) if forbidden else frozenset()
    return IncidentView(incident, robot_name, path, suspects, forbidden, story[left_out:], left_out, live)


def incident_list(
    rows: Sequence[Mapping[str, Any]], state: str, counts: Mapping[str, int], page: int, now: float
) -> IncidentList:
    """One page of the list of incidents in `state`."""
    slots = {f"count:{name}": Slot(str(counts.get(name, 0))) for name in STATES}
    for incident in rows:
        slots |= _slots(incident, now)
    address = "/live/incidents?" + urlencode({"state": state, "page": page})
    live = LivePage(address, slots, {"incidents": tuple(str(row["id"]) for row in rows)})
    return IncidentList(rows, state, counts, page, live)
