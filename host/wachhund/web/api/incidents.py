"""Incidents: in parts, one, and one as a document for people or in the words of other systems."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from wachhund import __version__
from wachhund.alerts.incident_record import incident_record
from wachhund.exports.markdown import markdown
from wachhund.exports.ocsf import detection_finding
from wachhund.exports.pdf import pdf
from wachhund.exports.record import Record
from wachhund.exports.stix import bundle
from wachhund.ledger import Ledger
from wachhund.ledger.listing import IncidentsWanted
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import Identity, IncidentFilters, IncidentsAsked
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import NOT_FOUND, ledger_of, robot_of
from wachhund.web.api.shapes import Incident, IncidentsPart
from wachhund.web.incident_view import STATES

router = APIRouter(tags=["incidents"])


def wanted(ledger: Ledger, asked: IncidentFilters) -> IncidentsWanted:
    """The filters as the ledger has them. Raises 404 for a robot that is not there."""
    robot = None if asked.robot is None else robot_of(ledger, asked.robot).id
    return IncidentsWanted(robot=robot, state=asked.state, level=asked.level)


@router.get("/incidents", responses=NOT_FOUND)
@needs(Right.SEE, say="incidents")
def incidents(request: Request, asked: Annotated[IncidentsAsked, Query()]) -> IncidentsPart:
    """A part of the incidents, the newest beginnings first. 404: there is no such robot."""
    ledger = ledger_of(request)
    rows = ledger.lists.incidents(wanted(ledger, asked), place(asked, asked.cursor), asked.limit + 1)
    shown, names = rows[: asked.limit], facts.robot_names(ledger)
    counted = ledger.incident_counts()
    return IncidentsPart(
        t=time.time(),
        counts={state: sum(count for (of, _), count in counted.items() if of == state) for state in STATES},
        items=[Incident(**facts.named(one, names)) for one in shown],
        next=cursor(asked, Place(shown[-1]["first_t"], shown[-1]["id"])) if len(rows) > asked.limit else None,
    )


def _incident(request: Request, identity: str) -> dict[str, Any]:
    ledger = ledger_of(request)
    found = ledger.incident(identity)
    if found is None:
        raise HTTPException(404, "no incident of that id")
    return facts.named(found, facts.robot_names(ledger))


@router.get("/incidents/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="an incident")
def incident(request: Request, identity: Identity) -> Incident:
    """One incident."""
    return Incident(**_incident(request, identity))


@router.get("/incidents/{identity}/ocsf", responses=NOT_FOUND)
@needs(Right.SEE, say="an incident as OCSF")
def as_ocsf(request: Request, identity: Identity) -> JSONResponse:
    """One incident as a Detection Finding of OCSF 1.6, for a SIEM."""
    found = _incident(request, identity)
    return JSONResponse(detection_finding(found, str(found.get("robot")), __version__))


@router.get("/incidents/{identity}/stix", responses=NOT_FOUND)
@needs(Right.SEE, say="an incident as STIX")
def as_stix(request: Request, identity: Identity) -> JSONResponse:
    """One incident as a STIX 2.1 bundle, to hand on to others."""
    found = _incident(request, identity)
    return JSONResponse(bundle(found, str(found.get("robot"))))


def _document(media_type: str) -> dict[int | str, dict[str, Any]]:
    shape = {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}
    return {200: {"description": "The document.", "content": {media_type: {"schema": shape}}}, **NOT_FOUND}


def _record(request: Request, identity: str) -> Record:
    return incident_record(ledger_of(request), _incident(request, identity), time.time())


def _as_file(identity: str, ending: str, media_type: str, content: bytes | str) -> Response:
    # The id stands in the path as somebody typed it, and was found: it is ours, letters and digits.
    name = "".join(char for char in identity if char.isascii() and char.isalnum())
    disposition = f'attachment; filename="wachhund-incident-{name}.{ending}"'
    return Response(content, media_type=media_type, headers={"content-disposition": disposition})


@router.get("/incidents/{identity}/markdown", response_class=Response, responses=_document("text/markdown"))
@needs(Right.SEE, say="an incident as Markdown")
def as_markdown(request: Request, identity: Identity) -> Response:
    """One incident as its page shows it, as Markdown: for a ticket. Texts of robots stand in code spans."""
    return _as_file(identity, "md", "text/markdown", markdown(_record(request, identity)))


@router.get("/incidents/{identity}/pdf", response_class=Response, responses=_document("application/pdf"))
@needs(Right.SEE, say="an incident as PDF")
def as_pdf(request: Request, identity: Identity) -> Response:
    """One incident as its page shows it, as PDF (A4): to print, to file, to hand on."""
    return _as_file(identity, "pdf", "application/pdf", pdf(_record(request, identity)))
