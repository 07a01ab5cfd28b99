"""What nobody is told of, until when, because of whom."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request

from wachhund.ledger import Ledger
from wachhund.ledger.silence_records import IN_THE_WAY
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import Filters, Identity, Part
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Silence, SilencesPart

router = APIRouter(tags=["silences"])


class SilenceFilters(Filters):
    """As the tabs of the Silences page: those that are valid or planned, or those that are over; without: all."""

    tab: Literal["now", "over"] | None = None


class SilencesAsked(SilenceFilters, Part):
    """A part of the silences."""


def silence_rows(ledger: Ledger, asked: SilenceFilters, now: float) -> list[Silence]:
    """Those that match, the newest first; robots by name."""
    names = facts.robot_names(ledger)
    rows = []
    for one in ledger.silencing.all():
        state = one.state(now)
        if asked.tab is not None and (state in IN_THE_WAY) is not (asked.tab == "now"):
            continue
        told = one.to_json()
        robots = None if one.robots is None else [names.get(robot, robot) for robot in one.robots]
        rows.append(Silence(**{**told, "robots": robots, "state": state, "ends_t": one.ends_t(now)}))
    return sorted(rows, key=lambda row: (-row.made_t, row.id))


@router.get("/silences", responses=NOT_FOUND)
@needs(Right.SEE, say="silences and maintenance")
def silences(request: Request, asked: Annotated[SilencesAsked, Query()]) -> SilencesPart:
    """A part of the silences and of maintenance, the newest first."""
    now = time.time()
    begin = place(asked, asked.cursor)
    rows = silence_rows(ledger_of(request), asked, now)
    behind = [row for row in rows if begin is None or (-row.made_t, row.id) > (-begin.t, begin.name)]
    shown = behind[: asked.limit]
    more = len(behind) > asked.limit
    return SilencesPart(t=now, items=shown, next=cursor(asked, Place(shown[-1].made_t, shown[-1].id)) if more else None)


@router.get("/silences/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="a silence")
def silence(request: Request, identity: Identity) -> Silence:
    """One silence or maintenance."""
    for row in silence_rows(ledger_of(request), SilenceFilters(), time.time()):
        if row.id == identity:
            return row
    raise HTTPException(404, "no silence of that id")
