"""What every room of the API says when a thing is not there, and how a robot is found by name or id."""

from typing import Any

from fastapi import HTTPException, Request

from wachhund.ledger import Ledger, Robot
from wachhund.web.problems import MEDIA_TYPE
from wachhund_evidence import MisuseError

# For the routes that may say so.
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {
        "description": "There is no such thing.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def ledger_of(request: Request) -> Ledger:
    """The ledger that this application shows."""
    ledger: Ledger = request.app.state.ledger
    return ledger


def robot_of(ledger: Ledger, wanted: str) -> Robot:
    """The robot of that id or name; else 404."""
    try:
        return ledger.robot(wanted)
    except MisuseError:
        raise HTTPException(404, "no robot of that name or id: /api/v1/fleet lists all") from None
