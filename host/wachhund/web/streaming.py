"""Where browsers ask what changed: one page's stream, its live part once, or one stream for all tabs of a browser."""

import time
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from wachhund.people.roles import Right
from wachhund.web import live_pages, login
from wachhund.web.acting import needs
from wachhund.web.door import Door
from wachhund.web.live import Followed, LiveBoard
from wachhund.web.live_page import NOTHING_LIVE, LivePage, with_host_faults
from wachhund.web.problems import problem
from wachhund.web.viewing import viewer

router = APIRouter(include_in_schema=False)

_PREFIX = "/live/"


def _looking(request: Request, path: str, query: dict[str, str]) -> Callable[[], LivePage] | None:
    state = request.app.state
    compute = live_pages.compute_of(state.ledger, state.fleet, path, query, state.who_cannot_say)
    return None if compute is None else lambda: with_host_faults(compute(), state.faults())


def _key(path: str, query: dict[str, str]) -> str:
    return repr((path, sorted(query.items()), viewer().key))


def still_in(request: Request) -> Callable[[], bool]:
    """Whether the login or token of a request still holds: a stream outlives the check before it."""
    token = request.cookies.get(login.cookie_name(request))
    door: Door = request.app.state.door
    bearer = login.bearer_of(request)
    return lambda: door.asker(token, bearer) is not None


@router.get("/live/{path:path}")
@needs(Right.SEE, say="what changes on a page")
async def live(request: Request, path: str) -> Response:
    """What changes on a page: a stream of events, or with `once` the whole live part as JSON."""
    query = dict(request.query_params)
    board: LiveBoard = request.app.state.board
    shown = query.pop("from", "")
    once = query.pop("once", "") == "1"
    looked = await run_in_threadpool(_looking, request, path, query)
    if looked is None:
        return problem(404, "nothing changes there")
    key = _key(path, query)
    if once:
        _, page = await board.now(key, looked)
        return JSONResponse({"t": time.time(), **page.changes_since(None)})
    if board.full:
        return problem(503, "too many pages are open: close some")
    last_id = request.headers.get("last-event-id") or shown
    events = board.stream(key, looked, last_id, still_in(request))
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.get("/streams")
@needs(Right.SEE, say="what changes on several pages")
async def streams(request: Request) -> Response:
    """What changes on several pages, for a browser whose tabs share one connection. `a`: their addresses; `from`: what
    each shows. An address where nothing changes is followed all the same, and tells nothing."""
    board: LiveBoard = request.app.state.board
    addresses = request.query_params.getlist("a")
    ids = request.query_params.getlist("from")
    if not 1 <= len(addresses) <= board.limits.pages_a_stream or len(ids) != len(addresses):
        return problem(422, "say 1 to 16 addresses, and for each what it shows")
    if board.full:
        return problem(503, "too many pages are open: close some")
    followed = []
    for address, shown in zip(addresses, ids, strict=True):
        path, query = _read(address)
        looked = await run_in_threadpool(_looking, request, path, query)
        followed.append(Followed(_key(path, query), looked or (lambda: NOTHING_LIVE), shown))
    events = board.streams(followed, still_in(request))
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _read(address: str) -> tuple[str, dict[str, str]]:
    """Path behind /live/, decoded as a server decodes it, and parameters of an address that a page gave its tab."""
    parts = urlsplit(address)
    return unquote(parts.path.removeprefix(_PREFIX)), dict(parse_qsl(parts.query, keep_blank_values=True))
