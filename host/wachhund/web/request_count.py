"""How many requests were answered, how, and how long it took: by route, never by path, which a stranger chooses."""

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.01, 0.05, 0.25, 1.0, 5.0)
_NO_ROUTE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestCount:
    """ASGI middleware. `registry`: where its metrics are kept."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._answered = Counter(
            "wachhund_http_requests", "Requests that were answered, by route and status.",
            ("method", "route", "status"), registry=registry,
        )  # fmt: skip
        self._took = Histogram(
            "wachhund_http_seconds", "Time until an answer began, in seconds.", registry=registry, buckets=_SECONDS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._answered.labels(method, route_of(scope), str(message["status"])).inc()
                self._took.observe(time.monotonic() - begun)
            await send(message)

        await self._app(scope, receive, counted)


def route_of(scope: Scope) -> str:
    """The template of the route that answers, such as /incidents/{identity}."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else _NO_ROUTE
