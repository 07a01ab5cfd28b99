"""One token with its checks."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request

from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import Robot
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Check, Evidence
from wachhund.web.evidence_view import EvidenceView

router = APIRouter(tags=["evidence"])


def _evidence(view: EvidenceView) -> Evidence:
    return Evidence(
        robot=view.robot.name,
        chain=view.token.chain,
        seq=view.token.seq,
        received_t=view.token.received_t,
        nonce_t=view.token.nonce_t,
        stands=view.stood,
        checks=[Check(name=check.name, result=check.result, meaning=check.meaning) for check in view.checks],
        observations=[dict(stored.observation.to_json()) for stored in view.token.observations],
        token=view.token.text,
        public_key=view.key_pem,
    )


@router.get("/robots/{robot}/evidence/{chain}/{seq}", responses=NOT_FOUND)
@needs(Right.SEE, say="a piece of evidence, checked")
def evidence(
    request: Request,
    robot: Robot,
    chain: Annotated[str, Path(min_length=1, max_length=64)],
    seq: Annotated[int, Path(ge=1, lt=2**53)],
) -> Evidence:
    """One token with the result of each check, made now; of an erased one its hashes and the act that took it."""
    ledger = ledger_of(request)
    name = robot_of(ledger, robot).name
    view = facts.show_evidence(ledger, name, chain, seq)
    if view is not None:
        return _evidence(view)
    erased = facts.show_erased(ledger, name, chain, seq)
    if erased is None:
        raise HTTPException(404, "no such evidence here: it never arrived")
    act = {key: getattr(erased.erasure, key) for key in ("id", "begun_t", "by", "why", "reason")}
    return Evidence(robot=name, chain=chain, seq=seq, hash=erased.hash, prev=erased.prev, erased=act)
