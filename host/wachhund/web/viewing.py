"""For whom a page is made: in which language and time zone. Chosen once a request, at the door, and read where words
and times are put on a page; programs get English and UTC, whatever is set for the person.

It is kept in a context variable: it goes along with the request into every thread that works for it, and no function
that puts a sentence together has to hand it on.
"""

import zoneinfo
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cache, lru_cache

from fastapi import Request

from wachhund.web.languages import ENGLISH, LANGUAGES, Language, asked_for

ZONE_COOKIE = "wachhund_zone"  # what the browser's script says of itself: static/zone.js


@dataclass(frozen=True)
class Viewer:
    """How pages are told to somebody. `zone_name`: as the zone database has it."""

    language: Language = ENGLISH
    zone: tzinfo = UTC
    zone_name: str = "UTC"

    @property
    def key(self) -> str:
        """The same for all to whom a page is told in the same words."""
        return f"{self.language.tag} {self.zone_name}"


_PROGRAM = Viewer()
_viewer: ContextVar[Viewer | None] = ContextVar("viewer", default=None)


def viewer() -> Viewer:
    """For whom this request's page is made; outside of a request: English, UTC."""
    return _viewer.get() or _PROGRAM


def look_as(one: Viewer) -> None:
    """From here on, in this request, pages are made for them."""
    _viewer.set(one)


@cache
def zone_names() -> frozenset[str]:
    """All zones that this machine knows."""
    return frozenset(zoneinfo.available_timezones())


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo | None:
    """The zone of that name; None when there is none. The name comes from anybody: it is only looked up."""
    if name == "UTC" or name not in zone_names():
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def viewer_of(request: Request, language: str = "", zone: str = "") -> Viewer:
    """`language`, `zone`: the person's settings, empty for none: then the browser says."""
    spoken = LANGUAGES.get(language) or asked_for(request.headers.get("accept-language", ""))
    name = zone or request.cookies.get(ZONE_COOKIE, "").replace("%2F", "/")
    found = zone_of(name)
    return Viewer(spoken) if found is None else Viewer(spoken, found, name)
