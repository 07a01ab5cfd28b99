"""When something fails: what failed, what is still true, what to do, and an id to quote. Never a traceback."""

import contextlib
import logging
import secrets
import traceback

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wachhund.ledger import Ledger, LedgerError, LedgerRefused
from wachhund.ledger.trouble import Trouble
from wachhund.web import methods
from wachhund.web.paper import render
from wachhund.web.problems import Fault, is_for_programs, problem
from wachhund.web.said import known, say
from wachhund_evidence import MisuseError

_log = logging.getLogger(__name__)
_FAULTS_TOLD = 3  # in the one line of a problem
_MAX_FAULTS = 50
# What the framework says where no handler said more: by its English.
_PHRASES = {str(phrase): phrase for phrase in (say("Not Found"), say("Method Not Allowed"))}


def _problem(
    request: Request, status: int, what: str, still_true: str, todo: str, number: str | None = None
) -> Response:
    return render(
        request, "problem.html", status=status, what=what, still_true=still_true, todo=todo, quote_id=number
    )  # fmt: skip


def missing(request: Request, what: str, todo: str) -> Response:
    """The page that says that there is no such thing."""
    return _problem(request, 404, what, say("Nothing else is wrong."), todo)


def refused(request: Request, what: str, robot: str | None = None) -> Response:
    """The answer to somebody who is logged in and may not do this: a page, or RFC 9457 problem JSON. 403."""
    if is_for_programs(request.url.path):
        whom = f"To {what}" + (f" {robot}" if robot else "")
        return problem(403, f"{whom}, your role would have to allow it.")
    told = (
        say(
            "To %(what)s %(robot)s, your role would have to allow it. Nothing was changed.", what=known(what),
            robot=robot,
        ) if robot
        else say("To %(what)s, your role would have to allow it. Nothing was changed.", what=known(what))
    )  # fmt: skip
    todo = say("Ask somebody with the role admin: Settings, People.")
    return _problem(request, 403, say("Your role does not allow this"), told, todo)


def not_done(request: Request, what: str, why: str) -> Response:
    """The page that says that an act was not done, and why."""
    return _problem(request, 422, what, say("Nothing was changed."), why)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answers that a handler chose: not found, not allowed."""
    if not isinstance(error, HTTPException):
        raise error
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:
        headers["allow"] = methods.allowed(request.app, request.scope)
    if is_for_programs(request.url.path):
        return problem(error.status_code, str(error.detail), headers=headers)
    todo = say("Go back, or begin at the Fleet page.")
    what = _PHRASES.get(error.detail, error.detail)  # a sentence of ours stays one: no str()
    page = _problem(request, error.status_code, what, say("Nothing was changed."), todo)
    page.headers.update(headers)
    return page


async def on_bad_input(request: Request, error: Exception) -> Response:
    """A parameter that is not what it should be."""
    if not isinstance(error, RequestValidationError):
        raise error
    if is_for_programs(request.url.path):
        faults = [
            Fault(where=".".join(str(part) for part in one["loc"]), what=str(one["msg"])) for one in error.errors()
        ]
        told = "; ".join(f"{fault.where}: {fault.what}" for fault in faults[:_FAULTS_TOLD])
        return problem(422, told or "the request is not as it should be", errors=faults[:_MAX_FAULTS])
    return missing(request, say("No such page"), say("A part of the address is not what it should be."))


async def on_misuse(request: Request, error: Exception) -> Response:
    """What was asked for can't be done as it was asked; the error says what to do."""
    if not isinstance(error, MisuseError):
        raise error
    return await on_http_error(request, HTTPException(422, str(error)))


def _said_in_full(request: Request, error: Exception) -> str:
    """Have the log hold what failed and where. Returns the id by which it is found there."""
    number = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
    _log.error("web: %r failed (id %s): %s: %s at %s", request.url.path, number, type(error).__name__, error, place)
    _log.debug("web: the same with its way", exc_info=error)
    return number


def _failed(request: Request, error: Exception, number: str) -> Response:
    reason = str(error) if isinstance(error, LedgerError) else say("the host could not make this page")
    if is_for_programs(request.url.path):
        return problem(500, reason, number=number)
    still_true = say("Evidence goes on being taken in and kept.")
    todo = say(
        "Reason: %(reason)s. Load the page again; if it stays so, look into the host's log.", reason=reason
    )  # fmt: skip
    return _problem(request, 500, say("This page failed"), still_true, todo, number)


class Failures:
    """ASGI middleware: what no handler expected becomes a page and one line in the log.

    But of a ledger that is away the log tells once, and the pages name that line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._away = Trouble(_log, "web", "the pages are served again")
        self._number = ""

    def _told(self, request: Request, error: Exception) -> str:
        if not isinstance(error, LedgerError) or isinstance(error, LedgerRefused):
            return _said_in_full(request, error)
        number = secrets.token_hex(4)
        if self._away.begins(f"{request.url.path!r} failed (id {number}), as others will: {error}"):
            self._number = number
        return self._number

    async def _is_back(self, scope: Scope) -> None:
        """An answer that needed no ledger proves nothing: ask it."""
        ledger: Ledger = scope["app"].state.ledger
        with contextlib.suppress(LedgerError):
            await run_in_threadpool(ledger.judge_cursor)
            self._away.is_over()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
            if self._away.is_on and scope["type"] == "http":
                await self._is_back(scope)
        except Exception as error:
            if scope["type"] != "http":
                raise
            request = Request(scope)
            answer = _failed(request, error, self._told(request, error))
            if not started:
                await answer(scope, receive, send)
