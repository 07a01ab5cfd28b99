"""What is allowed, by whom, and until when."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request

from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import Filters, Identity, Part
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Authorisation, AuthorisationsPart

router = APIRouter(tags=["authorisations"])


class AuthorisationFilters(Filters):
    """Which authorisations."""

    state: Literal["planned", "valid", "past", "withdrawn"] | None = None


class AuthorisationsAsked(AuthorisationFilters, Part):
    """A part of the authorisations."""


def authorisation_rows(ledger: Ledger, asked: AuthorisationFilters, now: float) -> list[Authorisation]:
    """Those that match, the newest first; robots by name."""
    names = facts.robot_names(ledger)
    rows = []
    for one in ledger.authorisations.all():
        if asked.state not in (None, one.state(now)):
            continue
        told = one.to_json()
        robots = None if told["robots"] is None else [names.get(robot, robot) for robot in told["robots"]]
        sources = told.pop("from")
        rows.append(Authorisation(**{**told, "robots": robots, "sources": sources, "state": one.state(now)}))
    return sorted(rows, key=lambda row: (-row.made_t, row.id))


@router.get("/authorisations", responses=NOT_FOUND)
@needs(Right.SEE, say="what is allowed")
def authorisations(request: Request, asked: Annotated[AuthorisationsAsked, Query()]) -> AuthorisationsPart:
    """A part of the authorisations, the newest first."""
    now = time.time()
    begin = place(asked, asked.cursor)
    rows = authorisation_rows(ledger_of(request), asked, now)
    behind = [row for row in rows if begin is None or (-row.made_t, row.id) > (-begin.t, begin.name)]
    shown = behind[: asked.limit]
    more = len(behind) > asked.limit
    return AuthorisationsPart(
        t=now, items=shown, next=cursor(asked, Place(shown[-1].made_t, shown[-1].id)) if more else None
    )


@router.get("/authorisations/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="an authorisation")
def authorisation(request: Request, identity: Identity) -> Authorisation:
    """One authorisation."""
    for row in authorisation_rows(ledger_of(request), AuthorisationFilters(), time.time()):
        if row.id == identity:
            return row
    raise HTTPException(404, "no authorisation of that id")
