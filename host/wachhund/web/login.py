"""The login page, and the check that every other page asks."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.attempts import TooManyAttempts
from wachhund.web.door import LOGIN_S, CameFrom, Door
from wachhund.web.metrics import THIS_MACHINE, may_read_unnamed
from wachhund.web.paper import render
from wachhund.web.passkey_door import PasskeyDoor
from wachhund.web.problems import is_for_programs, problem
from wachhund.web.said import say
from wachhund.web.sign_on_door import SignOnDoor
from wachhund.web.viewing import look_as, viewer_of

router = APIRouter(include_in_schema=False)

# What needs no login besides the login itself: the files that pages are made of.
_OPEN_FOLDER = "/static/"
# What changes on pages, in the words of the page.
_LIVE = ("/live/", "/streams")
_GREETS = ("/verify",)  # open to anybody, and one of their pages to those who are logged in


def cookie_name(request: Request) -> str:
    """Cookies ignore ports: two hosts on one machine must not log each other out."""
    return f"wachhund_{request.app.state.cookie_port or request.url.port or 80}"


def safe_next(path: str) -> str:
    """Where to go after the login: a path of ours, never another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


def _is_open(request: Request) -> bool:
    """Whether a path may be asked without a login."""
    path = request.url.path
    return path.startswith(_OPEN_FOLDER) or path in request.app.state.open_paths


def bearer_of(request: Request) -> str | None:
    """The token that a program shows."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def came_from(request: Request) -> CameFrom:
    """Address and program of who asks, as far as they say it."""
    address = request.client.host if request.client else "unknown"
    return CameFrom(address, "".join(filter(str.isprintable, request.headers.get("user-agent", "")))[:200])


def turned_away(request: Request) -> Response:
    """The answer to somebody who is not logged in: programs get 401, people the form."""
    if is_for_programs(request.url.path):
        return problem(401, "nobody is logged in: log in at /login, then send its cookie")
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" if target == "/" else f"/login?next={quote(target, safe='')}", status_code=303)


def login_page(request: Request, target: str, problem: str = "", status: int = 200) -> HTMLResponse:
    """The form; `target`: where to go after it."""
    passkeys: PasskeyDoor = request.app.state.passkeys
    sign_on: SignOnDoor | None = request.app.state.sign_on
    return render(
        request, "login.html", status=status, next=target, problem=problem, site=passkeys.site,
        sign_on=sign_on.title if sign_on is not None else None,
    )  # fmt: skip


class LoginWall:
    """ASGI middleware: asks for the login on every path but the login's own, and notes who it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.operator = request.state.asker = None
        if may_read_unnamed(request):
            request.state.asker = THIS_MACHINE
        elif not (is_open := _is_open(request)) or request.url.path in _GREETS:
            door: Door = request.app.state.door
            one = await run_in_threadpool(door.asker, request.cookies.get(cookie_name(request)), bearer_of(request))
            if one is None and not is_open:
                await turned_away(request)(scope, receive, send)
                return
            request.state.operator, request.state.asker = one.name if one is not None else None, one
        if not is_for_programs(request.url.path) or request.url.path.startswith(_LIVE):
            one = request.state.asker
            look_as(viewer_of(request, one.language, one.zone) if one is not None else viewer_of(request))
        await self._app(scope, receive, send)


def too_many(answer: Response, error: TooManyAttempts) -> Response:
    """The answer that says to wait, for programs too."""
    answer.headers["retry-after"] = str(error.wait_s)
    return answer


def let_in(request: Request, token: str, target: str) -> Response:
    """To the page that was asked for, with the cookie of the login."""
    welcome = RedirectResponse(target, status_code=303)
    carry_login(request, welcome, token)
    return welcome


def carry_login(request: Request, answer: Response, token: str) -> None:
    """Give an answer the cookie of a login."""
    secure = request.url.scheme == "https"
    answer.set_cookie(cookie_name(request), token, max_age=LOGIN_S, httponly=True, samesite="strict", secure=secure)


@router.get("/login")
@needs(Right.ANYBODY, say="the login form")
def login_form(request: Request, next: str = "/") -> Response:  # noqa: A002  (the name people see in the URL)
    """The form. A one-time code stands in the fragment, which browsers never send: the page's script reads it."""
    return login_page(request, safe_next(next))


@router.post("/login")
@needs(Right.ANYBODY, say="log in")
async def log_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Name and password, or a one-time code, against a cookie."""
    door: Door = request.app.state.door
    came = came_from(request)
    target = safe_next(next)
    try:
        if code:
            token = await run_in_threadpool(door.by_code, code.strip(), came)
            problem = say(
                "This code is wrong, used or too old. Log in with the password, or start the host with --login-link."
            )
        else:
            token = await run_in_threadpool(door.by_password, name.strip(), password, came, second.strip())
            problem = say("Name or password is wrong, or the code of a second factor. Nothing was changed.")
    except TooManyAttempts as error:
        return too_many(login_page(request, target, error.words, 429), error)
    if token is None:
        return login_page(request, target, problem, status=401)
    return let_in(request, token, target)


@router.post("/logout")
@needs(Right.OWN, say="log out")
def log_out(request: Request) -> Response:
    """End this login, here and in the ledger."""
    request.app.state.door.leave(request.cookies.get(cookie_name(request)))
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(cookie_name(request), httponly=True, samesite="strict")
    return answer
