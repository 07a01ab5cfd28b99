"""The part of each page that goes on changing, computed again whenever the event stream asks."""

import time
from collections.abc import Callable, Sequence

from wachhund.alerts.listing import NEEDS, asked
from wachhund.authorise.listing import TABS, listed
from wachhund.ledger import Ledger
from wachhund.web import facts, session_facts, session_filters
from wachhund.web.authorisation_view import authorisations_view
from wachhund.web.campaign_view import band, shown, with_band
from wachhund.web.enrol_facts import show_checklist
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.fleet_view import SORTS
from wachhund.web.incident_facts import live_incident, live_incidents
from wachhund.web.live_page import LivePage
from wachhund.web.silence_marks import marked
from wachhund.web.silence_pages import live_silences
from wachhund_evidence import MisuseError

MAX_PAGE = 10_000
MAX_QUERY_CHARACTERS = 400
_MAX_ON = 200  # rows that one browser shows, and some

Compute = Callable[[], LivePage]


def both(fleet_page: LivePage, robot_page: LivePage) -> LivePage:
    """The fleet's page and its only robot's, as one that changes."""
    return LivePage(
        fleet_page.address, {**fleet_page.slots, **robot_page.slots}, {**fleet_page.rows, **robot_page.rows}
    )


def compute_of(
    ledger: Ledger, fleet: FleetBoard, path: str, query: dict[str, str], who_cannot_say: session_facts.WhoCannotSay
) -> Compute | None:
    """How the live part of a page is found: `path` is what follows /live/. None: no page changes there."""
    kind, _, rest = path.partition("/")
    page = min(int(query["page"]), MAX_PAGE) if query.get("page", "").isdecimal() else 1
    if kind == "fleet":
        on = tuple(query.get("on", "").split(",")[:_MAX_ON]) if query.get("on") else ()
        sort = query["sort"] if query.get("sort") in SORTS else "worst"
        return lambda: _live_fleet(ledger, fleet, query.get("q", "")[:MAX_QUERY_CHARACTERS], page, sort, on)
    if kind == "sessions" and not rest:
        return lambda: _live_sessions(ledger, query.get("s", ""), who_cannot_say)
    if kind == "authorisations" and not rest and query.get("tab") in TABS:
        return lambda: _live_authorisations(ledger, query["tab"], page)
    if kind == "robots" and ledger.robot_by_name(rest) is not None:
        return lambda: _live_robot(ledger, rest)
    if kind == "enrol" and show_checklist(ledger, rest) is not None:
        return lambda: _live_enrol(ledger, rest)
    if kind == "incidents" and not rest:
        return _list_of(ledger, query, page)
    if kind == "incidents" and ledger.incident(rest) is not None:
        return lambda: live_incident(ledger, rest)
    if kind == "campaigns" and ledger.campaigns.one(rest) is not None:
        return lambda: _live_campaign(ledger, rest)
    if kind == "silences" and not rest:
        return lambda: live_silences(ledger, query.get("tab") == "over")
    return None


def _live_fleet(
    ledger: Ledger, fleet: FleetBoard, query: str, page: int, sort: str, on: Sequence[str]
) -> LivePage:  # fmt: skip
    now = time.time()
    view = fleet.view(query, page, now, sort, on, offers=False)
    only = facts.show_robot(ledger, view.rows[0].name, now) if view.total == 1 and not view.terms else None
    live = view.live if only is None else both(view.live, only.live)
    return with_band(marked(live, ledger, (row.name for row in view.rows), now), band(ledger, now))


def _live_enrol(ledger: Ledger, name: str) -> LivePage:
    found = show_checklist(ledger, name)
    return LivePage("") if found is None else found.live


def _live_sessions(ledger: Ledger, query: str, who_cannot_say: session_facts.WhoCannotSay) -> LivePage:
    now = time.time()
    return session_facts.show_sessions(ledger, who_cannot_say, session_filters.read(query, now), now).live


def _live_authorisations(ledger: Ledger, tab: str, page: int) -> LivePage:
    now = time.time()
    return authorisations_view(listed(ledger, now), facts.robot_names(ledger), tab, page, now).live


def _live_robot(ledger: Ledger, name: str) -> LivePage:
    now = time.time()
    view = facts.show_robot(ledger, name, now)
    return LivePage("") if view is None else marked(view.live, ledger, (name,), now)


def _live_campaign(ledger: Ledger, identity: str) -> LivePage:
    view = shown(ledger, identity, time.time())
    return LivePage("") if view is None else view.live


def _list_of(ledger: Ledger, query: dict[str, str], page: int) -> Compute | None:
    try:
        wanted = asked(query.get("tab", NEEDS), query.get("q", ""), query.get("sort", ""), page)
    except MisuseError:
        return None
    return lambda: live_incidents(ledger, wanted)
