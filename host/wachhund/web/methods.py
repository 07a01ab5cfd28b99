"""Which methods a path takes: the Allow header of a 405 (RFC 9110, 15.5.6) has to name all of them.

A router knows only the route that it met first; another one may take the same path by another method. Where a route is
written as just this path (`/silences/preview`), one that takes it for a name (`/silences/{identity}`) does not count.
"""

from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Scope

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def allowed(app: Starlette, scope: Scope) -> str:
    """The methods of that path, for the header."""
    exact = [found.methods or () for found in iter_route_contexts(app.routes) if found.path == scope["path"]]
    written = {method for methods in exact for method in methods}
    return ", ".join(method for method in METHODS if method in written or (not written and _takes(app, scope, method)))


def _takes(app: Starlette, scope: Scope, method: str) -> bool:
    return any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.routes)
