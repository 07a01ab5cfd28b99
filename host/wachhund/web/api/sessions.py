"""The controller ledger of all robots: who used which surface, and from where."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request

from wachhund.ledger import Ledger
from wachhund.ledger.listing import SessionsWanted
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import SessionFilters, SessionsAsked
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Session, SessionsPart

router = APIRouter(tags=["sessions"])


def wanted(ledger: Ledger, asked: SessionFilters) -> SessionsWanted:
    """The filters as the ledger has them. Raises 404 for a robot that is not there."""
    return SessionsWanted(
        robot=None if asked.robot is None else robot_of(ledger, asked.robot).id,
        surface=asked.surface,
        carrier=asked.carrier,
        is_open=None if asked.state is None else asked.state == "open",
        at_t=asked.at,
    )


@router.get("/sessions", responses=NOT_FOUND)
@needs(Right.SEE, say="the controller ledger")
def sessions(request: Request, asked: Annotated[SessionsAsked, Query()]) -> SessionsPart:
    """A part of the sessions, the newest beginnings first. 404: there is no such robot."""
    ledger = ledger_of(request)
    rows = ledger.lists.sessions(wanted(ledger, asked), place(asked, asked.cursor), asked.limit + 1)
    shown, names = rows[: asked.limit], facts.robot_names(ledger)
    return SessionsPart(
        t=time.time(),
        items=[Session(**facts.named(one, names)) for one in shown],
        next=cursor(asked, Place(shown[-1]["first_t"], shown[-1]["id"])) if len(rows) > asked.limit else None,
    )
