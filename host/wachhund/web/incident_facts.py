"""From the ledger to the pages of incidents."""

import time
from collections.abc import Sequence

from wachhund.alerts.listing import Asked, Entry, entry_of, listing
from wachhund.alerts.looks import mark
from wachhund.alerts.ringing import ringing, silenced
from wachhund.ledger import Ledger
from wachhund.ledger.incident_rows import IncidentRow
from wachhund.web.campaign_view import band, with_band
from wachhund.web.facts import named, robot_names
from wachhund.web.incident_list_view import IncidentList, incident_list
from wachhund.web.incident_view import IncidentView, incident_view
from wachhund.web.live_page import LivePage


def show_incident(ledger: Ledger, identity: str, now: float) -> IncidentView | None:
    """One incident's page; None when there is none of that id."""
    incident = ledger.incident(identity)
    if incident is None:
        return None
    names, life, silences = robot_names(ledger), ledger.handling.life(identity), ledger.silencing.valid(now)
    return incident_view(
        named(incident, names), names.get(str(incident.get("robot"))), ringing(incident, life, silences, now),
        silenced(incident, silences, now), life, mark(incident), ledger.handling.acts(identity), now,
    )  # fmt: skip


def show_incidents(ledger: Ledger, asked: Asked, chosen: Sequence[str], me: str, now: float) -> IncidentList:
    """A list. `chosen`: ids that somebody chose before, wherever they stand now."""
    names = robot_names(ledger)
    found = listing(ledger, asked, now, names)
    here = {str(entry.row.incident["id"]) for entry in found.entries}
    gone = [identity for identity in chosen if identity not in here]
    return incident_list(found, asked, _entries(ledger, gone, now), names, me, now)


def _entries(ledger: Ledger, ids: Sequence[str], now: float) -> list[Entry]:
    silences, lives = ledger.silencing.valid(now), ledger.handling.lives(ids)
    known = [(identity, ledger.incident(identity)) for identity in ids]
    rows = [
        IncidentRow(incident, lives.get(identity, ledger.handling.life(identity)))
        for identity, incident in known
        if incident is not None
    ]
    return [entry_of(row, silences, now) for row in rows]


def live_incidents(ledger: Ledger, asked: Asked) -> LivePage:
    """The part of a list that goes on changing."""
    now = time.time()
    return with_band(show_incidents(ledger, asked, (), "", now).live, band(ledger, now))


def live_incident(ledger: Ledger, identity: str) -> LivePage:
    """The part of an incident's page that goes on changing."""
    view = show_incident(ledger, identity, time.time())
    return LivePage("") if view is None else view.live
