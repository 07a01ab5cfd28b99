"""The page of all sessions, and the picture of a session's path. Complete without a script."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.web import session_facts, session_filters
from wachhund.web.acting import needs
from wachhund.web.failures import missing
from wachhund.web.paper import render
from wachhund.web.path_picture import picture_alone, picture_size
from wachhund.web.robot_view import session_card
from wachhund.web.said import say
from wachhund.web.session_filters import Pill
from wachhund.web.sessions_view import value_words

router = APIRouter(include_in_schema=False)


@router.get("/sessions")
@needs(Right.SEE, say="the controller ledger")
def sessions(request: Request) -> Response:
    """Who is in control or looking, anywhere, now or at time T?"""
    ledger: Ledger = request.app.state.ledger
    now = time.time()
    asked = session_filters.read(request.url.query, now)
    view = session_facts.show_sessions(ledger, request.app.state.who_cannot_say, asked, now)
    status = 422 if asked.problems else 200
    return render(
        request, "sessions.html", status=status, live=view.live, now=now, view=view, asked=asked, pill=Pill,
        value_words=value_words, picture_size=picture_size,
    )  # fmt: skip


@router.get("/sessions/filter")
@needs(Right.SEE, say="the same with one filter more")
def add_filter(
    request: Request,
    field: str = "",
    how: str = "is",
    value: Annotated[str, Query(max_length=256)] = "",
    base: Annotated[str, Query(max_length=4_000)] = "",
) -> Response:
    """The address with one filter more: what the form of the page sends, so that it works without a script."""
    asked = session_filters.read(base, time.time())
    if field not in session_filters.FIELDS or not value.strip():
        return RedirectResponse(f"/sessions?{asked.query()}", status_code=303)
    pill = Pill(field, value.strip(), how == "not")
    return RedirectResponse(f"/sessions?{asked.with_pill(pill, group=asked.group)}", status_code=303)


@router.get("/sessions/when")
@needs(Right.SEE, say="the same at another time")
def choose_time(
    at: Annotated[str, Query(max_length=40)] = "",
    from_: Annotated[str, Query(alias="from", max_length=40)] = "",
    to: Annotated[str, Query(max_length=40)] = "",
    base: Annotated[str, Query(max_length=4_000)] = "",
) -> Response:
    """The address of another time, with the same filters."""
    asked = session_filters.read(base, time.time())
    return RedirectResponse(f"/sessions?{asked.query(at=at, from_=from_, to=to)}", status_code=303)


@router.get("/sessions/{identity}/path.svg")
@needs(Right.SEE, say="a session's path as a picture")
def path_picture(request: Request, identity: str, upright: bool = False) -> Response:
    """The path of one session as a picture of its own. The list beside it on the page is the truth."""
    ledger: Ledger = request.app.state.ledger
    session = ledger.session_search.one(identity)
    if session is None:
        return missing(request, say("No such session"), say("The list of sessions has all that there are."))
    card = session_card(session)
    return Response(str(picture_alone(card.path, card.forbidden, upright)), media_type="image/svg+xml")
