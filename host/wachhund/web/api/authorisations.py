"""What is allowed, by whom, and until when."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.authorise.drafting import MAX_WHO_CHARS
from wachhund.authorise.drawing_up import Typed, why_said
from wachhund.authorise.preview import preview
from wachhund.authorise.telling import json_of
from wachhund.ledger import Ledger
from wachhund.ledger.authorisation_records import MAX_NAMED, MAY_BE_ENDED
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import asker, needs
from wachhund.web.allowing import drafted, known, require_robots
from wachhund.web.api.acted import CONFLICT, Body, Reason, Why, unfit
from wachhund.web.api.asked import Filters, Identity, Part
from wachhund.web.api.cursors import newest_first
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Authorisation, AuthorisationsPart, WouldAllow
from wachhund.web.problems import problem
from wachhund_evidence import MisuseError

router = APIRouter(tags=["authorisations"])


class AuthorisationFilters(Filters):
    """Which authorisations."""

    state: Literal["planned", "valid", "past", "withdrawn"] | None = None


class AuthorisationsAsked(AuthorisationFilters, Part):
    """A part of the authorisations."""


def authorisation_rows(ledger: Ledger, asked: AuthorisationFilters, now: float) -> list[Authorisation]:
    """Those that match, the newest first; robots by name."""
    names = facts.robot_names(ledger)
    rows = []
    for one in ledger.authorisations.all():
        if asked.state not in (None, one.state(now)):
            continue
        told = one.to_json()
        robots = None if told["robots"] is None else [names.get(robot, robot) for robot in told["robots"]]
        sources = told.pop("from")
        rows.append(Authorisation(**{**told, "robots": robots, "sources": sources, "state": one.state(now)}))
    return sorted(rows, key=lambda row: (-row.made_t, row.id))


@router.get("/authorisations", responses=NOT_FOUND)
@needs(Right.SEE, say="what is allowed")
def authorisations(request: Request, asked: Annotated[AuthorisationsAsked, Query()]) -> AuthorisationsPart:
    """A part of the authorisations, the newest first."""
    now = time.time()
    rows = authorisation_rows(ledger_of(request), asked, now)
    shown, following = newest_first(asked, asked.cursor, asked.limit, rows)
    return AuthorisationsPart(t=now, items=shown, next=following)


@router.get("/authorisations/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="an authorisation")
def authorisation(request: Request, identity: Identity) -> Authorisation:
    """One authorisation."""
    for row in authorisation_rows(ledger_of(request), AuthorisationFilters(), time.time()):
        if row.id == identity:
            return row
    raise HTTPException(404, "no authorisation of that id")


Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[list[Word], Field(min_length=1, max_length=MAX_NAMED)]


class AuthorisationWanted(Body):
    """What is to be allowed, in the words of `wachhund authorise add`."""

    robots: Words = Field(description="Names or ids, or just: all.", examples=[["rex"]])
    surfaces: Words = Field(description="Of the list, or just: all, or none.", examples=[["ssh"]])
    sources: Words = Field(description="Addresses and networks, or just: any.", examples=[["192.168.12.0/24"]])
    carrier: str = Field(default="any", max_length=64, description="lan, internet, relay, a tunnel's name, or any.")
    begin: str = Field(default="", max_length=40, description="A moment (UTC); empty: now.")
    until: str = Field(default="", max_length=40, description="A length (30m, 2h, 7d) or a moment; empty: two hours.")
    who: str = Field(max_length=MAX_WHO_CHARS, description="Whose sessions they are.")
    why: Reason

    def typed(self) -> Typed:
        """As a form has it."""
        return Typed(
            tuple(self.robots), tuple(self.surfaces), tuple(self.sources), self.carrier, self.until, self.who,
            self.why, self.begin,
        )  # fmt: skip


@router.post("/authorisations/preview", response_model=WouldAllow)
@needs(Right.ACT, inside=True, say="what allowing sessions would cover")
def try_authorisation(request: Request, asked: AuthorisationWanted) -> WouldAllow | Response:
    """What it would cover. Nothing is kept."""
    ledger = ledger_of(request)
    try:
        one = drafted(request, ledger, asked.typed())
    except MisuseError as error:
        return unfit(error)
    return WouldAllow(**json_of(preview(ledger, one, time.time())))


@router.post("/authorisations", status_code=201, response_model=Authorisation)
@needs(Right.ACT, inside=True, say="allow sessions")
def make_authorisation(request: Request, asked: AuthorisationWanted) -> Authorisation | Response:
    """Allow sessions. What it covers is judged again at once."""
    ledger = ledger_of(request)
    try:
        made = ledger.authorisations.make(drafted(request, ledger, asked.typed()))
    except MisuseError as error:
        return unfit(error)
    return authorisation(request, made.id)


@router.post("/authorisations/{identity}/end", responses={**NOT_FOUND, **CONFLICT}, response_model=Authorisation)
@needs(Right.ACT, inside=True, say="end an authorisation")
def end_authorisation(request: Request, identity: Identity, asked: Why) -> Authorisation | Response:
    """End one now."""
    ledger, now = ledger_of(request), time.time()
    one = known(ledger, identity)
    if one is None:
        raise HTTPException(404, "no authorisation of that id")
    require_robots(request, ledger, one.robots)
    if one.state(now) not in MAY_BE_ENDED:
        return problem(409, f"authorisation {one.id}: it has ended already; nothing was changed")
    try:
        ledger.authorisations.end(identity, asker(request).who, why_said(asked.why), now)
    except MisuseError as error:
        return unfit(error)
    return authorisation(request, identity)
