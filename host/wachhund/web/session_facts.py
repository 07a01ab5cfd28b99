"""From the ledger to the page of sessions: what is asked for, found, and what nobody can know."""

from collections.abc import Callable

from wachhund.ledger import Ledger
from wachhund.ledger.records import Unobserved
from wachhund.ledger.session_search import Wanted
from wachhund.web import facts
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.moments import clock
from wachhund.web.said import say
from wachhund.web.session_filters import FIELDS, LIST, NOW, VERDICTS, Asked
from wachhund.web.sessions_view import (
    GROUPS_A_PAGE,
    ROWS_A_PAGE,
    CannotSay,
    SessionsView,
    session_row,
    sessions_view,
)

# Robots of which nobody can say whether somebody is there, of all that there are.
WhoCannotSay = Callable[[float], CannotSay]
_GROUPED_FROM = 100  # so many sessions are read by where they come from


def wanted_of(asked: Asked, robots: dict[str, str], now: float) -> Wanted:
    """What to look for in the ledger. `robots`: name by id. A name that nobody has matches no session."""
    ids = {name: identity for identity, name in robots.items()}
    only: dict[str, frozenset[object]] = {}
    but: dict[str, frozenset[object]] = {}
    for name in FIELDS:
        for made, excludes in ((only, False), (but, True)):
            values = asked.values(name, excludes)
            if not values:
                continue
            if name == "robot":
                made[name] = frozenset(ids.get(value, f"no robot {value}") for value in values)
            elif name == "allowed":
                made[name] = frozenset(VERDICTS[value] for value in values if value in VERDICTS)
            else:
                made[name] = frozenset(values)
    from_t, to_t = asked.span(now) or (None, None)
    return Wanted(from_t, to_t, only, but)


def show_sessions(ledger: Ledger, cannot_say: WhoCannotSay, asked: Asked, now: float) -> SessionsView:
    """The page. Raises LedgerError."""
    names = facts.robot_names(ledger)
    wanted = wanted_of(asked, names, now)
    counted = ledger.session_search.count(wanted)
    by = "" if asked.group == LIST else asked.group
    if not asked.group and counted.sessions > _GROUPED_FROM and counted.robots > 1:
        by = "origin"
    rows, found = [], None
    if by:
        found = ledger.session_search.groups(wanted, by, GROUPS_A_PAGE, (asked.page - 1) * GROUPS_A_PAGE)
    else:
        told = ledger.session_search.page(wanted, ROWS_A_PAGE, (asked.page - 1) * ROWS_A_PAGE)
        rows = [session_row(session, names) for session in told]
    notes = _notes(ledger, asked, names, now) if asked.tense != NOW else []
    return sessions_view(asked, rows, found, by, counted, cannot_say(now), notes, now)


def who_cannot_say(fleet: FleetBoard) -> WhoCannotSay:
    """The same as the pages of the robots say."""
    return lambda now: CannotSay(*fleet.not_known(now))


def _notes(ledger: Ledger, asked: Asked, names: dict[str, str], now: float) -> list[str]:
    """What an answer about the past cannot hold."""
    span = asked.span(now)
    if span is None:
        return []
    from_t, to_t = span
    since_t = ledger.session_search.known_since()
    notes: list[str] = []
    if since_t is None:
        notes.append(say("Nothing is known yet: no evidence has arrived."))
    elif from_t < since_t:
        notes.append(
            say(
                "Nothing is known of before %(since)s: the first evidence that is kept came then.",
                since=clock(since_t, now),
            )
        )
    erased = ledger.session_search.erased_from(from_t, to_t)
    if erased:
        notes.append(say("Of %(n)s robots something that was seen in this time was erased: see Keeping.", n=erased))
    ids = {name: identity for identity, name in names.items()}
    for name in sorted(asked.values("robot", False) & ids.keys()):
        gaps = ledger.unobserved(ids[name], from_t, now)
        notes.extend(_nobody_looked(name, gap, now) for gap in gaps if gap.from_t <= to_t)
    if not asked.values("robot", False):
        notes.append(
            say("Whether a robot was looked at in this time stands on its page, and here when you filter by it.")
        )
    return notes


def _nobody_looked(robot: str, gap: Unobserved, now: float) -> str:
    told = {"robot": robot, "since": clock(gap.from_t, now), "why": gap.why}
    if gap.to_t is None:
        return say("%(robot)s: nobody looked from %(since)s, goes on: %(why)s", **told)
    return say(
        "%(robot)s: nobody looked from %(since)s, until %(until)s: %(why)s", until=clock(gap.to_t, now), **told
    )  # fmt: skip
