"""What people do about an incident, for programs: the same acts as its page has, on the same record."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.alerts.handling import MAX_TEXT_CHARS, Overtaken, Shown, Wanted, handle
from wachhund.alerts.life import standing
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import CLOSE
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.api.acted import CONFLICT, Body, unfit
from wachhund.web.api.asked import Identity
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import IncidentLife
from wachhund.web.facts import people_names
from wachhund.web.problems import problem
from wachhund_evidence import MisuseError

router = APIRouter(tags=["incidents"])
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]


class ActWanted(Body):
    """One act. `version`: of the life that was seen; without it the act counts whatever others did meanwhile."""

    act: Literal["acknowledge", "assign", "comment", "close", "reopen"]
    text: Text = Field(default="", description="The comment, or why.")
    reason: str = Field(default="", max_length=40, description="Of a close, as the page offers it.")
    assignee: str = Field(default="", max_length=64, description="Of assign; empty: nobody.")
    version: int | None = Field(default=None, ge=0)


def _life(ledger: Ledger, identity: str) -> IncidentLife:
    incident = ledger.incident(identity)
    if incident is None:
        raise HTTPException(404, "no incident of that id")
    life = ledger.handling.life(identity)
    stands = standing(incident, life, time.time())
    done = [{**vars(act)} for act in ledger.handling.acts(identity)]
    return IncidentLife(
        incident=identity, state=stands.state, because=stands.because, version=life.version, assignee=life.assignee,
        acts=done,
    )  # fmt: skip


@router.get("/incidents/{identity}/acts", responses=NOT_FOUND)
@needs(Right.SEE, say="what was done about an incident")
def acts(request: Request, identity: Identity) -> IncidentLife:
    """Where it stands, and what people did about it."""
    return _life(ledger_of(request), identity)


@router.post("/incidents/{identity}/acts", responses={**NOT_FOUND, **CONFLICT}, response_model=IncidentLife)
@needs(Right.ACT, incident="identity", say="act on an incident")
def act(request: Request, identity: Identity, asked: ActWanted) -> IncidentLife | Response:
    """Do one act: acknowledge, assign, comment, close, or open it again."""
    ledger = ledger_of(request)
    _life(ledger, identity)
    detail = asked.reason if asked.act == CLOSE else asked.assignee
    wanted = Wanted(asked.act, asker(request).who, time.time(), asked.text, detail)
    try:
        handle(ledger, Shown(identity, asked.version), wanted, lambda name: name in people_names(ledger))
    except Overtaken as error:
        return problem(409, str(error))
    except MisuseError as error:
        return unfit(error)
    return _life(ledger, identity)
