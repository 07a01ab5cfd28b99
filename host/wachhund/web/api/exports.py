"""Whole lists as files, filtered as the page that offers them: CSV for spreadsheets, JSON for programs.

A file is made while it is sent, some hundred rows at a time, each row once (as the lists are walked). The columns of
docs/api.md are promised: their names and order stay, later ones come behind them.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from wachhund.alerts import listing as listed_incidents
from wachhund.alerts.listing import MAX_Q_CHARS
from wachhund.authorise.listing import listed as listed_authorisations
from wachhund.ledger import Ledger
from wachhund.ledger.listing import After
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api import fleet, incidents, sessions
from wachhund.web.api.asked import FleetFilters, IncidentFilters, SessionFilters
from wachhund.web.api.authorisations import AuthorisationFilters, authorisation_rows
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Authorisation, Incident, RobotRow, Session, Silence
from wachhund.web.api.silences import SilenceFilters, silence_rows
from wachhund.web.csv_text import Cell, moment, pieces
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.hops import short_path

router = APIRouter(tags=["exports"])

MAX_ROWS = 50_000  # of one file: what a spreadsheet still opens, and a minute of this host's time
_ROWS_AT_ONCE = 200

_Row = TypeVar("_Row", bound=BaseModel)
Columns = Mapping[str, Callable[[_Row], Cell]]


class As(BaseModel):
    """The kind of file."""

    format: Literal["csv", "json"] = Field(default="csv")


class FleetExported(FleetFilters, As):
    """The fleet as filtered."""


class IncidentsExported(IncidentFilters, As):
    """Incidents as filtered; or, with `tab`, as a list of the Incidents page: its tab, filter and order."""

    tab: Literal["needs-you", "acknowledged", "came-back", "closed"] | None = None
    q: str = Field(default="", max_length=MAX_Q_CHARS, description="With `tab`: level:critical -robot:go1-07")
    sort: Literal["gravest", "newest", "oldest"] | None = Field(default=None, description="With `tab`.")


class SessionsExported(SessionFilters, As):
    """Sessions as filtered."""


class AuthorisationsExported(AuthorisationFilters, As):
    """Authorisations as filtered. `tab`: as the Authorisations page's URL."""

    tab: Literal["active", "soon", "ended", "never-used"] | None = None


class SilencesExported(SilenceFilters, As):
    """Silences as filtered."""


FLEET: Columns[RobotRow] = {
    "robot": lambda row: row.name,
    "id": lambda row: row.id,
    "proof": lambda row: row.proof.word,
    "proof_since": lambda row: moment(row.proof.since_t),
    "control": lambda row: row.control.word,
    "control_since": lambda row: moment(row.control.since_t),
    "coverage": lambda row: row.coverage.word,
    "last_evidence": lambda row: moment(row.last_evidence_t),
    "agent": lambda row: row.agent,
    "open_sessions": lambda row: len(row.sessions),
    "open_incidents": lambda row: len(row.incidents),
    "gravest_incident": lambda row: row.incidents[0].title if row.incidents else None,
}
INCIDENTS: Columns[Incident] = {
    "id": lambda row: row.id,
    "robot": lambda row: row.robot,
    "level": lambda row: row.level,
    "state": lambda row: row.state,
    "title": lambda row: row.title,
    "kind": lambda row: row.kind,
    "surface": lambda row: row.surface,
    "path": lambda row: short_path(row.origin),
    "first_sign": lambda row: moment(row.first_t),
    "last_sign": lambda row: moment(row.last_t),
    "sessions": lambda row: len(row.sessions),
    "rules": lambda row: "; ".join(row.rules),
    "attack": lambda row: "; ".join(row.attack),
}
SESSIONS: Columns[Session] = {
    "id": lambda row: row.id,
    "robot": lambda row: row.robot,
    "surface": lambda row: row.surface,
    "user": lambda row: row.user,
    "carrier": lambda row: row.carrier,
    "path": lambda row: short_path(row.origin),
    "begun": lambda row: moment(row.first_t),
    "ended": lambda row: moment(row.last_t),
    "allowed": lambda row: "yes" if row.authorisation else "no" if row.incident else "unknown",
    "incident": lambda row: row.incident,
    "bytes_in": lambda row: _count(row, "bytes_in"),
    "bytes_out": lambda row: _count(row, "bytes_out"),
}
AUTHORISATIONS: Columns[Authorisation] = {
    "id": lambda row: row.id,
    "state": lambda row: row.state,
    "who": lambda row: row.who,
    "robots": lambda row: _all_or(row.robots),
    "surfaces": lambda row: _all_or(row.surfaces),
    "sources": lambda row: _all_or(row.sources),
    "carrier": lambda row: row.carrier or "any",
    "begins": lambda row: moment(row.from_t),
    "ends": lambda row: moment(row.until_t),
    "why": lambda row: row.why,
    "author": lambda row: row.author,
    "made": lambda row: moment(row.made_t),
}
SILENCES: Columns[Silence] = {
    "id": lambda row: row.id,
    "state": lambda row: row.state,
    "maintenance": lambda row: row.maintenance,
    "critical_too": lambda row: row.critical,
    "robots": lambda row: _all_or(row.robots),
    "kinds": lambda row: _all_or(row.kinds),
    "rules": lambda row: _all_or(row.rules),
    "surfaces": lambda row: _all_or(row.surfaces),
    "sources": lambda row: _all_or(row.sources),
    "begins": lambda row: moment(row.from_t),
    "ends": lambda row: moment(row.ends_t),
    "last_match": lambda row: moment(row.matched_t),
    "why": lambda row: row.why,
    "author": lambda row: row.author,
    "made": lambda row: moment(row.made_t),
    "ended_by": lambda row: row.ended_by,
    "ended_why": lambda row: row.ended_why,
}
# Every list that can be had as a file, with its columns; docs/api.md has them in this order.
EXPORTED: Mapping[str, Sequence[str]] = {
    "fleet": tuple(FLEET),
    "incidents": tuple(INCIDENTS),
    "sessions": tuple(SESSIONS),
    "authorisations": tuple(AUTHORISATIONS),
    "silences": tuple(SILENCES),
}


def _count(row: Session, name: str) -> Cell:
    value = (row.model_extra or {}).get(name)
    return value if isinstance(value, int) else None


def _all_or(names: Sequence[str] | None) -> str:
    return "all" if names is None else "; ".join(names) or "none"


def _require_bearable(count: int) -> None:
    if count > MAX_ROWS:
        raise HTTPException(422, f"{count} rows match, a file has {MAX_ROWS} at most: filter for fewer")


def _walk(ask: Callable[[After, int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    after: After = None
    while rows := ask(after, _ROWS_AT_ONCE):
        yield from rows
        after = (rows[-1]["first_t"], rows[-1]["id"])


def _json_pieces(rows: Iterable[BaseModel]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield f"{before}\n{row.model_dump_json()}"
        before = ","
    yield "\n]\n" if before == "," else "[]\n"


def _file(name: str, asked: As, columns: Columns[_Row], rows: Iterable[_Row]) -> Response:
    if asked.format == "json":
        content, media_type = _json_pieces(rows), "application/json"
    else:
        content = pieces(tuple(columns), ([read(row) for read in columns.values()] for row in rows))
        media_type = "text/csv"
    now = datetime.fromtimestamp(time.time(), UTC)
    disposition = f'attachment; filename="wachhund-{name}-{now:%Y%m%dT%H%M%SZ}.{asked.format}"'
    return StreamingResponse(content, media_type=media_type, headers={"content-disposition": disposition})


def _answers(shape: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{shape.__name__}"}}
    content = {"text/csv": {"schema": {"type": "string"}}, "application/json": {"schema": rows}}
    return {200: {"description": "The file.", "content": content}, **NOT_FOUND}


@router.get("/exports/fleet", response_class=Response, responses=_answers(RobotRow))
@needs(Right.SEE, say="the fleet as a file")
def export_fleet(request: Request, asked: Annotated[FleetExported, Query()]) -> Response:
    """The fleet as filtered, by name, as a file."""
    ledger, now = ledger_of(request), time.time()
    board: FleetBoard = request.app.state.fleet
    met, robots, _ = board.by_name(asked.q, None, MAX_ROWS, now)
    _require_bearable(robots)
    names = facts.robot_names(ledger)
    return _file("fleet", asked, FLEET, (fleet.robot_row(standing, names) for standing in met))


@router.get("/exports/incidents", response_class=Response, responses=_answers(Incident))
@needs(Right.SEE, say="incidents as a file")
def export_incidents(request: Request, asked: Annotated[IncidentsExported, Query()]) -> Response:
    """Incidents as filtered, the newest beginnings first, as a file."""
    ledger = ledger_of(request)
    if asked.tab is not None:
        return _as_the_page_lists(ledger, asked)
    if asked.q or asked.sort:
        raise HTTPException(422, "q and sort belong to a tab of the Incidents page: give tab too")
    wanted = incidents.wanted(ledger, asked)
    _require_bearable(ledger.lists.count_incidents(wanted))
    names = facts.robot_names(ledger)
    rows = _walk(lambda after, limit: ledger.lists.incidents(wanted, after, limit))
    return _file("incidents", asked, INCIDENTS, (Incident(**facts.named(row, names)) for row in rows))


def _as_the_page_lists(ledger: Ledger, asked: IncidentsExported) -> Response:
    if asked.state or asked.level or asked.robot:
        raise HTTPException(422, "with a tab, state, level and robot belong into q: level:critical robot:go1-07")
    names = facts.robot_names(ledger)
    wanted = listed_incidents.asked(asked.tab or "", asked.q, asked.sort or "")
    found, entries = listed_incidents.whole(ledger, wanted, time.time(), names, MAX_ROWS)
    _require_bearable(found)
    rows = (Incident(**facts.named(entry.row.incident, names)) for entry in entries)
    return _file("incidents", asked, INCIDENTS, rows)


@router.get("/exports/sessions", response_class=Response, responses=_answers(Session))
@needs(Right.SEE, say="the controller ledger as a file")
def export_sessions(request: Request, asked: Annotated[SessionsExported, Query()]) -> Response:
    """Sessions as filtered, the newest beginnings first, as a file."""
    ledger = ledger_of(request)
    names = facts.robot_names(ledger)
    wanted = sessions.wanted(asked, names, time.time())
    _require_bearable(ledger.session_search.count(wanted).sessions)
    rows = _walk(lambda after, limit: ledger.lists.sessions(wanted, after, limit))
    return _file("sessions", asked, SESSIONS, (Session(**facts.named(row, names)) for row in rows))


@router.get("/exports/authorisations", response_class=Response, responses=_answers(Authorisation))
@needs(Right.SEE, say="authorisations as a file")
def export_authorisations(request: Request, asked: Annotated[AuthorisationsExported, Query()]) -> Response:
    """Authorisations as filtered, the newest first, as a file."""
    ledger, now = ledger_of(request), time.time()
    rows = authorisation_rows(ledger, asked, now)
    if asked.tab is not None:
        there = {each.one.id for each in listed_authorisations(ledger, now) if each.is_in(asked.tab, now)}
        rows = [row for row in rows if row.id in there]
    _require_bearable(len(rows))
    return _file("authorisations", asked, AUTHORISATIONS, rows)


@router.get("/exports/silences", response_class=Response, responses=_answers(Silence))
@needs(Right.SEE, say="silences as a file")
def export_silences(request: Request, asked: Annotated[SilencesExported, Query()]) -> Response:
    """Silences and maintenance as filtered, the newest first, as a file."""
    rows = silence_rows(ledger_of(request), asked, time.time())
    _require_bearable(len(rows))
    return _file("silences", asked, SILENCES, rows)
