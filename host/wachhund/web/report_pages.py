"""Reports: what was a robot's state in a span, with proof, for a reader who never saw Wachhund?

A report is handed out as a file, never shown inside a page: its own styles are no exception to our policy.
"""

import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.inspection.comparing import Difference, compare
from wachhund.inspection.printing import print_report
from wachhund.inspection.report_page import write_page
from wachhund.inspection.sealed_report import open_sealed
from wachhund.keeping.moments import parse_moment, shown
from wachhund.ledger import Ledger
from wachhund.ledger.reports import IssuedReport
from wachhund.people.roles import Right
from wachhund.reports.making import Reports
from wachhund.web.acting import asker, needs, require
from wachhund.web.facts import robot_names
from wachhund.web.failures import missing, not_done
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)

ROWS_A_PAGE = 50
_DAY_S = 86_400.0
# A report's page is a file to keep: as one of ours it would be under our address, and look like one of our pages.
MEDIA_TYPES = {"html": "application/octet-stream", "pdf": "application/pdf", "json": "application/json"}


@dataclass(frozen=True)
class Row:
    """A report in the list. `robot`: its name; `has_earlier`: whether there is one before it of the same robot."""

    report: IssuedReport
    robot: str
    has_earlier: bool


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def reports_of(request: Request) -> Reports | None:
    """What makes reports; None where this host makes them by command only."""
    made: Reports | None = request.app.state.reports
    return made


def in_form(sealed: bytes, form: str) -> bytes:
    """A signed report as html, pdf or json."""
    if form == "json":
        return sealed
    return write_page(sealed) if form == "html" else print_report(sealed)


def handed_out(report: IssuedReport, sealed: bytes, form: str) -> Response:
    """A report as a file to keep."""
    headers = {"content-disposition": f'attachment; filename="wachhund-report-{report.id}.{form}"'}
    return Response(in_form(sealed, form), media_type=MEDIA_TYPES[form], headers=headers)


@router.get("/reports")
@needs(Right.SEE, say="reports")
def reports(request: Request, robot: str = "", page: int = 1) -> Response:
    """The list, the newest first, and the form that makes one."""
    ledger = _ledger(request)
    found = ledger.robot_by_name(robot) if robot else None
    if robot and found is None:
        return missing(request, say("No such robot here"), say("The Fleet page lists all that there are."))
    only = None if found is None else found.id
    count, _ = ledger.reports.page(0, 0, only)
    pages = max(1, -(-count // ROWS_A_PAGE))
    page = max(1, min(page, pages))
    _, listed = ledger.reports.page(ROWS_A_PAGE, (page - 1) * ROWS_A_PAGE, only)
    names = robot_names(ledger)
    rows = [Row(one, names.get(one.robot, one.robot), ledger.reports.one_before(one) is not None) for one in listed]
    now = time.time()
    return render(
        request, "reports.html", now=now, rows=rows, robot=robot, page=page, pages=pages, count=count,
        makes=reports_of(request) is not None, from_t=shown(now - _DAY_S), to_t=shown(now),
    )  # fmt: skip


@router.post("/reports")
@needs(Right.EXPORT, robot="robot", say="make a report of a robot")
def make(
    request: Request, robot: Annotated[str, Form()], from_t: Annotated[str, Form()], to_t: Annotated[str, Form()],
    challenge: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Make one, and go to the list."""
    found, makes = _ledger(request).robot_by_name(robot.strip()), reports_of(request)
    if found is None or makes is None:
        return missing(request, say("No such robot here"), say("The Fleet page lists all that there are."))
    try:
        span = parse_moment(from_t.strip(), "from"), parse_moment(to_t.strip(), "to")
        makes.make(found.id, *span, asker(request).who, challenge.strip() or None)
    except MisuseError as error:
        return not_done(request, say("No report was made"), str(error))
    return RedirectResponse("/reports", status_code=303)


@router.get("/reports/{report}/changes")
@needs(Right.SEE, say="what changed between two reports")
def changes(request: Request, report: str, since: str = "") -> Response:
    """What changed since another one; without `since`, since the one before it of the same robot."""
    ledger = _ledger(request)
    after = ledger.reports.find(report)
    earlier = None if after is None else since or ledger.reports.one_before(after[0])
    before = None if earlier is None else ledger.reports.find(earlier)
    if after is None or (since and before is None):
        return missing(request, say("No such report"), say("The Reports page lists all that there are."))
    found = None if before is None else compare(open_sealed(before[1]).report, open_sealed(after[1]).report)
    names = robot_names(ledger)
    both = [] if before is None else [(one[0], names.get(one[0].robot, one[0].robot)) for one in (before, after)]
    return render(
        request, "reports_compared.html", both=both, found=found, changes=[] if found is None else _changes(found)
    )


def _changes(found: Difference) -> list[tuple[str, dict[str, Any]]]:
    """A word for each finding that differs, and the finding as it is in the later report that has it."""
    return [
        *((say("new"), one) for one in found.came), *((say("gone"), one) for one in found.went),
        *((say("changed"), new) for _, new in found.changed),
    ]  # fmt: skip


@router.get("/reports/{report}/{form}")
@needs(Right.EXPORT, inside=True, say="take a report away as a file")
def take(request: Request, report: str, form: str) -> Response:
    """The signed report itself (json), its page (html) or its print (pdf)."""
    held = _ledger(request).reports.find(report)
    if held is None or form not in MEDIA_TYPES:
        return missing(request, say("No such report"), say("The Reports page lists all that there are."))
    require(request, Right.EXPORT, robot_names(_ledger(request)).get(held[0].robot))
    return handed_out(*held, form)


@router.post("/reports/{report}/remove")
@needs(Right.ADMINISTER, say="remove a report")
def remove(request: Request, report: str, why: Annotated[str, Form()] = "") -> Response:
    """Take one away. It stays on record that there was one, whose it was and why it went."""
    if not why.strip():
        return not_done(request, say("Nothing was removed"), say("Say why: it stays on record."))
    if not _ledger(request).reports.remove(report, by=asker(request).who, why=why.strip()[:500], t=time.time()):
        return missing(request, say("No such report"), say("The Reports page lists all that there are."))
    return RedirectResponse("/reports", status_code=303)
