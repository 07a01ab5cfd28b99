"""The fleet, in parts by name."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request

from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import FleetAsked
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import ledger_of
from wachhund.web.api.shapes import FleetPart, IncidentHead, RobotRow, Session, Word
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.fleet_view import RobotStanding

router = APIRouter(tags=["fleet"])


def robot_row(standing: RobotStanding, names: Mapping[str, str]) -> RobotRow:
    """One robot as programs read it."""
    return RobotRow(
        id=standing.id,
        name=standing.name,
        site=standing.labels.site or None,
        tags=list(standing.labels.tags),
        proof=Word(**asdict(standing.proof)),
        control=Word(**asdict(standing.control)),
        coverage=Word(**asdict(standing.coverage)),
        last_evidence_t=standing.last_t,
        agent=standing.version,
        sessions=[Session(**facts.named(one, names)) for one in standing.sessions],
        incidents=[
            IncidentHead(**{name: told[name] for name in IncidentHead.model_fields})
            for told in (facts.named(one, names) for one in standing.incidents)
        ],
    )


@router.get("/fleet")
@needs(Right.SEE, say="the fleet")
def fleet(request: Request, asked: Annotated[FleetAsked, Query()]) -> FleetPart:
    """A part of the fleet, by name, with each robot's three words."""
    ledger, now = ledger_of(request), time.time()
    board: FleetBoard = request.app.state.fleet
    begin = place(asked, asked.cursor)
    # One more than asked for: whether there is a next part.
    rows, total, count = board.by_name(asked.q, None if begin is None else begin.name, asked.limit + 1, now)
    names = facts.robot_names(ledger)
    shown = rows[: asked.limit]
    return FleetPart(
        t=now,
        total=total,
        found=count,
        items=[robot_row(standing, names) for standing in shown],
        next=cursor(asked, Place(0.0, shown[-1].name)) if len(rows) > asked.limit else None,
    )
