"""Letting robots in, for programs: tokens, how far a robot is, and the acceptance of one whose words were compared."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.api.acted import CONFLICT, Body
from wachhund.web.api.asked import Robot
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Enrolment, EnrolmentLine, EnrolmentTokens
from wachhund.web.api.shapes import EnrolmentToken as Token
from wachhund.web.enrol_facts import show_checklist
from wachhund.web.enrol_page import MAX_NAMES, WHY_ACCEPTED, WayIn, ask
from wachhund.web.problems import problem
from wachhund_evidence import MisuseError

router = APIRouter(tags=["enrolment"])


class TokensWanted(Body):
    """Names for robots to come."""

    names: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=MAX_NAMES)
    ]  # fmt: skip


class Compared(Body):
    """The six words, as they stand on the robot: so that no other key is meant."""

    words: Annotated[str, Field(min_length=1, max_length=100)]


@router.post("/enrolments", status_code=201, responses=NOT_FOUND)
@needs(Right.ADMINISTER, say="make tokens by which robots enrol")
def invite(request: Request, asked: TokensWanted) -> EnrolmentTokens:
    """A token for each name, in this answer and nowhere else. Those that fail are named, the others are made."""
    way: WayIn | None = request.app.state.way_in
    if way is None:
        raise HTTPException(404, "this host has no door for robots: start it with --name ADDRESS")
    who = asker(request).who
    made = [ask(way, name.strip(), who) for name in dict.fromkeys(asked.names)]
    items = [
        Token(name=one.name, token=one.token or None, expires_t=one.expires_t or None, problem=one.problem or None)
        for one in made
    ]
    return EnrolmentTokens(t=time.time(), fingerprint=way.fingerprint, doors=list(way.doors), items=items)


def _enrolment(request: Request, name: str) -> Enrolment:
    found = show_checklist(ledger_of(request), name, time.time())
    if found is None:
        raise HTTPException(404, "nobody of that name was invited")
    lines = [
        EnrolmentLine(**{key: str(getattr(line, key)) for key in EnrolmentLine.model_fields}) for line in found.lines
    ]
    return Enrolment(
        name=found.name, enrolled=found.is_enrolled, may_accept=found.may_accept, words=found.words, lines=lines
    )


@router.get("/enrolments/{robot}", responses=NOT_FOUND)
@needs(Right.SEE, say="a robot on its way in")
def enrolment(request: Request, robot: Robot) -> Enrolment:
    """Did it work? Each line is a fact of the ledger. By name: before it came in, a robot has no id."""
    return _enrolment(request, robot)


@router.post("/enrolments/{robot}/accept", responses={**NOT_FOUND, **CONFLICT}, response_model=Enrolment)
@needs(Right.ACT, robot="robot", say="accept a robot whose words were compared")
def accept(request: Request, robot: Robot, asked: Compared) -> Enrolment | Response:
    """Say that a person compared the six words on the robot with these."""
    ledger, found = ledger_of(request), _enrolment(request, robot)
    row = ledger.robot_by_name(found.name)
    if row is None or not found.may_accept or asked.words != found.words:
        return problem(409, f"{found.name}: not accepted: these are not the words that it waits with")
    try:
        ledger.change_robot(row.id, "accept", asker(request).who, WHY_ACCEPTED)
    except MisuseError as error:
        return problem(409, str(error))
    return _enrolment(request, robot)
