"""The list of incidents: what needs somebody, what is in hand, what came back, what is over. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from wachhund.alerts.listing import TABS, Asked, Entry, Listing, q_of
from wachhund.alerts.looks import LEVELS, mark
from wachhund.web.incident_view import common_slots
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.said import say

_TITLES = (say("Needs you"), say("Acknowledged"), say("Came back"), say("Closed"))
TAB_TITLES = dict(zip(TABS, _TITLES, strict=True))


@dataclass(frozen=True)
class Row:
    """One incident in the list. `seen`: what a form says of it when somebody acts on it: `id|version|mark`."""

    entry: Entry
    robot_name: str | None
    seen: str

    @property
    def incident(self) -> Mapping[str, Any]:
        return self.entry.row.incident


@dataclass(frozen=True)
class Pill:
    """A filter that is on, or offered. `href`: the list without it, or with it."""

    text: str
    href: str


@dataclass(frozen=True)
class IncidentList:
    """One page of a list. `elsewhere`: chosen ones that are not on it (any more)."""

    rows: Sequence[Row]
    elsewhere: Sequence[Row]
    asked: Asked
    counts: Mapping[str, int]
    found: int
    page: int
    pages: int
    on: Sequence[Pill]
    offered: Sequence[Pill]
    address: str
    live: LivePage


def address_of(asked: Asked, **changed: object) -> str:
    """The list with something changed, as a URL: the URL is the state."""
    fields: dict[str, object] = {"tab": asked.tab, "q": asked.q, "sort": asked.sort, "page": asked.page, **changed}
    return "/incidents?" + urlencode({name: value for name, value in fields.items() if value not in ("", 1)})


def incident_list(
    listing: Listing, asked: Asked, elsewhere: Sequence[Entry], names: Mapping[str, str], me: str, now: float
) -> IncidentList:
    """The list. `names`: of robots, by id; `me`: who looks."""
    slots = {f"count:{tab}": Slot(str(listing.counts[tab])) for tab in TABS}
    rows = [_row(entry, names) for entry in listing.entries]
    more = [_row(entry, names) for entry in elsewhere]
    for row in (*rows, *more):
        slots |= common_slots(row.incident, row.entry.ringing, row.entry.tag, now)
    query = urlencode({"tab": asked.tab, "q": asked.q, "sort": asked.sort, "page": listing.page})
    live = LivePage(f"/live/incidents?{query}", slots, {"incidents": tuple(str(row.incident["id"]) for row in rows)})
    on = [
        Pill(_words(term), address_of(asked, q=q_of(other for other in asked.terms if other != term), page=1))
        for term in asked.terms
    ]
    offered = [
        Pill(_words(term), address_of(asked, q=q_of((*asked.terms, term)), page=1))
        for term in (*(("level", level) for level in reversed(LEVELS)), ("assignee", me), ("assignee", "nobody"))
        if term not in asked.terms
    ]
    return IncidentList(
        rows, more, asked, listing.counts, listing.found, listing.page, listing.pages, on, offered,
        address_of(asked, page=listing.page), live,
    )  # fmt: skip


def _row(entry: Entry, names: Mapping[str, str]) -> Row:
    incident, life = entry.row.incident, entry.row.life
    return Row(entry, names.get(str(incident.get("robot"))), f"{incident['id']}|{life.version}|{mark(incident)}")


def _words(term: tuple[str, str]) -> str:
    field, value = term
    word = value.removeprefix("-")
    return f"{'not ' if value.startswith('-') else ''}{'' if field == 'word' else f'{field} '}{word}"
