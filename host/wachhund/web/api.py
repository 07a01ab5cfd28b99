"""The same facts for programs, as JSON, behind the same login. Texts are as the robot sent them: data, not markup."""

import time
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request

from wachhund import assurance
from wachhund.ledger import Ledger
from wachhund.web import facts
from wachhund.web.evidence_view import EvidenceView
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.fleet_view import RobotStanding
from wachhund.web.incident_view import ROWS_A_PAGE
from wachhund.web.integrity_view import FaultCard
from wachhund.web.keeping_view import keeping_view

router = APIRouter(prefix="/api")

Page = Annotated[int, Query(ge=1, le=10_000)]
Sort = Literal["worst", "name", "site", "heard", "version"]


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def _standing(robot: RobotStanding, names: dict[str, str]) -> dict[str, Any]:
    return {
        "name": robot.name,
        "site": robot.labels.site or None,
        "tags": list(robot.labels.tags),
        "proof": asdict(robot.proof),
        "control": asdict(robot.control),
        "coverage": asdict(robot.coverage),
        "last_evidence_t": robot.last_t,
        "agent": robot.version,
        "sessions": list(robot.sessions),
        "incidents": [facts.named(incident, names) for incident in robot.incidents],
    }


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


def _evidence(view: EvidenceView) -> dict[str, Any]:
    return {
        "robot": view.robot.name,
        "chain": view.token.chain,
        "seq": view.token.seq,
        "received_t": view.token.received_t,
        "nonce_t": view.token.nonce_t,
        "stands": view.stood,
        "checks": [asdict(check) for check in view.checks],
        "observations": [stored.observation.to_json() for stored in view.token.observations],
        "token": view.token.text,
        "public_key": view.key_pem,
    }


@router.get("/me")
def me(request: Request) -> dict[str, Any]:
    """Who is logged in, and the host's clock."""
    return {"operator": request.state.operator, "t": time.time()}


@router.get("/fleet")
def fleet(
    request: Request, q: Annotated[str, Query(max_length=400)] = "", sort: Sort = "worst", page: Page = 1
) -> dict[str, Any]:  # fmt: skip
    """One page of the fleet in that order, and the totals. `q`: as in the page's address."""
    ledger, now = _ledger(request), time.time()
    board: FleetBoard = request.app.state.fleet
    view = board.view(q, page, now, sort, offers=False)
    names = facts.robot_names(ledger)
    return {
        "t": now,
        "total": view.total,
        "found": view.found,
        "page": page,
        "pages": view.pages,
        "robots": [_standing(row, names) for row in view.rows],
    }


@router.get("/robots/{name:path}")
def robot(request: Request, name: str) -> dict[str, Any]:
    """One robot with everything its page shows."""
    ledger, now = _ledger(request), time.time()
    view = facts.show_robot(ledger, name, now)
    if view is None:
        raise HTTPException(404, "no robot of that name")
    return {
        "t": now,
        **_standing(view.standing, facts.robot_names(ledger)),
        "id": view.robot.id,
        "ueid": view.robot.ueid,
        "kid": view.robot.kid,
        "senses": [asdict(sense) for sense in view.senses],
        "processes": [dict(row) for row in view.processes],
        "flows": [dict(row) for row in view.flows],
        "listeners": [dict(row) for row in view.listeners],
        "more": dict(view.more),
        "unobserved": [asdict(span) for span in view.unobserved],
        "chains": [asdict(chain) for chain in view.chains],
        "refused": [asdict(one) for one in view.refused],
        "build": view.build,
        "assurance": assurance.LEVEL,
        "faults": [_fault(card) for card in (*view.integrity.open, *view.integrity.acknowledged)],
        "remarks": [asdict(remark) for remark in view.integrity.remarks],
    }


@router.get("/incidents")
def incidents(
    request: Request, state: str | None = None, robot: str | None = None, page: Page = 1
) -> list[dict[str, Any]]:
    """Incidents, the newest first, at most 100 a page. `robot` is a name."""
    ledger = _ledger(request)
    names = facts.robot_names(ledger)
    wanted = next((identity for identity, name in names.items() if name == robot), None)
    if robot is not None and wanted is None:
        raise HTTPException(404, "no robot of that name")
    found = ledger.incidents(wanted, state, limit=ROWS_A_PAGE, offset=(page - 1) * ROWS_A_PAGE)
    return [facts.named(incident, names) for incident in found]


@router.get("/incidents/{identity}")
def incident(request: Request, identity: str) -> dict[str, Any]:
    """One incident."""
    ledger = _ledger(request)
    found = ledger.incident(identity)
    if found is None:
        raise HTTPException(404, "no incident of that id")
    return facts.named(found, facts.robot_names(ledger))


@router.get("/evidence/{name:path}/{chain}/{seq}")
def evidence(request: Request, name: str, chain: str, seq: Annotated[int, Path(ge=1, lt=2**53)]) -> dict[str, Any]:
    """One token with the result of each check, made now."""
    view = facts.show_evidence(_ledger(request), name, chain, seq)
    if view is not None:
        return _evidence(view)
    erased = facts.show_erased(_ledger(request), name, chain, seq)
    if erased is None:
        raise HTTPException(404, "no such evidence here")
    act = {key: getattr(erased.erasure, key) for key in ("id", "begun_t", "by", "why", "reason")}
    return {"robot": name, "chain": chain, "seq": seq, "hash": erased.hash, "prev": erased.prev, "erased": act}


@router.get("/keeping")
def keeping(request: Request) -> dict[str, Any]:
    """How long evidence is kept, the ledger's room, what is held, and what was forgotten by whom and why."""
    return asdict(keeping_view(_ledger(request), request.app.state.keeping))
