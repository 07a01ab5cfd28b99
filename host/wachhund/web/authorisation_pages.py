"""The pages of authorisations: the list, the form, its preview, and the end of one. Same service as the command line.

No link makes one, and nothing is kept that was not shown before: a form that was opened from an incident or a session
shows at once what it would cover; any other, and one whose texts were changed, by a page of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from wachhund.authorise.drawing_up import Typed, Unfit, why_said
from wachhund.authorise.listing import ACTIVE, TABS, listed
from wachhund.authorise.prefilling import gravest_session, of_session, of_way
from wachhund.authorise.preview import preview
from wachhund.judge.authorisations import SURFACES
from wachhund.ledger import Authorisation, Ledger
from wachhund.ledger.authorisation_records import MAY_BE_ENDED
from wachhund.people.roles import Right
from wachhund.web import authorisation_form, facts
from wachhund.web.acting import Refused, asker, needs
from wachhund.web.allowing import drafted, known, require_robots
from wachhund.web.authorisation_form import LENGTHS, Filled, filled_with
from wachhund.web.authorisation_reach import Reach, reach_of
from wachhund.web.authorisation_view import EMPTY, TITLES, authorisations_view, scope_of
from wachhund.web.failures import missing
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

_ANY_WHY = "-"  # for a form that is shown before anybody gave a reason


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


@router.get("/authorisations")
@needs(Right.SEE, say="what is allowed")
def authorisations(request: Request, tab: str = ACTIVE, page: int = 1) -> Response:
    """What is allowed, by whom, what does it cover now, when does it end?"""
    now, ledger = time.time(), _ledger(request)
    if tab not in TABS:
        return missing(request, say("No such list"), say("The lists are: %(lists)s.", lists=", ".join(TABS)))
    view = authorisations_view(listed(ledger, now), facts.robot_names(ledger), tab, page, now)
    return render(
        request, "authorisations.html", live=view.live, now=now, view=view, titles=TITLES, empty=EMPTY[tab]
    )  # fmt: skip


@router.get("/authorisations/new")
@needs(Right.ACT, say="allow sessions")
def new(request: Request, incident: str = "", session: str = "") -> Response:
    """The form, empty, or about an incident's gravest session, one of its sessions, or a session by itself."""
    now, who = time.time(), asker(request).name
    if not incident and not session:
        return _form(request, filled_with(Typed(), who, "", {}))
    found = _about(_ledger(request), incident, session, who, now)
    if found is None:
        why = say("No session of that id is known, or nobody came in by it.")
        return missing(request, say("Nothing to allow there"), why)
    return _form(request, found, reach=_reach(request, found))


def _reach(request: Request, filled: Filled) -> Reach | None:
    """What a form would cover as it stands; None where it cannot be kept so, or not by this person."""
    try:
        one, _ = _drafted(request, replace(filled, why=filled.why or _ANY_WHY))
    except Refused:
        return None
    ledger = _ledger(request)
    who, names = asker(request).who, facts.robot_names(ledger)
    return None if one is None else reach_of(ledger, one, filled, who, names, time.time(), request.app.state.seal_key)


def _about(ledger: Ledger, incident: str, session: str, who: str, now: float) -> Filled | None:
    """The form of what is known already; None when there is nothing to allow."""
    told = ledger.incident(incident) if incident else None
    alone: Mapping[str, Any] | None = None
    if told is not None:
        alone = gravest_session(told, session or None)
    elif not incident:
        alone = ledger.session_search.one(session)
    about = alone if told is None else told
    robot = None if about is None else facts.robot_names(ledger).get(str(about["robot"]))
    if robot is None:
        return None
    made = of_session(alone, robot) if alone is not None else None
    if made is None and told is not None and not session:
        made = of_way(told, robot, now)
    return None if made is None else filled_with(made.typed, who, incident, made.missing)


@router.post("/authorisations/new")
@needs(Right.ACT, say="allow sessions")
async def change(request: Request) -> Response:
    """The form again, with what was typed."""
    return _form(request, authorisation_form.read(await request.form()))


@router.post("/authorisations/preview")
@needs(Right.ACT, say="allow sessions", inside=True)
async def show_preview(request: Request) -> Response:
    """What it would cover, before anything is kept."""
    filled = authorisation_form.read(await request.form())
    return await run_in_threadpool(_preview, request, filled, "")


@router.post("/authorisations")
@needs(Right.ACT, say="allow sessions", inside=True)
async def make(request: Request) -> Response:
    """Keep one whose preview was seen."""
    form = await request.form()
    sealed = form.get("seal")
    return await run_in_threadpool(
        _make, request, authorisation_form.read(form), sealed if isinstance(sealed, str) else ""
    )


def _make(request: Request, filled: Filled, sealed: str) -> Response:
    one, problems = _drafted(request, filled)
    if one is None:
        return _form(request, replace(filled, problems=problems), 422)
    shown = authorisation_form.seen(request.app.state.seal_key, sealed, filled, asker(request).who)
    if shown is None:
        return _preview(request, filled, say("Nothing is saved yet: look at this first, then allow it."))
    if len(preview(_ledger(request), one, time.time()).now) > shown:
        notice = say("Nothing is saved yet: it covers more now than a moment ago. Look again.")
        return _preview(request, filled, notice)
    try:
        made = _ledger(request).authorisations.make(one)
    except MisuseError as error:
        return _form(request, replace(filled, problems={"form": str(error)}), 422)
    return RedirectResponse(f"/authorisations?tab=active#{made.id}", status_code=303)


def _preview(request: Request, filled: Filled, notice: str) -> Response:
    ledger, now = _ledger(request), time.time()
    one, problems = _drafted(request, filled)
    if one is None:
        return _form(request, replace(filled, problems=problems), 422)
    names = facts.robot_names(ledger)
    return render(
        request, "authorise_preview.html", now=now, one=one, scope=scope_of(one, names), filled=filled, notice=notice,
        reach=reach_of(ledger, one, filled, asker(request).who, names, now, request.app.state.seal_key),
    )  # fmt: skip


def _drafted(request: Request, filled: Filled) -> tuple[Authorisation | None, dict[str, str]]:
    """The authorisation, or what is wrong by field. Raises Refused for robots that this person may not act on."""
    try:
        return drafted(request, _ledger(request), filled.typed()), {}
    except Unfit as error:
        return None, error.fields


def _form(request: Request, filled: Filled, status: int = 200, reach: Reach | None = None) -> Response:
    now = time.time()
    return render(
        request, "authorise_form.html", status=status, now=now, filled=filled, surfaces=SURFACES, lengths=LENGTHS,
        since_t=filled.typed().since_t, reach=reach,
    )  # fmt: skip


@router.get("/authorisations/{authorisation}/end")
@needs(Right.ACT, say="end an authorisation")
def ask_end(request: Request, authorisation: str) -> Response:
    """What ending one does, before it is done."""
    return _ask_end(request, authorisation, "", "")


@router.post("/authorisations/{authorisation}/end")
@needs(Right.ACT, say="end an authorisation", inside=True)
def end(request: Request, authorisation: str, why: Annotated[str, Form()] = "") -> Response:
    """End it now."""
    ledger, now = _ledger(request), time.time()
    one = known(ledger, authorisation)
    if one is not None:
        require_robots(request, ledger, one.robots)
        try:
            ledger.authorisations.end(authorisation, asker(request).who, why_said(why), now)
        except MisuseError as error:
            return _ask_end(request, authorisation, why, str(error).removeprefix("--why: "))
    return RedirectResponse("/authorisations?tab=ended", status_code=303)


def _ask_end(request: Request, identity: str, why: str, problem: str) -> Response:
    ledger, now = _ledger(request), time.time()
    found = next((each for each in listed(ledger, now) if each.one.id == identity), None)
    if found is None or found.state not in MAY_BE_ENDED:
        return missing(request, say("Nothing to end"), say("It has ended already, or there is none of that id."))
    return render(
        request, "authorise_end.html", status=422 if problem else 200, now=now, listed=found, why=why,
        problem=problem, scope=scope_of(found.one, facts.robot_names(ledger)),
    )  # fmt: skip
