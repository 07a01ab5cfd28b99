"""People and groups of robots: who may what, invited by whom; for admins. A link that is made is shown once."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger, Person
from wachhund.people import inviting
from wachhund.people.roles import ALL, ROLE_MEANING, Right, Role
from wachhund.web.acting import asker, needs
from wachhund.web.failures import missing
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(prefix="/settings/people", include_in_schema=False)

Text = Annotated[str, Form()]
_NOTHING_SAID = dict.fromkeys(("name", "role", "group", "days", "why", "group_name", "robots", "group_why"), "")


@dataclass(frozen=True)
class Link:
    """A one-time link that was just made. `path`: below the address of this host's pages."""

    person: str
    url: str
    days: float


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def _page(
    request: Request, problem: str = "", link: Link | None = None, said: dict[str, str] | None = None
) -> Response:
    ledger, now = _ledger(request), time.time()
    return render(
        request, "people.html", now=now, status=422 if problem else 200, people=ledger.people.all(),
        groups=ledger.people.groups(), links=ledger.ways_in.open_links(now), roles=list(Role), meaning=ROLE_MEANING,
        problem=problem, link=link, said={**_NOTHING_SAID, **(said or {})}, all=ALL,
    )  # fmt: skip


def _person_page(request: Request, person: Person, problem: str = "", link: Link | None = None) -> Response:
    ledger, now = _ledger(request), time.time()
    return render(
        request, "person.html", now=now, status=422 if problem else 200, person=person, roles=list(Role),
        groups=[ALL, *ledger.people.groups()], logins=ledger.people.logins(person.name, now),
        tokens=ledger.ways_in.tokens(person.name), factor=ledger.ways_in.factor(person.name),
        passkeys=ledger.passkeys.of(person.name), issuers=ledger.sign_ons.bound(person.name),
        pending=ledger.ways_in.open_links(now).get(person.name), problem=problem, link=link,
    )  # fmt: skip


def _link(request: Request, person: str, code: str, days: float) -> Link:
    return Link(person, f"{request.url.scheme}://{request.url.netloc}/welcome#{code}", days)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise MisuseError(f"days: {text!r} is no number") from None


@router.get("")
@needs(Right.ADMINISTER, say="the people, and the groups of robots")
def people(request: Request) -> Response:
    """Who may log in, with which roles, and who was invited."""
    return _page(request)


@router.post("")
@needs(Right.ADMINISTER, say="invite a person")
def invite(
    request: Request, name: Text = "", role: Text = "", group: Text = ALL, days: Text = "1", why: Text = ""
) -> Response:
    """Add a person, and show the link by which they set their password."""
    name = name.strip()
    try:
        code = inviting.invite(
            _ledger(request), name, {group: role}, _number(days), by=asker(request).who, why=why, t=time.time()
        )
    except MisuseError as error:
        return _page(request, str(error), said={"name": name, "role": role, "group": group, "days": days, "why": why})
    return _page(request, link=_link(request, name, code, _number(days)))


@router.post("/groups")
@needs(Right.ADMINISTER, say="make, change or remove a group of robots")
def save_group(request: Request, name: Text = "", robots: Text = "", act: Text = "save", why: Text = "") -> Response:
    """A group's names of robots, `*` for any characters."""
    ledger, who, now = _ledger(request), asker(request).who, time.time()
    try:
        if act == "remove":
            ledger.people.remove_group(name.strip(), by=who, why=inviting.reason(why), t=now)
        else:
            inviting.save_group(ledger, name.strip(), robots, by=who, why=why, t=now)
    except MisuseError as error:
        return _page(request, str(error), said={"group_name": name, "robots": robots, "group_why": why})
    return RedirectResponse("/settings/people", status_code=303)


@router.get("/{person}")
@needs(Right.ADMINISTER, say="one person: roles, logins, tokens")
def one(request: Request, person: str) -> Response:
    """One person, and what can be done about them."""
    found = _ledger(request).people.person(person)
    if found is None:
        return missing(request, say("No such person"), say("See Settings, People."))
    return _person_page(request, found)


@router.post("/{person}")
@needs(Right.ADMINISTER, say="change a person's roles, reset, disable or enable them, end their logins")
def change(
    request: Request, person: str, act: Text = "", role: Text = "", group: Text = "", login: Text = "",
    token: Text = "", days: Text = "1", why: Text = "",
) -> Response:  # fmt: skip
    """Do one thing to a person: give or take a role, reset, disable, enable, end a login or a token."""
    ledger, who, now = _ledger(request), asker(request).who, time.time()
    found = ledger.people.person(person)
    if found is None:
        return missing(request, say("No such person"), say("See Settings, People."))
    link = None
    try:
        if act == "give":
            given = inviting.checked_roles({**found.grants, group: role})
            ledger.people.change_roles(person, given, by=who, why=inviting.reason(why), t=now)
        elif act == "take":
            given = {one: held for one, held in found.grants.items() if one != group}
            ledger.people.change_roles(person, given, by=who, why=inviting.reason(why), t=now)
        elif act == "reset":
            code = inviting.reset(ledger, person, _number(days), by=who, why=why, t=now)
            link = _link(request, person, code, _number(days))
        elif act == "disable":
            ledger.people.disable(person, by=who, why=inviting.reason(why), t=now)
        elif act == "enable":
            ledger.people.enable(person, by=who, why=inviting.reason(why), t=now)
        elif act == "unbind":
            ledger.sign_ons.unbind(person, by=who, why=inviting.reason(why), t=now)
        elif act == "end-login":
            ledger.people.end_login(person, login, by=who, t=now, why=inviting.reason(why))
        elif act == "end-token" and token.isascii() and token.isdecimal():
            ledger.ways_in.end_token(person, int(token[:15]), by=who, t=now)
        else:
            raise MisuseError("this form asks for nothing that can be done: load the page again")
    except MisuseError as error:
        return _person_page(request, ledger.people.person(person) or found, str(error))
    if link is not None:
        return _person_page(request, ledger.people.person(person) or found, link=link)
    return RedirectResponse(request.url.path, status_code=303)
