"""The pages of silences and maintenance, and a form that shows what one would hide before it is made."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.alerts.silences import Typed, draft, from_incident, preview, typed_list, wide_in
from wachhund.judge.authorisations import SURFACES
from wachhund.judge.incident import KIND_RANK
from wachhund.ledger import Ledger
from wachhund.ledger.incident_rows import Chosen
from wachhund.ledger.silence_records import CLOCK, IN_THE_WAY, Silence
from wachhund.people.roles import Right
from wachhund.web.acting import Asker, asker, needs
from wachhund.web.facts import robot_names
from wachhund.web.live_page import LivePage
from wachhund.web.paper import render
from wachhund.web.silence_view import SilencesView, silences_view
from wachhund.web.silencing import known, may, require_robots, why_said
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def show_silences(ledger: Ledger, over: bool, one: Asker | None, now: float) -> SilencesView:
    """The page. `one`: who looks; None: for what goes on changing, which offers nothing."""
    names, every = robot_names(ledger), ledger.silencing.all()
    held = [silence for silence in every if silence.state(now) in IN_THE_WAY]
    moved = [(silence.id, act) for silence in held for act in ledger.silencing.acts(silence.id) if act.act == CLOCK]
    mine = {silence.id: one is not None and may(one, names, silence) for silence in held}
    return silences_view(every, ledger.handling.unsettled(Chosen()), names, over, moved, mine, now)


def live_silences(ledger: Ledger, over: bool) -> LivePage:
    """The part of the page that goes on changing."""
    return show_silences(ledger, over, None, time.time()).live


@router.get("/silences")
@needs(Right.SEE, say="silences and maintenance")
def silences(request: Request, tab: str = "") -> Response:
    """What are we not told of, until when, because of whom?"""
    return _page(request, tab == "over")


def _page(
    request: Request, over: bool, problem: str = "", problem_of: str = "", why: str = "", status: int = 200
) -> Response:
    now = time.time()
    view = show_silences(_ledger(request), over, asker(request), now)
    return render(
        request, "silences.html", live=view.live, now=now, status=status, view=view, problem=problem,
        problem_of=problem_of, typed_why=why,
    )  # fmt: skip


@router.get("/silences/new")
@needs(Right.ACT, say="the form of a silence")
def new(request: Request, incident: str = "", robot: str = "") -> Response:
    """A form, as narrow as the incident that it is opened from."""
    ledger = _ledger(request)
    typed = Typed(robots=(robot,) if robot else ())
    found = ledger.incident(incident) if incident else None
    if found is not None:
        names = robot_names(ledger)
        by_rule = request.query_params.get("for") == "rule"
        typed = from_incident(found, names.get(str(found.get("robot"))), by_rule)
    return _form(request, typed)


def _form(request: Request, typed: Typed, problem: str = "", one: Silence | None = None, status: int = 200) -> Response:
    ledger, now = _ledger(request), time.time()
    found = None if one is None else preview(ledger, one, now)
    return render(
        request, "silence_new.html", now=now, status=status, typed=typed, problem=problem, preview=found, draft=one,
        wide=[] if one is None else wide_in(one), kinds=tuple(KIND_RANK), surfaces=SURFACES,
    )  # fmt: skip


@router.post("/silences")
@needs(Right.ACT, inside=True, say="silence messages, or begin maintenance")
def make(
    request: Request, step: Annotated[str, Form()] = "preview", robots: Annotated[str, Form()] = "",
    kinds: Annotated[str, Form()] = "", rules: Annotated[str, Form()] = "", surfaces: Annotated[str, Form()] = "",
    sources: Annotated[str, Form()] = "", critical: Annotated[str, Form()] = "",
    maintenance: Annotated[str, Form()] = "", ends_unused: Annotated[str, Form()] = "",
    begin: Annotated[str, Form()] = "", until: Annotated[str, Form()] = "", why: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """First what it would hold back, then the silence."""
    ledger, who = _ledger(request), asker(request)
    typed = Typed(
        typed_list(robots), tuple(line.strip() for line in rules.splitlines() if line.strip()), typed_list(kinds),
        typed_list(surfaces), typed_list(sources), bool(critical), bool(maintenance), bool(ends_unused), begin,
        until, why,
    )  # fmt: skip
    try:
        one = draft(typed, ledger, who.who, time.time())
        require_robots(request, ledger, one)
        if step != "make":
            return _form(request, typed, one=one)
        ledger.silencing.make(one)
    except MisuseError as error:
        return _form(request, typed, str(error), status=400)
    return RedirectResponse("/silences", status_code=303)


@router.post("/silences/{silence}/end")
@needs(Right.ACT, inside=True, say="end a silence or maintenance")
def end(request: Request, silence: str, why: Annotated[str, Form()] = "") -> Response:
    """End one now."""
    ledger, who = _ledger(request), asker(request)
    one = known(ledger, silence)
    if one is not None:
        require_robots(request, ledger, one)
    try:
        ledger.silencing.end(silence, who.who, why_said(why), time.time())
    except MisuseError as error:
        return _page(request, False, str(error), silence, why, 400)
    return RedirectResponse("/silences", status_code=303)
