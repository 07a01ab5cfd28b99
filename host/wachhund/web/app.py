"""The web application, put together: guard, login, pages, API, event stream."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from wachhund.ledger import Ledger
from wachhund.notify.sealing import Sealer
from wachhund.people.passkeys import Site
from wachhund.people.roles import Right
from wachhund.reports.making import Reports
from wachhund.rulebook.hunts import Hunts
from wachhund.web import (
    acting,
    acts_pages,
    authorisation_pages,
    campaign_pages,
    enrol_page,
    failures,
    fleet_acts,
    handing_on,
    health,
    hunt_page,
    incident_pages,
    keys_page,
    login,
    me_pages,
    metrics,
    notify_pages,
    pages,
    passkey_pages,
    people_pages,
    report_pages,
    rules_page,
    session_facts,
    session_pages,
    settings_pages,
    sign_on_pages,
    silence_pages,
    streaming,
    verify_page,
    welcome,
    words_page,
)
from wachhund.web.api import document, routes
from wachhund.web.attempts import Attempts
from wachhund.web.door import Door
from wachhund.web.enrol_page import WayIn
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.guard import Guard
from wachhund.web.handing_on import HandOn
from wachhund.web.incident_pages import TellsOf
from wachhund.web.keeping_view import Keeping
from wachhund.web.keys_page import Keys
from wachhund.web.live import LiveBoard
from wachhund.web.metrics import MetricsWish, make_registry
from wachhund.web.packing import Packing
from wachhund.web.passkey_door import PasskeyDoor
from wachhund.web.request_count import RequestCount
from wachhund.web.routes import OpenPaths
from wachhund.web.rules_page import Rulebook
from wachhund.web.sign_on_door import SignOnDoor
from wachhund_evidence import MisuseError

_STATIC = Path(str(resources.files("wachhund.web"))) / "static"


def _no_faults() -> tuple[str | None, ...]:
    return ()


def create_app(
    ledger: Ledger,
    door: Door,
    board: LiveBoard,
    names: Iterable[str] = (),
    origins: Iterable[str] = (),
    faults: Callable[[], tuple[str | None, ...]] = _no_faults,
    keeping: Keeping | None = None,
    hand_on: HandOn | None = None,
    metrics_wish: MetricsWish | None = None,
    way_in: WayIn | None = None,
    hunts: Hunts | None = None,
    tells_of: TellsOf | None = None,
    sealer: Sealer | None = None,
    site: Site | None = None,
    sign_on: SignOnDoor | None = None,
    rulebook: Rulebook | None = None,
    about_keys: Callable[[], Keys] | None = None,
    reports: Reports | None = None,
    own_faults: Callable[[], tuple[str | None, ...]] | None = None,
    seal_key: bytes = b"",
    cookie_port: int | None = None,
) -> Guard:
    """The application over a ledger.

    `names`: host names we answer to, besides localhost and addresses. `origins`: of our pages behind a proxy.
    `faults`: what is wrong with the host itself at the moment, None for a part that is well; its pages say so, as
    nothing of them is then news. `keeping`: how long evidence is kept, for its page. `hand_on`: makes a bundle for a
    download; None: none is offered. `tells_of`: who was told of an incident (its id); None: nobody is told.
    `metrics_wish`: who may read /metrics, and what stands in it.
    `site`: what passkeys are made for; `sign_on`: the door for single sign-on; None: there is none here.
    `sealer`: encrypts addresses of notifications; None: none can be added here.
    `rulebook`: the rules as they are now, `about_keys`: the names of the host's keys; None: their pages don't know.
    `way_in`: how robots are let in; None: this host has no door for them. `hunts`: those that pages start; None: none.
    `reports`: makes signed reports of robots; None: none are made here.
    `own_faults`: of `faults` those of this process, for who routes to it; None: all are. `seal_key`: seals previews;
    empty: a key of this process only. `cookie_port`: names the login's cookie; None: the port that was asked.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def ring() -> None:
            loop.call_soon_threadsafe(board.ring)

        stop_listening = ledger.changes.add_listener(ring)
        try:
            yield
        finally:
            stop_listening()

    app = FastAPI(
        lifespan=lifespan, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        dependencies=[Depends(acting.enforce)],
    )  # fmt: skip
    app.state.ledger, app.state.door, app.state.board, app.state.faults = ledger, door, board, faults
    app.state.own_faults, app.state.cookie_port = own_faults or faults, cookie_port
    app.state.seal_key = seal_key or secrets.token_bytes(32)
    app.state.keeping, app.state.hand_on, app.state.tells_of = keeping, hand_on, tells_of
    app.state.metrics_wish = metrics_wish or MetricsWish()
    app.state.metrics = make_registry(ledger, app.state.metrics_wish, faults, lambda: board.viewers)
    app.state.sealer = sealer
    app.state.passkeys, app.state.sign_on = PasskeyDoor(ledger, door, site), sign_on
    app.state.fleet, app.state.way_in = FleetBoard(ledger), way_in
    app.state.rulebook, app.state.about_keys = rulebook, about_keys
    app.state.verify_attempts, app.state.hunts, app.state.reports = Attempts(), hunts, reports
    app.state.who_cannot_say = session_facts.who_cannot_say(app.state.fleet)
    app.add_middleware(login.LoginWall)
    app.add_middleware(Packing)
    app.add_middleware(failures.Failures)
    app.add_middleware(RequestCount, registry=app.state.metrics)
    app.add_exception_handler(acting.Refused, acting.on_refused)
    app.add_exception_handler(HTTPException, failures.on_http_error)
    app.add_exception_handler(RequestValidationError, failures.on_bad_input)
    app.add_exception_handler(MisuseError, failures.on_misuse)
    # FastAPI's own route asks no dependency: only the wall of the login stands before it.
    for route in app.routes:
        if isinstance(route, Route) and route.path == app.openapi_url:
            acting.needs(Right.SEE, say="the description of the API")(route.endpoint)
    app.include_router(login.router)
    app.include_router(welcome.router)
    app.include_router(people_pages.router)
    app.include_router(me_pages.router)
    app.include_router(passkey_pages.router)
    app.include_router(sign_on_pages.router)
    app.include_router(words_page.router)
    app.include_router(acts_pages.router)
    app.include_router(settings_pages.router)
    app.include_router(rules_page.router)
    app.include_router(keys_page.router)
    app.include_router(pages.router)
    app.include_router(session_pages.router)
    app.include_router(authorisation_pages.router)
    app.include_router(incident_pages.router)
    app.include_router(campaign_pages.router)
    app.include_router(silence_pages.router)
    app.include_router(handing_on.router)
    app.include_router(notify_pages.router)
    app.include_router(fleet_acts.router)
    app.include_router(streaming.router)
    app.include_router(verify_page.router)
    app.include_router(enrol_page.router)
    app.include_router(hunt_page.router)
    app.include_router(report_pages.router)
    app.include_router(routes.router)
    app.include_router(metrics.router)
    app.include_router(health.router)
    document.describe(app)
    app.state.open_paths = OpenPaths(app)
    app.mount("/static", GZipMiddleware(StaticFiles(directory=_STATIC)))
    return Guard(app, names, origins)
