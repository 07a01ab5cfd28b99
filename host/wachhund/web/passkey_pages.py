"""Passkeys on the pages: the log-in by one, and those of a person's own account."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.people.passkeys import pasted
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.attempts import TooManyAttempts
from wachhund.web.challenges import HOLDS_S
from wachhund.web.door import Door
from wachhund.web.login import came_from, cookie_name, let_in, login_page, safe_next, too_many
from wachhund.web.me_pages import account_page
from wachhund.web.paper import render
from wachhund.web.passkey_door import PasskeyDoor
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)
_LOGIN = "/login/passkey"

Text = Annotated[str, Form()]


def _door(request: Request) -> PasskeyDoor:
    found: PasskeyDoor = request.app.state.passkeys
    return found


def _try_cookie(request: Request) -> str:
    """Holds what binds a challenge to the browser that asked for it."""
    return f"{cookie_name(request)}_try"


@router.post(f"{_LOGIN}/begin")
@needs(Right.ANYBODY, say="begin to log in by a passkey")
async def begin(request: Request) -> Response:
    """What the browser is asked to sign: the same for everybody."""
    try:
        token, options = await run_in_threadpool(_door(request).begin, came_from(request))
    except TooManyAttempts as error:
        return too_many(JSONResponse({"problem": error.words}, status_code=429), error)
    except MisuseError as error:
        return JSONResponse({"problem": str(error)}, status_code=422)
    answer = JSONResponse(options)
    answer.set_cookie(
        _try_cookie(request), token, max_age=int(HOLDS_S), path=_LOGIN, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


@router.post(_LOGIN)
@needs(Right.ANYBODY, say="log in by a passkey")
async def log_in(request: Request, answer: Text = "", next: Text = "/") -> Response:  # noqa: A002
    """What the browser signed, against a cookie."""
    target, token = safe_next(next), request.cookies.get(_try_cookie(request), "")
    try:
        login = await run_in_threadpool(_door(request).by_passkey, token, answer, came_from(request))
    except TooManyAttempts as error:
        return too_many(login_page(request, target, error.words, 429), error)
    except MisuseError as error:
        return login_page(request, target, str(error), 422)
    if login is None:
        problem = say("This passkey does not let you in, or it took too long. Try again, or log in with your password.")
        return login_page(request, target, problem, status=401)
    welcome = let_in(request, login, target)
    welcome.delete_cookie(_try_cookie(request), path=_LOGIN, httponly=True, samesite="strict")
    return welcome


@router.post("/settings/me/passkeys")
@needs(Right.OWN, say="make or remove a passkey of yours")
async def change(
    request: Request, act: Text = "", name: Text = "", password: Text = "", answer: Text = "", passkey: Text = ""
) -> Response:
    """`begin` shows what the browser is asked, `add` keeps what it made; `begin` and `remove` need the password."""
    return await run_in_threadpool(_change, request, act, name, password, answer, passkey)


def _change(request: Request, act: str, name: str, password: str, answer: str, passkey: str) -> Response:
    door: Door = request.app.state.door
    one, mine = asker(request), _door(request)
    try:
        if act in ("begin", "remove") and not door.is_right_password(one, password, came_from(request)):
            return account_page(request, say("The password is wrong."))
        if act == "begin":
            options = pasted(mine.begin_new(one, name))
            return render(request, "passkey.html", name=name.strip(), options=options)
        if act == "add" and not mine.add(one, answer):
            return account_page(request, say("The passkey was not taken: begin again."))
    except MisuseError as error:
        return account_page(request, str(error))
    except TooManyAttempts as error:
        return account_page(request, error.words, 429)
    if act == "remove":
        _remove(request, passkey)
    elif act != "add":
        return account_page(request, say("This form asks for nothing that can be done: begin again."))
    return RedirectResponse("/settings/me", status_code=303)


def _remove(request: Request, passkey: str) -> None:
    ledger: Ledger = request.app.state.ledger
    one = asker(request)
    if passkey.isascii() and passkey.isdecimal():
        ledger.passkeys.remove(one.name, int(passkey[:15]), by=one.who, t=time.time())
