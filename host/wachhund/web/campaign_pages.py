"""The pages of campaigns: who was on many robots at a time, on which, and what each robot tells of it."""

import time

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.campaign_view import ROWS_A_PAGE, sentence, shown
from wachhund.web.failures import missing
from wachhund.web.live_pages import MAX_PAGE
from wachhund.web.paper import render
from wachhund.web.said import say

router = APIRouter(include_in_schema=False)


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


@router.get("/campaigns")
@needs(Right.SEE, say="campaigns")
def campaigns(request: Request, page: int = 1) -> Response:
    """Who was on many robots at a time, and nobody had allowed it? The newest first."""
    page = max(1, min(page, MAX_PAGE))
    count, found = _ledger(request).campaigns.page(ROWS_A_PAGE, (page - 1) * ROWS_A_PAGE)
    return render(
        request, "campaigns.html", now=time.time(), count=count, page=page, pages=max(1, -(-count // ROWS_A_PAGE)),
        rows=[(one, sentence(one)) for one in found],
    )  # fmt: skip


@router.get("/campaigns/{identity}")
@needs(Right.SEE, say="a campaign")
def campaign(request: Request, identity: str) -> Response:
    """On which robots, since when, and what to do?"""
    now = time.time()
    view = shown(_ledger(request), identity, now)
    if view is None:
        told = say("Its sessions were allowed afterwards, or are kept no longer. The list has all that there are.")
        return missing(request, say("No campaign of that name"), told)
    if view.campaign["id"] != identity:  # what came late moved its beginning, and with it its name
        return RedirectResponse(f"/campaigns/{view.campaign['id']}", status_code=303)
    return render(request, "campaign.html", live=view.live, now=now, view=view)
