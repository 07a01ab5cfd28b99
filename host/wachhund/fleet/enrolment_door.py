"""The door for robots that enrol: one request by HTTPS, bounded in size and number; `enrolling` answers it."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wachhund.fleet.authority import Authority
from wachhund.fleet.enrolling import MAX_REQUEST_BYTES, Enrolment
from wachhund.ledger import Ledger, LedgerError, Rejection
from wachhund_evidence import WachhundError

log = logging.getLogger("wachhund.enrolment")

PATH = "/enrol"
_A_SECOND, _AT_ONCE = 5.0, 50.0  # an honest robot asks once in its life
_STARTED_SECONDS = 10.0
_LAST_WORDS_SECONDS = 3
_CONNECTIONS = 64
_BODY_SECONDS = 10.0


class EnrolmentDoor:
    """Start once, stop once; it serves in a thread of its own. `answer`: from a request's bytes to what is said."""

    def __init__(
        self, listener: socket.socket, authority: Authority, ledger: Ledger, answer: Callable[[bytes], Enrolment]
    ) -> None:
        self._listener, self._ledger, self._answer = listener, ledger, answer
        self._left, self._then = _AT_ONCE, time.monotonic()
        app = Starlette(routes=[Route(PATH, self._enrol, methods=["POST"])])
        settings = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, date_header=False, lifespan="off",
            limit_concurrency=_CONNECTIONS, timeout_keep_alive=2, timeout_graceful_shutdown=_LAST_WORDS_SECONDS,
            ssl_certfile=str(authority.door_certificate_path), ssl_keyfile=str(authority.door_key_path),
        )  # fmt: skip
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._serve, name="enrolment", daemon=True)

    def start(self) -> None:
        """Returns when robots can knock. Raises WachhundError."""
        self._thread.start()
        until = time.monotonic() + _STARTED_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise WachhundError("enrolment: the door does not open: look at the host's log")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the thread. What is being answered is answered."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()

    def _serve(self) -> None:
        self._server.run(sockets=[self._listener])

    async def _enrol(self, request: Request) -> Response:
        if not self._may():
            self._count("quota", "more requests than robots can make")
            return _said(429, b'{"error":"too many requests at once: try again in a minute"}')
        body = b""
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in request.stream():
                    body += piece
                    if len(body) > MAX_REQUEST_BYTES:
                        self._count("oversize", f"more than {MAX_REQUEST_BYTES} bytes")
                        return _said(413, b'{"error":"not a request to enrol (oversize)"}')
        except TimeoutError:
            return _said(408, b'{"error":"the request came too slowly: try again"}')
        try:
            made = await run_in_threadpool(self._answer, body)
        except WachhundError as error:
            log.error("enrolment: %s", error)
            return _said(503, b'{"error":"the host cannot keep it now: try again later"}')
        if made.reason is not None:
            await run_in_threadpool(self._count, made.reason, made.detail)
        return _said(made.status, made.body)

    def _may(self) -> bool:
        now = time.monotonic()
        self._left = min(_AT_ONCE, self._left + (now - self._then) * _A_SECOND)
        self._then = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def _count(self, reason: str, detail: str) -> None:
        now = time.time()
        with suppress(LedgerError):
            self._ledger.add_rejections([Rejection("", f"enrol-{reason}", 1, now, now, detail[:200])])


def _said(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")
