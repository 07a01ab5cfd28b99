"""The controller ledger of all robots: who used which surface, and from where. Asked as the page's URL asks."""

import time
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request

from wachhund.ledger.session_search import Wanted
from wachhund.people.roles import Right
from wachhund.web import facts, session_filters
from wachhund.web.acting import needs
from wachhund.web.api.asked import Part, SessionFilters, SessionsAsked
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import ledger_of
from wachhund.web.api.shapes import Session, SessionsPart
from wachhund.web.session_facts import wanted_of
from wachhund_evidence import MisuseError

router = APIRouter(tags=["sessions"])

_NO_FILTERS = {*Part.model_fields, "format"}


def wanted(asked: SessionFilters, names: Mapping[str, str], now: float) -> Wanted:
    """What the page of the same address looks for; `names`: of robots, by id. Raises MisuseError."""
    given = asked.model_dump(by_alias=True, exclude_none=True, exclude=_NO_FILTERS)
    read = session_filters.read(urlencode(given, doseq=True), now)
    for place_of_it, problem in read.problems.items():
        raise MisuseError(f"{place_of_it}: {problem}")
    return wanted_of(read, dict(names), now)


@router.get("/sessions")
@needs(Right.SEE, say="the controller ledger")
def sessions(request: Request, asked: Annotated[SessionsAsked, Query()]) -> SessionsPart:
    """A part of the sessions, the newest beginnings first: of now, or of the time that is given."""
    ledger, now = ledger_of(request), time.time()
    names = facts.robot_names(ledger)
    rows = ledger.lists.sessions(wanted(asked, names, now), place(asked, asked.cursor), asked.limit + 1)
    shown = rows[: asked.limit]
    return SessionsPart(
        t=now,
        items=[Session(**facts.named(one, names)) for one in shown],
        next=cursor(asked, Place(shown[-1]["first_t"], shown[-1]["id"])) if len(rows) > asked.limit else None,
    )
