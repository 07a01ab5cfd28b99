"""The log of people's acts: who did what, when and why; searched, paged, as CSV; and whether its chain holds."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from wachhund.keeping.moments import parse_moment, shown
from wachhund.ledger import Ledger
from wachhund.ledger.acts import Act, Search
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.paper import render
from wachhund_evidence import MisuseError

router = APIRouter(prefix="/settings/acts", include_in_schema=False)

ROWS_A_PAGE = 100
_MAX_PAGE = 100_000
_MAX_QUERY_CHARACTERS = 200
_CHUNK = 500  # acts that are read at once for CSV: no reader holds the ledger for as long as somebody's download takes
_COLUMNS = ("number", "t", "who", "act", "subject", "robot", "why", "detail", "hash")


def _search(request: Request) -> tuple[Search, dict[str, str]]:
    """What the address asks for, and the same as its form is filled. Raises MisuseError for a time that is none."""
    said = {name: request.query_params.get(name, "")[:_MAX_QUERY_CHARACTERS] for name in ("q", "who", "from", "to")}
    wanted = Search(
        tuple(said["q"].split()), said["who"].strip() or None, None,
        parse_moment(said["from"].strip(), "from") if said["from"].strip() else None,
        parse_moment(said["to"].strip(), "to") if said["to"].strip() else None,
    )  # fmt: skip
    return wanted, said


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


@router.get("")
@needs(Right.AUDIT, say="the log of people's acts")
def acts(request: Request, page: int = 1) -> Response:
    """The newest first."""
    ledger, problem = _ledger(request), ""
    page = max(1, min(page, _MAX_PAGE))
    said = {name: request.query_params.get(name, "")[:_MAX_QUERY_CHARACTERS] for name in ("q", "who", "from", "to")}
    try:
        wanted, _ = _search(request)
        total, found = ledger.log.find(wanted, ROWS_A_PAGE, (page - 1) * ROWS_A_PAGE)
    except MisuseError as error:
        total, found, problem = 0, [], str(error)
    robots = {robot.id: robot.name for robot in ledger.robots()}
    pages = max(1, -(-total // ROWS_A_PAGE))
    return render(
        request, "acts.html", now=time.time(), status=422 if problem else 200, acts=found, total=total, page=page,
        pages=pages, said=said, problem=problem, robots=robots, broken=ledger.log.first_broken(),
        query=urlencode({name: value for name, value in said.items() if value}),
    )  # fmt: skip


@router.get("/csv")
@needs(Right.AUDIT, say="the same as CSV")
def as_csv(request: Request) -> Response:
    """All that the filter finds, the oldest first. That somebody took it away is an act as well."""
    return _taken_away(request, "csv", "text/csv; charset=utf-8", _lines)


@router.get("/json")
@needs(Right.AUDIT, say="the same as JSON")
def as_json(request: Request) -> Response:
    """The same for programs: texts as they are."""
    return _taken_away(request, "json", "application/json", _json_pieces)


def _taken_away(
    request: Request, ending: str, media_type: str, written: Callable[[Ledger, Search], Iterator[str]]
) -> Response:
    ledger = _ledger(request)
    try:
        wanted, said = _search(request)
    except MisuseError as error:
        return Response(f"{error}\n", status_code=422, media_type="text/plain")
    ledger.log.record(t=time.time(), who=asker(request).who, act="acts export", detail=said)
    name = f"wachhund-acts-{shown(time.time())[:10]}.{ending}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(written(ledger, wanted), media_type=media_type, headers=headers)


def _lines(ledger: Ledger, wanted: Search) -> Iterator[str]:
    yield _line(_COLUMNS)
    for found in _in_parts(ledger, wanted):
        yield "".join(_line(_cells(act)) for act in found)


def _json_pieces(ledger: Ledger, wanted: Search) -> Iterator[str]:
    before = "["
    for found in _in_parts(ledger, wanted):
        for act in found:
            yield f"{before}\n{json.dumps({name: getattr(act, name) for name in _COLUMNS}, sort_keys=True)}"
            before = ","
    yield "\n]\n" if before == "," else "[]\n"


def _in_parts(ledger: Ledger, wanted: Search) -> Iterator[Sequence[Act]]:
    beyond, last = 0, ledger.log.last_number()
    while beyond < last:
        found = ledger.log.after(wanted, beyond, last, _CHUNK)
        if not found:
            return
        yield found
        beyond = found[-1].number


def _cells(act: Act) -> tuple[object, ...]:
    return tuple(
        json.dumps(act.detail, sort_keys=True) if name == "detail" else getattr(act, name) for name in _COLUMNS
    )


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_defused(str(cell)) for cell in cells])
    return out.getvalue()


def _defused(cell: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
