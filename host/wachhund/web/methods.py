"""Which methods a path takes: the Allow header of a 405 (RFC 9110, 15.5.6) has to name all of them.

A router knows only the route that it met first; another one may take the same path by another method.
"""

from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Scope

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def allowed(app: Starlette, scope: Scope) -> str:
    """The methods of that path, for the header."""
    return ", ".join(method for method in METHODS if _takes(app, {**scope, "method": method}))


def _takes(app: Starlette, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.routes)
