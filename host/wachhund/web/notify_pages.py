"""Who is told of incidents: targets, routes, last deliveries, a test. Every act is an admin's and is on record."""

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from wachhund.judge.meaning import LEVELS
from wachhund.ledger import Ledger
from wachhund.ledger.notify_records import DEAD, DELIVERED, WAITING, WITHDRAWN, Route
from wachhund.ledger.notifying import Notifying
from wachhund.notify import targets
from wachhund.notify.repairs import repairs, unheard
from wachhund.notify.sealing import Sealer
from wachhund.notify.sending import SenderFailed
from wachhund.notify.service import PAGE_KEY
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.incident_pages import TellsOf
from wachhund.web.incident_view import Told
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

_PAGE = "/settings/notifications"
Text = Annotated[str, Form()]


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def _sealer(request: Request) -> Sealer:
    """What addresses are encrypted with. Raises HTTPException where this host has none."""
    sealer: Sealer | None = request.app.state.sealer
    if sealer is None:
        raise HTTPException(503, say("This host tells nobody: it was started without a data folder"))
    return sealer


def _page(request: Request, **more: str | None) -> Response:
    now, notifying = time.time(), _ledger(request).notifying
    said = {"wrong": None, "name": "", "signing": None, "made": None, **more}
    return render(
        request, "notifications.html", status=422 if said["wrong"] else 200, now=now, standing=notifying.standing(now),
        repairs=repairs(notifying, now), levels=LEVELS[::-1], route_words=targets.route_words, said=said,
    )  # fmt: skip


@router.get(_PAGE)
@needs(Right.SEE, say="who is told, and whether it arrived")
def notifications(request: Request) -> Response:
    """Who is told, does it arrive, and what is to be mended?"""
    return _page(request)


@router.post(_PAGE)
@needs(Right.ADMINISTER, say="add a target of notifications")
def add(
    request: Request, name: Text = "", address: Text = "", allowed: Text = "", level: Text = "high", robots: Text = "",
    hours: Text = "", days: Text = "", zone: Text = "", after: Text = "", drills: Text = "",
) -> Response:  # fmt: skip
    """A target with its first route. A signing secret is on the answer, and nowhere again."""
    ledger, who, t = _ledger(request), asker(request).who, time.time()
    sealer = _sealer(request)
    try:
        route = _route(level, robots, hours, days, zone, after, who, t)
        made = targets.add(
            ledger.notifying, sealer, name.strip(), address, _words(allowed), route, drills == "on", who, t
        )
    except (MisuseError, SenderFailed) as error:
        return _page(request, wrong=str(error), name=name)  # the address is given again: a page holds no password
    return _page(request, made=made.target.name, signing=made.signing)


@router.post(f"{_PAGE}/test")
@needs(Right.ADMINISTER, say="send a test to a target")
def test(request: Request, name: Text) -> Response:
    """Send a test now; the page then shows what the other side said."""
    ledger = _ledger(request)
    page = ledger.notifying.said(PAGE_KEY) or str(request.base_url)
    targets.test(ledger.notifying, _sealer(request), name, asker(request).who, page)
    return RedirectResponse(_PAGE, 303)


@router.post(f"{_PAGE}/remove")
@needs(Right.ADMINISTER, say="remove a target of notifications")
def remove(request: Request, name: Text) -> Response:
    """A target with its routes; what waits for it is withdrawn."""
    _ledger(request).notifying.remove(name, time.time(), asker(request).who)
    return RedirectResponse(_PAGE, 303)


@router.post(f"{_PAGE}/route")
@needs(Right.ADMINISTER, say="add a route to a target")
def add_route(
    request: Request, name: Text, level: Text = "high", robots: Text = "", hours: Text = "", days: Text = "",
    zone: Text = "", after: Text = "",
) -> Response:  # fmt: skip
    """Another route, such as an escalation."""
    ledger, who, t = _ledger(request), asker(request).who, time.time()
    try:
        target = ledger.notifying.target(name)
        ledger.notifying.add_route(_route(level, robots, hours, days, zone, after, who, t, target.id))
    except MisuseError as error:
        return _page(request, wrong=str(error))
    return RedirectResponse(_PAGE, 303)


@router.post(f"{_PAGE}/unroute")
@needs(Right.ADMINISTER, say="remove a route")
def remove_route(request: Request, number: Annotated[int, Form(ge=1)]) -> Response:
    """A route is gone; what it had in mind is not told by it any more."""
    _ledger(request).notifying.remove_route(number, time.time(), asker(request).who)
    return RedirectResponse(_PAGE, 303)


_STATES = {DELIVERED: say("taken"), DEAD: say("given up"), WAITING: say("waiting"), WITHDRAWN: say("withdrawn")}


def tells_of(notifying: Notifying) -> TellsOf:
    """Who was told of an incident and whether it arrived; or one line that nobody was, and why."""

    def told(incident: str) -> Sequence[Told]:
        messages = notifying.told_of(incident)
        if not messages:
            return (Told(say("Nobody"), None, unheard(notifying, incident), ""),)
        return [
            Told(
                one.target_name, one.ended_t if one.state == DELIVERED else one.made_t, _STATES[one.state],
                one.words or say("not tried yet"),
            )
            for one in messages
        ]  # fmt: skip

    return told


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _route(
    level: str, robots: str, hours: str, days: str, zone: str, after: str, who: str, t: float, target: str = ""
) -> Route:
    try:
        minutes = float(after.strip() or "0")
    except ValueError:
        raise MisuseError("after: give minutes, such as 15") from None
    return targets.route(
        level, _words(robots), hours.strip() or None, days.strip() or None, zone.strip() or None, minutes * 60.0, who,
        t, target,
    )  # fmt: skip
