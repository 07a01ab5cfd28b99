"""Every route of the running application, asked as nobody and as everybody, against docs/roles.md."""

import asyncio
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from tests import roles_table
from tests.roles_table import COLUMNS, GROUPS, HOW, ROBOT, Column
from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.silences import Typed, draft
from wachhund.ledger import Authorisation, Ledger, WebLogin
from wachhund.ledger.reports import IssuedReport
from wachhund.web.routes import AppRoute, every_route

# What a path part is filled with, by the folder before it and its name, or by its name alone. One that is not here gets
# "x": refused or not is decided before it is looked up.
PARTS = {
    "name": ROBOT, "robot": ROBOT, "identity": "i1", "authorisation": "a1", "seq": "1", "silence": "s1",
    "path": "incidents", "authorisations/identity": "a1", "silences/identity": "s1", "report": "r1",
    "reports/identity": "r1", "form": "json",
}  # fmt: skip
# Routes whose handler itself finds out which robots it is about (`inside=True`): a form that names one of the group.
_WANTED = {"who": "a", "robots": ROBOT, "surface": "web", "sources": "203.0.113.7", "carrier": "lan", "why": "a test"}
_WANTED_BY_PROGRAM = {"who": "a", "robots": [ROBOT], "surfaces": ["web"], "sources": ["203.0.113.7"], "why": "a test"}
FORMS: dict[str, dict[str, Any]] = {
    "POST /fleet/labels": {"robot": ROBOT, "site": "lab"},
    "POST /incidents/act": {"act": "comment", "text": "x", "chosen": "i1"},
    "POST /silences": {"robots": ROBOT, "kinds": "tunnel", "why": "x", "step": "make"},
    "POST /silences/{silence}/end": {"why": "x"},
    "POST /authorisations": _WANTED,
    "POST /authorisations/preview": _WANTED,
    "POST /authorisations/{authorisation}/end": {"why": "a test"},
    "POST /api/v1/authorisations": _WANTED_BY_PROGRAM,
    "POST /api/v1/authorisations/preview": _WANTED_BY_PROGRAM,
    "POST /api/v1/authorisations/{identity}/end": {"why": "a test"},
    "POST /api/v1/silences": {"robots": [ROBOT], "kinds": ["tunnel"], "why": "x"},
    "POST /api/v1/silences/preview": {"robots": [ROBOT], "kinds": ["tunnel"], "why": "x"},
    "POST /api/v1/silences/{identity}/end": {"why": "x"},
    "POST /api/v1/hunts": {"rule": "nothing"},
    "POST /api/v1/reports": {"robot": ROBOT, "from": "2020-01-01T00:00", "to": "2020-01-02T00:00"},
    "GET /reports/{report}/{form}": {},
    "GET /api/v1/reports/{identity}/{form}": {},
}


@pytest.fixture
def app(ledger: Ledger) -> Iterator[FastAPI]:
    """A host with everybody of the table, two groups, and an incident of a robot of one of them."""
    player = Player(ledger, ROBOT)
    player.say(player.looking())
    session = player.session("s1", origin=RELAY_PATH)
    ledger.save_judgement(0, [player.incident("i1", sessions=[session])], [session])
    now = time.time()
    ledger.authorisations.make(
        Authorisation("", "a", (player.robot.id,), ("ssh",), None, None, now, now + 600, "a test", "a test", now)
    )
    by: dict[str, Any] = {"by": "a test", "why": "", "t": time.time()}
    for group, patterns in GROUPS.items():
        ledger.people.save_group(group, patterns, **by)
    for column in COLUMNS:
        if column.grants is not None:
            ledger.people.make(column.name, "", column.grants, **by)
    report = IssuedReport("r1", player.robot.id, 0.0, 1.0, 1.0, "a test", "k", "h", "all is well", None)
    ledger.reports.add(report, b"{}")
    ledger.silencing.make(draft(Typed(robots=(ROBOT,), why="x"), ledger, "a test", time.time()))
    yield roles_table.app_of(ledger)


def log_in(ledger: Ledger, name: str) -> str:
    """A login's token."""
    token, now = secrets.token_urlsafe(), time.time()
    ledger.people.save_login(WebLogin(hashlib.sha256(token.encode()).hexdigest(), name, now + 3600, now))
    return token


async def answer(
    app: FastAPI, method: str, path: str, token: str | None, form: dict[str, Any]
) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer. Its body is not waited for: an event stream has no end."""
    is_program = path.startswith("/api/")
    body = (json.dumps(form) if is_program and form else urlencode(form)).encode()
    kind = b"application/json" if is_program else b"application/x-www-form-urlencoded"
    headers = [(b"host", b"127.0.0.1"), (b"content-length", b"%d" % len(body))]
    headers += [(b"content-type", kind)] if form else []
    headers += [(b"cookie", f"wachhund_80={token}".encode())] if token else []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": headers, "scheme": "http",
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5), "root_path": "",
    }  # fmt: skip
    started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and not started.done():
            started.set_result(message)

    task = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED, timeout=30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told = started.result()
    return told["status"], {name.decode(): value.decode() for name, value in told["headers"]}


def was_let_in(route: AppRoute, status: int, headers: dict[str, str]) -> bool:
    """Whether an answer is another than "log in" and "you may not". A login that fails is a login that was tried."""
    if route.method == "POST" and route.path in ("/login", "/login/passkey") and status == 401:
        return True
    # Whoever logs out is sent to the form as well, and loses the cookie: that was the act.
    sent_away = headers.get("location", "").startswith("/login") and "set-cookie" not in headers
    return status not in (401, 403) and not sent_away


def _filled(part: "re.Match[str]") -> str:
    folder = part.string[: part.start()].rstrip("/").rpartition("/")[2]
    return PARTS.get(f"{folder}/{part[1]}") or PARTS.get(part[1], "x")


def path_and_form(route: AppRoute) -> tuple[str, dict[str, Any]]:
    """The route with its parts filled, and a form that names the robot or the incident; for programs its body."""
    path = re.sub(r"\{(\w+)(?::\w+)?\}", _filled, route.path)
    form = dict(FORMS.get(f"{route.method} {route.path}", {}))
    row = route.needs
    assert row is not None
    named = ((row.robot, ROBOT), (row.incident, "i1"))
    named_in_form = {field: value for field, value in named if field and f"{{{field}" not in route.path}
    return path, {**form, **named_in_form}


def test_every_route_has_its_row(app: FastAPI) -> None:
    """A route without one is for admins only, and nobody knows why."""
    found = [route for route in every_route(app) if route.method != "*"]
    assert len(found) > 15
    forgotten = [f"{route.method} {route.path}" for route in found if route.needs is None]
    assert not forgotten, f"{forgotten}: {HOW}"
    unasked = [route.path for route in found if not route.is_checked and route.path != app.openapi_url]
    assert not unasked, f"{unasked}: no dependency runs before it: make it an API route of an included router"
    mounted = [route.path for route in every_route(app) if route.method == "*"]
    assert mounted == ["/static"], "what is mounted has no rows: include a router instead"
    unnamed = [
        f"{route.method} {route.path}" for route in found
        if route.needs is not None and route.needs.inside and f"{route.method} {route.path}" not in FORMS
    ]  # fmt: skip
    assert not unnamed, f"{unnamed}: its row says inside=True: give a form that names a robot of the group, in FORMS"


# Some 500 requests: on a busy machine more than the two minutes of a test.
@pytest.mark.timeout(600)
def test_each_route_answers_as_it_is_written(app: FastAPI, ledger: Ledger) -> None:
    """Nobody, viewer, auditor, operator of another group, operator, admin: no gap, and no more than is written."""
    written = roles_table.written_answers()
    tokens: dict[str, str] = {}

    async def walk() -> list[str]:
        wrong = []
        for route in every_route(app):
            if route.method == "*":
                continue
            expected = written.get((route.method, route.path))
            if expected is None or route.needs is None:
                wrong.append(f"{route.method} {route.path}: not in docs/roles.md: {HOW}")
                continue
            for column, allowed in zip(COLUMNS, expected, strict=True):
                status, headers = await answer(app, route.method, *_asked(route, column))
                if was_let_in(route, status, headers) is not allowed or status >= 500:
                    wrong.append(f"{route.method} {route.path}: {column.title}: {status}, written {allowed}")
        return wrong

    def _asked(route: AppRoute, column: Column) -> tuple[str, str | None, dict[str, Any]]:
        path, form = path_and_form(route)
        token = None
        if column.grants is not None:
            if column.name not in tokens or ledger.people.login(_hash(tokens[column.name])) is None:
                tokens[column.name] = log_in(ledger, column.name)  # the one before was logged out, or ended
            token = tokens[column.name]
        return path, token, form

    assert asyncio.run(walk()) == []


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def test_a_route_that_somebody_forgot_is_for_admins_only(app: FastAPI, ledger: Ledger) -> None:
    """Also before a test says so."""
    app.get("/forgotten")(lambda: "seen")

    async def ask(name: str) -> int:
        return (await answer(app, "GET", "/forgotten", log_in(ledger, name), {}))[0]

    assert asyncio.run(ask("olga")) == 403 and asyncio.run(ask("anna")) == 200
