"""/api/v1 put together, and what every answer of it has in common."""

from typing import Any

from fastapi import APIRouter

from wachhund.web.api import (
    acts,
    authorisations,
    bundles,
    campaigns,
    enrolments,
    events,
    evidence,
    exports,
    fleet,
    host,
    hunts,
    incident_acts,
    incidents,
    keeping,
    labels,
    reports,
    robots,
    sessions,
    silences,
)
from wachhund.web.problems import MEDIA_TYPE, Problem

_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}


# Of every path. What only some answer (404) stands with them.
COMMON: dict[int | str, dict[str, Any]] = {
    400: _problem("The body is no text in UTF-8."),
    401: _problem("Nobody is logged in."),
    403: _problem("Another site sent this request, or it may not be done by who asks."),
    405: _problem("The path takes other methods: the Allow header names them."),
    411: _problem("A body without its length."),
    413: _problem("The body is too large."),
    421: _problem("The host does not answer to that name."),
    422: _problem("A part of the request is not as it should be: `errors` names each."),
    500: _problem("The host failed; `id` stands in its log."),
    503: _problem("Not now: the ledger or what is asked for is busy."),
}

router = APIRouter(prefix="/api/v1", responses=COMMON)
for part in (
    *(host, fleet, robots, incidents, incident_acts, campaigns, sessions, authorisations, silences),
    *(evidence, bundles, reports, keeping, hunts, labels, enrolments, acts, exports, events),
):
    router.include_router(part.router)

__all__ = ["COMMON", "Problem", "router"]
