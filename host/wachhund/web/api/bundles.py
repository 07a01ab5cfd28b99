"""A robot's evidence as a bundle that anybody can check, for programs."""

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.api.acted import Body
from wachhund.web.api.asked import Robot, TimeText
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.handing_on import hand_on_of, handed_on

router = APIRouter(tags=["evidence"])


class BundleWanted(Body):
    """Of which time (UTC), both ends included."""

    since: TimeText = Field(alias="from")
    until: TimeText = Field(alias="to")


@router.post(
    "/robots/{robot}/bundle", response_class=Response,
    responses={**NOT_FOUND, 200: {"description": "A zip.", "content": {"application/zip": {}}}},
)  # fmt: skip
@needs(Right.EXPORT, robot="robot", say="hand on evidence as a bundle")
def bundle(request: Request, robot: Robot, asked: BundleWanted) -> Response:
    """The bundle of a span, for `wachhund verify`. It leaves a trace: who handed on what."""
    row = robot_of(ledger_of(request), robot)
    hand_on = hand_on_of(request)
    if hand_on is None:
        raise HTTPException(404, "this host hands on evidence by command only: wachhund export")
    return handed_on(request, hand_on, row.id, asked.since, asked.until)
