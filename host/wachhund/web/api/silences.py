"""What nobody is told of, until when, because of whom."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import Field
from starlette.responses import Response

from wachhund.alerts.silences import MAX_RULE_CHARS, Typed, draft, preview
from wachhund.ledger import Ledger
from wachhund.ledger.silence_records import IN_THE_WAY, MAX_NAMED
from wachhund.ledger.silence_records import Silence as Wanted
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import asker, needs
from wachhund.web.api.acted import CONFLICT, Body, Reason, Why, unfit
from wachhund.web.api.asked import Filters, Identity, Part
from wachhund.web.api.cursors import newest_first
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Silence, SilencesPart, WouldSilence
from wachhund.web.problems import problem
from wachhund.web.silencing import known, require_robots, why_said
from wachhund_evidence import MisuseError

router = APIRouter(tags=["silences"])


class SilenceFilters(Filters):
    """As the tabs of the Silences page: those that are valid or planned, or those that are over; without: all."""

    tab: Literal["now", "over"] | None = None


class SilencesAsked(SilenceFilters, Part):
    """A part of the silences."""


def silence_rows(ledger: Ledger, asked: SilenceFilters, now: float) -> list[Silence]:
    """Those that match, the newest first; robots by name."""
    names = facts.robot_names(ledger)
    rows = []
    for one in ledger.silencing.all():
        state = one.state(now)
        if asked.tab is not None and (state in IN_THE_WAY) is not (asked.tab == "now"):
            continue
        told = one.to_json()
        robots = None if one.robots is None else [names.get(robot, robot) for robot in one.robots]
        rows.append(Silence(**{**told, "robots": robots, "state": state, "ends_t": one.ends_t(now)}))
    return sorted(rows, key=lambda row: (-row.made_t, row.id))


@router.get("/silences", responses=NOT_FOUND)
@needs(Right.SEE, say="silences and maintenance")
def silences(request: Request, asked: Annotated[SilencesAsked, Query()]) -> SilencesPart:
    """A part of the silences and of maintenance, the newest first."""
    now = time.time()
    rows = silence_rows(ledger_of(request), asked, now)
    shown, following = newest_first(asked, asked.cursor, asked.limit, rows)
    return SilencesPart(t=now, items=shown, next=following)


@router.get("/silences/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="a silence")
def silence(request: Request, identity: Identity) -> Silence:
    """One silence or maintenance."""
    for row in silence_rows(ledger_of(request), SilenceFilters(), time.time()):
        if row.id == identity:
            return row
    raise HTTPException(404, "no silence of that id")


Word = Annotated[str, Field(min_length=1, max_length=MAX_RULE_CHARS)]
Words = Annotated[list[Word], Field(max_length=MAX_NAMED)]


class SilenceWanted(Body):
    """What nobody is to be told of, as the page's form has it. Empty lists: any; not all of them may be empty."""

    robots: Words = Field(default=[], description="Names, ids, patterns with *, or group:NAME.", examples=[["rex"]])
    kinds: Words = Field(default=[])
    rules: Words = Field(default=[], description="As an incident lists them.")
    surfaces: Words = Field(default=[])
    sources: Words = Field(default=[], description="Addresses and networks.")
    critical: bool = Field(default=False, description="Also what is critical.")
    maintenance: bool = Field(default=False, description="Somebody works on these robots.")
    ends_unused: bool = Field(default=False, description="It ends after a day without a match.")
    begin: str = Field(default="", max_length=40, description="A moment (UTC); empty: now.")
    until: str = Field(default="", max_length=40, description="A length (30m, 2h, 7d) or a moment; empty: two hours.")
    why: Reason


def _drafted(request: Request, ledger: Ledger, asked: SilenceWanted) -> Wanted:
    """Raises MisuseError; Refused for robots of others."""
    typed = Typed(
        tuple(asked.robots), tuple(asked.rules), tuple(asked.kinds), tuple(asked.surfaces), tuple(asked.sources),
        asked.critical, asked.maintenance, asked.ends_unused, asked.begin, asked.until, asked.why,
    )  # fmt: skip
    one = draft(typed, ledger, asker(request).who, time.time())
    require_robots(request, ledger, one)
    return one


@router.post("/silences/preview", response_model=WouldSilence)
@needs(Right.ACT, inside=True, say="what a silence would hold back")
def try_silence(request: Request, asked: SilenceWanted) -> WouldSilence | Response:
    """What it would hold back. Nothing is kept."""
    ledger = ledger_of(request)
    try:
        found = preview(ledger, _drafted(request, ledger, asked), time.time())
    except MisuseError as error:
        return unfit(error)
    ids = [[str(row.incident["id"]) for row in rows] for rows in (found.now, found.past)]
    return WouldSilence(now=ids[0], past=ids[1], cut=found.cut)


@router.post("/silences", status_code=201, response_model=Silence)
@needs(Right.ACT, inside=True, say="silence messages, or begin maintenance")
def make_silence(request: Request, asked: SilenceWanted) -> Silence | Response:
    """Silence messages, or begin maintenance."""
    ledger = ledger_of(request)
    try:
        made = ledger.silencing.make(_drafted(request, ledger, asked))
    except MisuseError as error:
        return unfit(error)
    return silence(request, made.id)


@router.post("/silences/{identity}/end", responses={**NOT_FOUND, **CONFLICT}, response_model=Silence)
@needs(Right.ACT, inside=True, say="end a silence or maintenance")
def end_silence(request: Request, identity: Identity, asked: Why) -> Silence | Response:
    """End one now."""
    ledger, now = ledger_of(request), time.time()
    one = known(ledger, identity)
    if one is None:
        raise HTTPException(404, "no silence of that id")
    require_robots(request, ledger, one)
    if one.state(now) not in IN_THE_WAY:
        return problem(409, f"silence {one.id}: it is over already; nothing was changed")
    try:
        ledger.silencing.end(identity, asker(request).who, why_said(asked.why), now)
    except MisuseError as error:
        return unfit(error)
    return silence(request, identity)
