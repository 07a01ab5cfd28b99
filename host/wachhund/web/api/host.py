"""Who asks, and the host's clock."""

import time

from fastapi import APIRouter, Request

from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.api.shapes import Me

router = APIRouter(tags=["host"])


@router.get("/me")
@needs(Right.SEE, say="who asks")
def me(request: Request) -> Me:
    """Who is logged in, and the host's clock."""
    return Me(operator=request.state.operator, t=time.time())
