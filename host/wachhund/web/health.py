"""Is this host well? For whoever restarts it or routes to it, without a login: yes or no, and nothing else.

What is not well stands on every page and in /metrics; a stranger learns only that something is.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from wachhund.ledger import Ledger, LedgerError
from wachhund.people.roles import Right
from wachhund.web.acting import needs

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
@needs(Right.ANYBODY, say="whether the host is well")
def healthz(request: Request) -> Response:
    """200 while ledger, broker, intake, judge and keeper are well; of `wachhund web` ledger and pages; else 503."""
    ledger: Ledger = request.app.state.ledger
    well = not any(request.app.state.own_faults()) and _answers(ledger)
    return JSONResponse({"well": well}, status_code=200 if well else 503)


def _answers(ledger: Ledger) -> bool:
    try:
        ledger.judge_cursor()
    except LedgerError:
        return False
    return True
