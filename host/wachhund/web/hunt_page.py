"""Hunt: has what this rule describes happened before? Nothing is saved and nothing is judged by it."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.keeping.moments import parse_since
from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.rulebook.hunts import MAX_MATCHES, Hunts
from wachhund.rulebook.telling import as_line
from wachhund.web import facts
from wachhund.web.acting import asker, needs
from wachhund.web.failures import missing, not_done
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

ROWS_A_PAGE = 100


def _hunts(request: Request) -> Hunts | None:
    hunts: Hunts | None = request.app.state.hunts
    return hunts


@router.get("/hunt")
@needs(Right.SEE, say="look back with a rule")
def form(request: Request, rule: str = "") -> Response:
    """The form, and the hunts of before."""
    hunts = _hunts(request)
    if hunts is None:
        return missing(request, say("This host hunts by command only"), "`wachhund hunt RULE --since 7d`")
    return render(request, "hunt.html", rules=hunts.rules(), hunts=hunts.all(), chosen=rule[:100])


@router.post("/hunt")
@needs(Right.SEE, say="look back with a rule")
def start(
    request: Request, text: Annotated[str, Form()] = "", rule: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "7d", robot: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Begin a hunt, and go to its page."""
    hunts, ledger = _hunts(request), request.app.state.ledger
    if hunts is None:
        return missing(request, say("This host hunts by command only"), "`wachhund hunt RULE --since 7d`")
    try:
        found = ledger.robot_by_name(robot.strip()) if robot.strip() else None
        if robot.strip() and found is None:
            raise MisuseError(f"robot {robot.strip()[:64]!r}: no robot of that name")
        identity = None if found is None else found.id
        hunt = hunts.start(text, rule, parse_since(since, time.time()), identity, asker(request).who)
    except MisuseError as error:
        return not_done(request, say("No hunt was begun"), str(error))
    return RedirectResponse(f"/hunt/{hunt.id}", status_code=303)


@router.get("/hunt/{identity}")
@needs(Right.SEE, say="what a rule found")
def show(request: Request, identity: str, page: int = 1) -> Response:
    """How far it is, and what it found."""
    hunts = _hunts(request)
    hunt = None if hunts is None else hunts.get(identity)
    if hunt is None:
        return missing(request, say("No such hunt"), say("The host keeps the last few, until it stops."))
    ledger: Ledger = request.app.state.ledger
    names = facts.robot_names(ledger)
    pages = max(1, -(-len(hunt.matches) // ROWS_A_PAGE))
    page = max(1, min(page, pages))
    shown = hunt.matches[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE]
    rows = [(as_line(one, names), names.get(str(one.robot)), one.ref) for one in shown]
    return render(
        request, "hunt_found.html", hunt=hunt, rows=rows, page=page, pages=pages, most=MAX_MATCHES,
        robot=names.get(hunt.robot or ""),
    )  # fmt: skip


@router.post("/hunt/{identity}/cancel")
@needs(Right.SEE, say="end a look back")
def cancel(request: Request, identity: str) -> Response:
    """Let it end."""
    hunts = _hunts(request)
    if hunts is None or hunts.cancel(identity) is None:
        return missing(request, say("No such hunt"), say("The host keeps the last few, until it stops."))
    return RedirectResponse(f"/hunt/{identity}", status_code=303)
