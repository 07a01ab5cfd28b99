"""Which methods a path takes: the Allow header of a 405 (RFC 9110, 15.5.6) has to name all of them.

A router knows only the route that it met first; another one may take the same path by another method. Where a route is
written as just this path (`/silences/preview`), one that takes it for a name (`/silences/{identity}`) does not count.
"""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def allowed(app: Starlette, scope: Scope) -> str:
    """The methods of that path, for the header."""
    written = [route for route in app.routes if getattr(route, "path", None) == scope["path"]]
    routes = written or app.routes
    return ", ".join(method for method in METHODS if _takes(routes, {**scope, "method": method}))


def _takes(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in routes)
