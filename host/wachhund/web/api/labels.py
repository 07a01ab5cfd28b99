"""Sites and tags of robots: what people call them by."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.ledger.labels import MAX_LABEL_CHARS, MAX_TAGS, Relabel
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.api.acted import Body, unfit
from wachhund.web.api.asked import Robot
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Labels
from wachhund_evidence import MisuseError

router = APIRouter(tags=["fleet"])
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARS)]], Field(max_length=MAX_TAGS)]


class LabelsWanted(Body):
    """What is to change. `site` null leaves it, an empty text takes it away."""

    site: Annotated[str, Field(max_length=MAX_LABEL_CHARS)] | None = None
    add: Tags = Field(default=[])
    drop: Tags = Field(default=[])


@router.post("/robots/{robot}/labels", responses=NOT_FOUND, response_model=Labels)
@needs(Right.ACT, robot="robot", say="name site and tags of a robot")
def relabel(request: Request, robot: Robot, asked: LabelsWanted) -> Labels | Response:
    """Change a robot's site and tags."""
    ledger = ledger_of(request)
    row = robot_of(ledger, robot)
    try:
        ledger.labels.change([row.id], Relabel(asked.site, tuple(asked.add), tuple(asked.drop)), asker(request).who)
    except MisuseError as error:
        return unfit(error)
    told = ledger.labels.of(row.id)
    return Labels(robot=row.name, site=told.site or None, tags=list(told.tags))
