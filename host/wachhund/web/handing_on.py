"""Handing on a robot's evidence from its page: a bundle as a download, behind the login, and on record."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import Response, StreamingResponse

from wachhund.keeping.moments import parse_moment, shown
from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.failures import missing
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

_CHUNK = 256 * 1024
_DAY_S = 86_400.0
_ONE_AT_A_TIME = threading.Lock()  # each takes a core and as much disk as it is large

# (robot id, from, to, who) -> an open file that is gone from the disk when it is closed
HandOn = Callable[[str, float, float, str], IO[bytes]]


@dataclass(frozen=True)
class Offer:
    """What the form is filled with."""

    from_t: str
    to_t: str


def offer(request: Request, t: float) -> Offer | None:
    """The day of `t`; None when this host offers no bundles."""
    if request.app.state.hand_on is None:
        return None
    day = t - t % _DAY_S
    return Offer(shown(day), shown(day + _DAY_S))


@router.post("/export")
@needs(Right.EXPORT, robot="robot", say="hand on evidence as a bundle")
def export(
    request: Request,
    robot: Annotated[str, Form()],
    from_t: Annotated[str, Form()],
    to_t: Annotated[str, Form()],
) -> Response:
    """The bundle of a span. It is a POST because it leaves a trace: who handed on what."""
    ledger: Ledger = request.app.state.ledger
    found = ledger.robot_by_name(robot)
    hand_on = hand_on_of(request)
    if hand_on is None or found is None:
        return missing(request, say("No such robot here"), say("The Fleet page lists all that there are."))
    return handed_on(request, hand_on, found.id, from_t, to_t)


def hand_on_of(request: Request) -> HandOn | None:
    """What makes bundles; None where this host offers none."""
    hand_on: HandOn | None = request.app.state.hand_on
    return hand_on


def handed_on(request: Request, hand_on: HandOn, robot: str, from_t: str, to_t: str) -> Response:
    """The bundle of a robot (its id), as a download. Raises HTTPException: 422 no time, 503 later."""
    try:
        span = parse_moment(from_t.strip(), "from"), parse_moment(to_t.strip(), "to")
        if not _ONE_AT_A_TIME.acquire(blocking=False):
            raise HTTPException(503, say("Another bundle is being made: try again in a minute"))
        try:
            stream = hand_on(robot, *span, asker(request).who)
        finally:
            _ONE_AT_A_TIME.release()
    except MisuseError as error:
        raise HTTPException(422, str(error)) from None
    size = stream.seek(0, 2)
    stream.seek(0)
    headers = {
        "content-disposition": f'attachment; filename="wachhund-{robot}.zip"',
        "content-length": str(size),
    }
    return StreamingResponse(_pieces(stream), media_type="application/zip", headers=headers)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(_CHUNK):
            yield piece
