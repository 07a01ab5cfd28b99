"""Looking back with a rule, for programs: one hunt at a time, as on the Hunt page; the host keeps the last few."""

import json
import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.keeping.moments import parse_since
from wachhund.people.roles import Right
from wachhund.rulebook.hunts import MAX_RULE_CHARACTERS, Hunts
from wachhund.rulebook.hunts import Hunt as Held
from wachhund.rulebook.telling import as_json
from wachhund.web import facts
from wachhund.web.acting import asker, needs
from wachhund.web.api.acted import Body, unfit
from wachhund.web.api.asked import Identity
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Hunt, HuntHead, HuntsPart
from wachhund_evidence import MisuseError

router = APIRouter(tags=["hunts"])


class HuntWanted(Body):
    """`text` or `rule`. `since`: a length (7d) or a moment (UTC)."""

    text: str = Field(default="", max_length=MAX_RULE_CHARACTERS, description="A Sigma rule, as YAML.")
    rule: str = Field(default="", max_length=100, description="The id of a rule in use.")
    since: Annotated[str, Field(min_length=1, max_length=40)] = "7d"
    robot: Annotated[str, Field(max_length=64, description="Name or id; empty: all.")] = ""


def _hunts(request: Request) -> Hunts:
    hunts: Hunts | None = request.app.state.hunts
    if hunts is None:
        raise HTTPException(404, "this host hunts by command only: wachhund hunt RULE --since 7d")
    return hunts


def _held(request: Request, identity: str) -> Held:
    hunt = _hunts(request).get(identity)
    if hunt is None:
        raise HTTPException(404, "no hunt of that id: the host keeps the last few, until it stops")
    return hunt


def _head(hunt: Held, names: Mapping[str, str]) -> HuntHead:
    return HuntHead(
        id=hunt.id, title=hunt.title, by=hunt.by, state=hunt.state, why=hunt.why, since_t=hunt.since_t,
        started_t=hunt.started_t, robot=None if hunt.robot is None else names.get(hunt.robot), found=hunt.total,
    )  # fmt: skip


@router.get("/hunts", responses=NOT_FOUND)
@needs(Right.SEE, say="the hunts that the host keeps")
def hunts(request: Request) -> HuntsPart:
    """Those that are kept, the newest first."""
    names = facts.robot_names(ledger_of(request))
    return HuntsPart(t=time.time(), items=[_head(one, names) for one in _hunts(request).all()])


@router.post("/hunts", status_code=201, responses=NOT_FOUND, response_model=HuntHead)
@needs(Right.SEE, say="look back with a rule")
def begin_hunt(request: Request, asked: HuntWanted) -> HuntHead | Response:
    """Begin one. Nothing is saved and nothing is judged by it."""
    ledger, held = ledger_of(request), _hunts(request)
    robot = robot_of(ledger, asked.robot).id if asked.robot else None
    try:
        since_t = parse_since(asked.since, time.time())
        hunt = held.start(asked.text, asked.rule, since_t, robot, asker(request).who)
    except MisuseError as error:
        return unfit(error)
    return _head(hunt, facts.robot_names(ledger))


@router.get("/hunts/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="what a rule found")
def hunt(request: Request, identity: Identity) -> Hunt:
    """How far it is, and what it found: the first 1,000 matches, each with its place in the evidence."""
    found, names = _held(request, identity), facts.robot_names(ledger_of(request))
    matches = [json.loads(as_json(one, names)) for one in found.matches]
    return Hunt(**dict(_head(found, names)), matches=matches)


@router.post("/hunts/{identity}/cancel", responses=NOT_FOUND)
@needs(Right.SEE, say="end a look back")
def cancel_hunt(request: Request, identity: Identity) -> HuntHead:
    """Let it end soon; what it found stays."""
    found = _hunts(request).cancel(identity) or _held(request, identity)
    return _head(found, facts.robot_names(ledger_of(request)))
