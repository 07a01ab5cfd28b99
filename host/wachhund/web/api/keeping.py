"""How long evidence is kept."""

from dataclasses import asdict

from fastapi import APIRouter, Request

from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.api.missing import ledger_of
from wachhund.web.api.shapes import Keeping
from wachhund.web.keeping_view import keeping_view

router = APIRouter(tags=["evidence"])


@router.get("/keeping")
@needs(Right.SEE, say="how long evidence is kept")
def keeping(request: Request) -> Keeping:
    """How long evidence is kept, the ledger's room, what is held, and what was forgotten by whom and why."""
    return Keeping(**asdict(keeping_view(ledger_of(request), request.app.state.keeping)))
