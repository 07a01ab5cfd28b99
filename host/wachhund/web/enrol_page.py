"""Enrol: how do I get a robot in, and did it work? Tokens are shown once, in the answer to the form that made them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.enrol_facts import show_checklist, under_way
from wachhund.web.failures import missing, not_done
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

MAX_NAMES = 500  # in one list
WHY_ACCEPTED = "six words compared on the page"


class Token(Protocol):
    """What a person carries to the robot, and until when it opens (host time)."""

    @property
    def text(self) -> str: ...
    @property
    def expires_t(self) -> float: ...


@dataclass(frozen=True)
class WayIn:
    """How this host lets robots in. `invite`: (name, who) -> token, raises MisuseError; `fingerprint`: of the host's
    key; `doors`: ADDRESS:PORT where robots enrol, in the order in which they try them."""

    invite: Callable[[str, str], Token]
    fingerprint: str
    doors: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One name of a list, with its token, or with why it has none."""

    name: str
    token: str = ""
    expires_t: float = 0.0
    problem: str = ""


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


@router.get("/enrol")
@needs(Right.SEE, say="robots on their way in")
def enrol(request: Request, names: str = "") -> Response:
    """The ways in, the form, and who is under way."""
    now = time.time()
    return render(
        request, "enrol.html", now=now, way=request.app.state.way_in, names=names[:2000], most=MAX_NAMES,
        under_way=under_way(_ledger(request), now),
    )  # fmt: skip


@router.post("/enrol")
@needs(Right.ADMINISTER, say="make tokens by which robots enrol")
def invite(request: Request, names: Annotated[str, Form()] = "") -> Response:
    """Make a token for each name, in the order of the list. Those that fail are named, the others are made."""
    way: WayIn | None = request.app.state.way_in
    if way is None:
        why = say("This host has no door for robots: start it with --name ADDRESS.")
        return not_done(request, say("No token was made"), why)
    wanted = list(dict.fromkeys(line.strip() for line in names.splitlines() if line.strip()))
    if not 1 <= len(wanted) <= MAX_NAMES:
        return not_done(request, say("No token was made"), say("Give 1 to %(most)s names, one a line.", most=MAX_NAMES))
    by = f"{asker(request).who} on the enrol page"
    asked = [ask(way, name, by) for name in wanted]
    return render(request, "enrol_tokens.html", way=way, asked=asked, failed=[one for one in asked if one.problem])


def ask(way: WayIn, name: str, by: str) -> Asked:
    """A token for that name, or why there is none."""
    try:
        token = way.invite(name, by)
    except MisuseError as error:
        return Asked(name, problem=str(error))
    return Asked(name, token.text, token.expires_t)


@router.post("/enrol/accept")
@needs(Right.ACT, robot="name", say="accept a robot whose words were compared")
def accept(request: Request, name: Annotated[str, Form()], words: Annotated[str, Form()] = "") -> Response:
    """Say that the six words were compared. `words`: as they stood on the page, so that no other key is meant."""
    ledger = _ledger(request)
    found = show_checklist(ledger, name)
    robot = ledger.robot_by_name(name)
    if found is None or robot is None:
        return missing(request, say("No robot of that name"), say("The Fleet page lists all that there are."))
    if not found.may_accept or words != found.words:
        why = say("The words have changed since: compare them again.")
        return not_done(request, say("The robot was not accepted"), why)
    try:
        ledger.change_robot(robot.id, "accept", f"{asker(request).who} on the enrol page", WHY_ACCEPTED)
    except MisuseError as error:
        return not_done(request, say("The robot was not accepted"), str(error))
    return RedirectResponse(request.url_for("checklist_page", name=name).path, status_code=303)


@router.get("/enrol/robots/{name:path}", name="checklist_page")
@needs(Right.SEE, say="a robot on its way in")
def checklist_page(request: Request, name: str) -> Response:
    """Did it work? Each line is a fact of the ledger."""
    now = time.time()
    found = show_checklist(_ledger(request), name, now)
    if found is None:
        return missing(request, say("Nobody of that name was invited"), say("Begin on the Enrol page."))
    return render(request, "enrol_robot.html", live=found.live, now=now, list=found)
