"""Every page that the application has, as an address: read from its routes, so that none is forgotten.

What a route leaves open is filled in from the stage. A route that answers no page (a download, a picture, a stream) is
told by its content type when it is asked; programs' addresses are another test's.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

NOT_FOR_PEOPLE = (
    "/api", "/live", "/static", "/metrics", "/healthz", "/streams", "/docs/oauth2-redirect",
    "/login/single-sign-on",  # leads to another site
)  # fmt: skip
# What stands for an open part of an address, by the folder before it and its name, or by its name alone.
FILLED_IN = {
    "sessions/identity": "s1",
    "name": "go1-07",
    "identity": "i1",
    "seq": "1",
    "person": "admin",
    "authorisation": "a1",
    "step": "1",
    "kind": "good",
    "form": "json",
}


def _flat(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, route) of each, those of included routers among them: FastAPI keeps these as they were written."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _flat(included.routes, prefix + route.include_context.prefix)
        else:
            yield prefix + str(getattr(route, "path", "")), route


def routes_of(guard: Any) -> list[str]:
    """The paths, with their open parts, that people can open."""
    found = {
        path
        for path, route in _flat(guard._app.routes)
        if "GET" in (getattr(route, "methods", None) or ()) and not path.startswith(NOT_FOR_PEOPLE)
    }
    return sorted(found)


def address_of(route: str, **known: str) -> str:
    """The address that a route is opened by. KeyError names a part that nobody filled in."""
    there = {**FILLED_IN, **known}

    def fill(part: "re.Match[str]") -> str:
        folder = route[: part.start()].rstrip("/").rpartition("/")[2]
        return there.get(f"{folder}/{part[1]}") or there[part[1]]

    return re.sub(r"\{(\w+)(?::\w+)?\}", fill, route)
