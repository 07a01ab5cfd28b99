"""What can be set, and who may: the way to each page of settings."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.paper import render

router = APIRouter(include_in_schema=False)


@router.get("/settings")
@needs(Right.OWN, say="the pages of settings")
def settings(request: Request) -> Response:
    """Those that whoever asks may open."""
    return render(request, "settings.html")
