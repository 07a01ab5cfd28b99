"""The pages of incidents, and what people do there. Each act is a form; a refused one comes back with its text."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.alerts.handling import MAX_AT_ONCE, Outcome, Overtaken, Shown, Wanted, handle, handle_many
from wachhund.alerts.life import REASONS
from wachhund.alerts.listing import NEEDS, SORTS, TABS, Asked, asked
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import CLOSE
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs, require
from wachhund.web.campaign_view import band, with_band
from wachhund.web.evidence_view import evidence_links
from wachhund.web.facts import people_names, robot_names
from wachhund.web.failures import missing
from wachhund.web.incident_facts import show_incident, show_incidents
from wachhund.web.incident_list_view import TAB_TITLES, address_of
from wachhund.web.incident_timeline import Timeline, draw_timeline, timeline
from wachhund.web.incident_view import IncidentView, Told
from wachhund.web.paper import render
from wachhund.web.path_picture import draw_path
from wachhund.web.robot_view import session_card
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

_EVIDENCE_LINKS = 100  # of one incident
_CHOSEN_CHARACTERS = 4_000  # of a URL

TellsOf = Callable[[str], Sequence[Told]]


@dataclass(frozen=True)
class Typed:
    """What somebody typed and could not be done, to stand there again, and why not."""

    problem: str = ""
    act: str = ""
    text: str = ""
    detail: str = ""


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


@router.get("/incidents")
@needs(Right.SEE, say="the incidents")
def incidents(
    request: Request, tab: str = NEEDS, q: str = "", sort: str = "", page: int = 1, chosen: str = "", done: str = ""
) -> Response:
    """What needs somebody, what is in hand, what came back, what is over?"""
    picked = tuple(one for one in chosen[:_CHOSEN_CHARACTERS].split(",") if one)[:MAX_AT_ONCE]
    try:
        wanted = asked(tab, q, sort, page)
    except MisuseError as error:
        if tab not in TABS:
            return missing(request, say("No such list"), say("The lists are: %(lists)s.", lists=", ".join(TABS)))
        return _list(request, asked(tab), picked, Typed(problem=str(error)), typed_q=q, status=400)
    return _list(request, wanted, picked, Typed(), note=done if done in _DONE else "")


# What a list says after an act on several, by the word in its address.
_DONE = {
    "acknowledge": say("Acknowledged"),
    "assign": say("Assigned"),
    "comment": say("Written"),
    "close": say("Closed"),
    "reopen": say("Opened again"),
}


def _list(
    request: Request, wanted: Asked, picked: Sequence[str], typed: Typed, *, typed_q: str | None = None, note: str = "",
    outcomes: Sequence[Outcome] = (), status: int = 200,
) -> Response:  # fmt: skip
    now = time.time()
    view = show_incidents(_ledger(request), wanted, picked, asker(request).name, now)
    campaigns = band(_ledger(request), now)
    return render(
        request, "incidents.html", live=with_band(view.live, campaigns), now=now, campaigns=campaigns, status=status,
        view=view, picked=frozenset(picked),
        typed=typed, typed_q=wanted.q if typed_q is None else typed_q, note=_DONE.get(note, ""), titles=TAB_TITLES,
        outcomes={one.id: one.refused for one in outcomes if one.refused is not None}, reasons=REASONS, sorts=SORTS,
        people=people_names(_ledger(request)), address_of=address_of,
    )  # fmt: skip


@router.post("/incidents/act")
@needs(Right.ACT, inside=True, say="act on several incidents")
def act_on_several(
    request: Request, act: Annotated[str, Form()], chosen: Annotated[list[str] | None, Form()] = None,
    text: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = "", assignee: Annotated[str, Form()] = "",
    tab: Annotated[str, Form()] = NEEDS, q: Annotated[str, Form()] = "", sort: Annotated[str, Form()] = "",
    page: Annotated[int, Form()] = 1,
) -> Response:  # fmt: skip
    """Do one act to each of the chosen ones. Those that it could not be done to are named; the selection stays."""
    ledger, one = _ledger(request), asker(request)
    wanted_list = asked(tab, q, sort, page)
    many = [_shown(told) for told in chosen or ()]
    ids = [of.id for of in many]
    detail = reason if act == CLOSE else assignee
    wanted = Wanted(act, one.who, time.time(), text, detail)
    try:
        names = robot_names(ledger)
        mine = [of for of in many if one.may(Right.ACT, _robot_of(ledger, names, of.id))]
        if many and not mine:
            require(request, Right.ACT, _robot_of(ledger, names, many[0].id))
        done = handle_many(ledger, mine, wanted, _is_person(ledger))
    except MisuseError as error:
        typed = Typed(str(error), act, text, detail)
        return _list(request, wanted_list, ids, typed, status=400)
    allowed = {of.id for of in mine}
    refused = say("it is on a robot that is not yours to act on")
    done += [Outcome(identity, None, refused) for identity in ids if identity not in allowed]
    if any(outcome.refused is not None for outcome in done):
        count = sum(outcome.refused is not None for outcome in done)
        problem = say("not done to %(n)s of %(all)s, and nothing of those was changed", n=count, all=len(done))
        return _list(request, wanted_list, ids, Typed(problem, act, text, detail), outcomes=done, status=409)
    where = address_of(wanted_list, chosen=",".join(ids), done=act)
    return RedirectResponse(where, status_code=303)


@router.get("/incidents/{identity}")
@needs(Right.SEE, say="an incident")
def incident(request: Request, identity: str) -> Response:
    """What happened, is it still going on, what do I do, who is on it?"""
    return _one(request, identity, Typed())


@router.post("/incidents/{identity}/act")
@needs(Right.ACT, incident="identity", say="act on an incident")
def act_on_one(
    request: Request, identity: str, act: Annotated[str, Form()], version: Annotated[int, Form()] = 0,
    mark: Annotated[str, Form()] = "", text: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = "",
    assignee: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Do an act to one."""
    ledger = _ledger(request)
    detail = reason if act == CLOSE else assignee
    try:
        wanted = Wanted(act, asker(request).who, time.time(), text, detail)
        handle(ledger, Shown(identity, version, mark or None), wanted, _is_person(ledger))
    except MisuseError as error:
        status = 409 if isinstance(error, Overtaken) else 400
        return _one(request, identity, Typed(str(error), act, text, detail), status)
    return RedirectResponse(f"/incidents/{identity}", status_code=303)


def _one(request: Request, identity: str, typed: Typed, status: int = 200) -> Response:
    now = time.time()
    ledger = _ledger(request)
    view = show_incident(ledger, identity, now)
    if view is None:
        return missing(request, say("No incident of that number"), say("The list of incidents has all that there are."))
    evidence = view.incident.get("evidence") or []
    links = evidence_links(evidence, _EVIDENCE_LINKS) if view.robot_name else []
    cards = [session_card({"incident": identity, "id": "", **one}) for one in view.incident.get("sessions") or []]
    tells_of: TellsOf | None = request.app.state.tells_of
    told = None if tells_of is None else tells_of(identity)
    return render(
        request, "incident.html", live=view.live, now=now, status=status, view=view, evidence=links, cards=cards,
        evidence_more=max(0, len(evidence) - len(links)), picture=draw_path(view.path, view.forbidden), typed=typed,
        reasons=REASONS, people=people_names(ledger), told=told,
        timeline=draw_timeline(_timeline(ledger, view, told or (), now), now),
        silence_address="/silences/new?" + urlencode({"incident": identity}),
        allow_address=_allow_address(request, identity),
    )  # fmt: skip


def _timeline(ledger: Ledger, view: IncidentView, told: Sequence[Told], now: float) -> Timeline:
    robot, first_t = view.incident.get("robot"), view.incident["first_t"]
    gaps = ledger.unobserved(robot, first_t, now) if view.robot_name and robot else []
    messages = [one.t for one in told if one.t is not None]
    return timeline(view.incident, [act.t for act, _ in view.acts], messages, gaps, now)


def _allow_address(request: Request, identity: str) -> str | None:
    """Where this incident is allowed; None while there is no such page."""
    there = any(getattr(route, "path", "") == "/authorisations/new" for route in request.app.routes)
    return "/authorisations/new?" + urlencode({"incident": identity}) if there else None


def _is_person(ledger: Ledger) -> Callable[[str], bool]:
    return lambda name: name in people_names(ledger)


def _shown(told: str) -> Shown:
    identity, _, rest = told.partition("|")
    version, _, mark = rest.partition("|")
    return Shown(identity, int(version) if version.isascii() and version.isdecimal() else 0, mark or None)


def _robot_of(ledger: Ledger, names: Mapping[str, str], identity: str) -> str | None:
    found: dict[str, Any] | None = ledger.incident(identity)
    return None if found is None else names.get(str(found.get("robot")))
