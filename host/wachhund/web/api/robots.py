"""One robot."""

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from wachhund import assurance
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import Robot as RobotWanted
from wachhund.web.api.fleet import robot_row
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Robot
from wachhund.web.integrity_view import FaultCard

router = APIRouter(tags=["fleet"])


def _fault(card: FaultCard) -> dict[str, Any]:
    fault = card.fault
    return {
        "id": fault.id,
        "what": fault.what,
        "title": fault.kind.title,
        "level": fault.kind.level,
        "since_t": fault.since_t,
        "detail": f"{fault.detail} {card.since}".strip(),
        "may_mean": fault.kind.may_mean,
        "to_do": fault.kind.to_do,
        "tokens": [asdict(seen) for seen in fault.tokens],
        "acknowledged": asdict(fault.acknowledged) if fault.acknowledged else None,
    }


@router.get("/robots/{robot}", responses=NOT_FOUND)
@needs(Right.SEE, say="a robot")
def robot(request: Request, robot: RobotWanted) -> Robot:
    """One robot with everything its page shows."""
    ledger, now = ledger_of(request), time.time()
    row = robot_of(ledger, robot)
    view = facts.show_robot(ledger, row.name, now)
    if view is None:  # it was taken from the roll between the two questions
        raise HTTPException(404, "no robot of that name or id: /api/v1/fleet lists all")
    standing = robot_row(view.standing, facts.robot_names(ledger))
    return Robot(
        **dict(standing),
        t=now,
        ueid=view.robot.ueid,
        kid=view.robot.kid,
        build=view.build,
        assurance=assurance.LEVEL,
        senses=[asdict(sense) for sense in view.senses],
        processes=[dict(one) for one in view.processes],
        flows=[dict(one) for one in view.flows],
        listeners=[dict(one) for one in view.listeners],
        more=dict(view.more),
        unobserved=[asdict(span) for span in view.unobserved],
        chains=[asdict(chain) for chain in view.chains],
        refused=[asdict(one) for one in view.refused],
        faults=[_fault(card) for card in (*view.integrity.open, *view.integrity.acknowledged)],
        remarks=[asdict(remark) for remark in view.integrity.remarks],
    )
