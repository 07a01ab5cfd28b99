"""The fleet, in parts by name."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request

from wachhund.ledger import Ledger, Robot
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import FleetAsked
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import ledger_of
from wachhund.web.api.shapes import FleetPart, IncidentHead, RobotRow, Session, Word
from wachhund.web.fleet_view import RobotStanding, matches, split_query

router = APIRouter(tags=["fleet"])


def robot_row(robot: Robot, standing: RobotStanding, names: Mapping[str, str]) -> RobotRow:
    """One robot as programs read it."""
    return RobotRow(
        id=robot.id,
        name=robot.name,
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


def matching(ledger: Ledger, robots: Iterable[Robot], query: str, now: float) -> Iterator[tuple[Robot, RobotStanding]]:
    """Those of `robots` that match a search, each looked at when it is asked for."""
    terms = split_query(query)
    for robot in robots:
        standing = facts.robot_standing(ledger, robot, now)
        if matches(standing, terms):
            yield robot, standing


def found(ledger: Ledger, asked: FleetAsked, now: float) -> tuple[list[tuple[Robot, RobotStanding]], int, int | None]:
    """The robots behind the cursor, by name, one more than were asked for; how many there are, and how many match.

    Without a search only those are looked at that are handed out.
    """
    begin = place(asked, asked.cursor)
    robots = ledger.robots()
    behind = [robot for robot in robots if begin is None or robot.name > begin.name]
    met = list(islice(matching(ledger, behind, asked.q, now), asked.limit + 1))
    if not split_query(asked.q):
        return met, len(robots), len(robots)
    is_whole = begin is None and len(met) <= asked.limit
    return met, len(robots), len(met) if is_whole else None


@router.get("/fleet")
@needs(Right.SEE, say="the fleet")
def fleet(request: Request, asked: Annotated[FleetAsked, Query()]) -> FleetPart:
    """A part of the fleet, by name, with each robot's three words."""
    ledger, now = ledger_of(request), time.time()
    rows, total, count = found(ledger, asked, now)
    names = facts.robot_names(ledger)
    shown = rows[: asked.limit]
    return FleetPart(
        t=now,
        total=total,
        found=count,
        items=[robot_row(robot, standing, names) for robot, standing in shown],
        next=cursor(asked, Place(0.0, shown[-1][0].name)) if len(rows) > asked.limit else None,
    )
