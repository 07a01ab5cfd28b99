"""Pages, and whatever else is only asked for, may be read from a standby of the ledger's server."""

from starlette.types import ASGIApp, Receive, Scope, Send

from wachhund.ledger.reading_elsewhere import may_read_a_replica

_ASKS = frozenset({"GET", "HEAD"})


class ReadsElsewhere:
    """ASGI middleware, inside the wall of the login: who somebody is, is asked of the primary."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _ASKS:
            with may_read_a_replica():
                await self._app(scope, receive, send)
            return
        await self._app(scope, receive, send)
