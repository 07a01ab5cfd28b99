"""What every answer carries and every request must show, before any page runs.

Against other sites: Host is checked (DNS rebinding points a foreign name at us; an address is nobody's name), and a
request that changes something must come from our own origin (CSRF). Against injected text: a content security policy
that allows nothing but files of our own, without exception, and no script to make an element or code from text
(Trusted Types: `innerHTML` and its like throw; static/trusted.js names the one address of code that may be given).

What a POST form of ours must do: be a plain `<form method="post" action="/path of ours">` of a page of ours, nothing
else. The browser then sends our own Origin by itself, so there is no token to carry. Its fields together stay below
MAX_BODY_BYTES; its route has its row (acting.needs), answers 303 to a page that shows the result, and on bad input the
same page with what was typed kept. Programs send no Origin: they show a token, never the cookie of a login.
"""

import ipaddress
from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wachhund.web.problems import is_for_programs, problem

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'; require-trusted-types-for 'script'; trusted-types default",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # stricter makes browsers send `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
}
# Larger than any form of ours: a name, a password, a code.
MAX_BODY_BYTES = 16 * 1024
# But for what takes a file, a list of 500 names or a rule: its path, and how much.
LARGER_BODIES: Mapping[str, int] = {
    "/verify": 64 * 1024 * 1024 + MAX_BODY_BYTES,
    **dict.fromkeys(("/enrol", "/api/v1/enrolments"), 64 * 1024),
    **dict.fromkeys(("/hunt", "/api/v1/hunts"), 128 * 1024),
}
_SAFE_METHODS = frozenset({"GET", "HEAD"})


def _host_name(authority: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.rpartition(":")[0].lower() if ":" in authority else authority.lower()


def is_our_host(authority: str, names: frozenset[str]) -> bool:
    """Whether a Host header may be answered: an address, `localhost`, or a name that we were told to listen as."""
    name = _host_name(authority)
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_our_origin(headers: Headers, origins: frozenset[str] = frozenset()) -> bool:
    """Whether a changing request comes from a page of ours. Programs that are no browsers send neither header.

    `origins`: of our pages behind a proxy, which may name another host to us.
    """
    origin = headers.get("origin")
    if origin is not None:
        return origin in origins or origin.partition("://")[2] == headers.get("host", "")
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


class Guard:
    """ASGI middleware: refuses foreign hosts and origins, bounds bodies, adds the security headers."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not is_our_host(headers.get("host", ""), self._names):
            text = "This host does not answer to that name. Use its address, or start it with --pages-at URL."
            return _refused(scope, 421, text)
        if scope["method"] in _SAFE_METHODS:
            return None
        if not is_our_origin(headers, self._origins):
            return _refused(scope, 403, "Another site sent this request: refused, nothing changed.")
        length = headers.get("content-length")
        if length is None:
            # Without either header there is no body (RFC 9112, 6.3).
            coded = "transfer-encoding" in headers
            return _refused(scope, 411, "The request's body has no length: send Content-Length.") if coded else None
        most = LARGER_BODIES.get(scope["path"], MAX_BODY_BYTES)
        if not length.isdecimal() or int(length) > most:
            return _refused(scope, 413, f"The request's body is larger than {most} bytes.")
        return None


def _refused(scope: Scope, status: int, text: str) -> Response:
    if is_for_programs(scope["path"]):
        return problem(status, text)
    return PlainTextResponse(f"{text}\n", status_code=status)
