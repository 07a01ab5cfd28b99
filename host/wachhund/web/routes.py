"""Every route of the application with its row: for the wall before them, for docs/roles.md, and for its test."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path

from wachhund.people.roles import Right
from wachhund.web.acting import Needs, row_of


@dataclass(frozen=True)
class AppRoute:
    """`needs`: its row; None when it has none. `is_checked`: whether `acting.enforce` runs before it."""

    method: str
    path: str
    needs: Needs | None
    is_checked: bool


def every_route(app: FastAPI) -> Iterator[AppRoute]:
    """All routes, also of included routers. What is mounted (the pages' files) has no methods, and comes as `*`."""
    for found in iter_route_contexts(app.routes):
        is_checked = isinstance(found.original_route, APIRoute)
        for method in sorted((found.methods or {"*"}) - {"HEAD"}):
            yield AppRoute(method, found.path or "", row_of(found.endpoint), is_checked)


class OpenPaths:
    """The paths that anybody may ask."""

    def __init__(self, app: FastAPI) -> None:
        rows = [(route.path, route.needs) for route in every_route(app)]
        opened = {path for path, row in rows if row is not None and row.right is Right.ANYBODY}
        self._patterns = [compile_path(path)[0] for path in sorted(opened)]

    def __contains__(self, path: str) -> bool:
        return any(pattern.match(path) for pattern in self._patterns)
