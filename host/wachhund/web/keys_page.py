"""Which keys this host has, by name: what robots pin, what came before, and what wins robots back after a theft."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.failures import missing
from wachhund.web.paper import render
from wachhund.web.said import say

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Keys:
    """Names (RFC 7638) and no key. `host`: signs receipts. `recovery`: may sign a new host key; None: there is none.

    `earlier`: of host keys before it, the newest first, each with the name of what signed its successor. `release`:
    whose packs of rules count, beside the host's own.
    """

    host: str
    recovery: str | None
    earlier: Sequence[tuple[str, str]]
    release: Sequence[str]


@router.get("/settings/keys")
@needs(Right.SEE, say="the names of this host's keys")
def keys(request: Request) -> Response:
    """By which key is this host known, and what if it is stolen?"""
    about: Callable[[], Keys] | None = request.app.state.about_keys
    if about is None:
        return missing(request, say("This host tells its keys by command only"), "`wachhund host-key show`")
    return render(request, "settings_keys.html", keys=about())
