"""Signed reports of robots, for programs: listed, made, and taken away as files."""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.inspection.report import MAX_CHALLENGE_CHARS
from wachhund.keeping.moments import parse_moment
from wachhund.ledger.reports import MAX_REPORTS, IssuedReport
from wachhund.people.roles import Right
from wachhund.reports.making import Busy
from wachhund.web import facts
from wachhund.web.acting import asker, needs, require
from wachhund.web.api.acted import Body, unfit
from wachhund.web.api.asked import Identity, ReportsAsked, TimeText
from wachhund.web.api.cursors import newest_first
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Report, ReportsPart
from wachhund.web.report_pages import MEDIA_TYPES, handed_out, reports_of
from wachhund_evidence import MisuseError

router = APIRouter(tags=["evidence"])
_CONTENT: dict[str, Any] = {media: {} for media in MEDIA_TYPES.values()}
_FILES: dict[int | str, dict[str, Any]] = {200: {"description": "A file.", "content": _CONTENT}}


class ReportWanted(Body):
    """Of which robot (name or id) and time (UTC). `challenge`: chosen by the reader."""

    robot: str = Field(min_length=1, max_length=64)
    since: TimeText = Field(alias="from")
    until: TimeText = Field(alias="to")
    challenge: str | None = Field(default=None, min_length=1, max_length=MAX_CHALLENGE_CHARS)


def _shape(one: IssuedReport, names: dict[str, str]) -> Report:
    return Report(**{**vars(one), "robot": names.get(one.robot, one.robot)})


@router.get("/reports", responses=NOT_FOUND)
@needs(Right.SEE, say="reports")
def reports(request: Request, asked: Annotated[ReportsAsked, Query()]) -> ReportsPart:
    """A part of them, the newest first. 404: there is no such robot."""
    ledger = ledger_of(request)
    robot = None if asked.robot is None else robot_of(ledger, asked.robot).id
    rows, following = newest_first(asked, asked.cursor, asked.limit, ledger.reports.page(MAX_REPORTS, 0, robot)[1])
    names = facts.robot_names(ledger)
    return ReportsPart(t=time.time(), items=[_shape(one, names) for one in rows], next=following)


@router.post("/reports", status_code=201, responses=NOT_FOUND, response_model=Report)
@needs(Right.EXPORT, inside=True, say="make a report of a robot")
def make(request: Request, asked: ReportWanted) -> Report | Response:
    """Make one: what the ledger holds of the span is checked, answered and signed. 503: another one is being made."""
    robot, makes = robot_of(ledger_of(request), asked.robot), reports_of(request)
    require(request, Right.EXPORT, robot.name)
    if makes is None:
        raise HTTPException(404, "this host makes reports by command only: wachhund report ROBOT")
    try:
        span = parse_moment(asked.since, "from"), parse_moment(asked.until, "to")
        made = makes.make(robot.id, *span, asker(request).who, asked.challenge)
    except Busy as error:
        raise HTTPException(503, str(error)) from None
    except MisuseError as error:
        return unfit(error)
    return _shape(made, {robot.id: robot.name})


@router.get("/reports/{identity}/{form}", response_class=Response, responses={**NOT_FOUND, **_FILES})
@needs(Right.EXPORT, inside=True, say="take a report away as a file")
def take(request: Request, identity: Identity, form: Literal["html", "pdf", "json"]) -> Response:
    """The signed report itself (json), its page (html) or its print (pdf)."""
    ledger = ledger_of(request)
    held = ledger.reports.find(identity)
    if held is None:
        raise HTTPException(404, "no report of that id")
    require(request, Right.EXPORT, facts.robot_names(ledger).get(held[0].robot))
    return handed_out(*held, form)
