"""What happens, as it happens: server-sent events for programs, over the same board as the pages' streams.

An event says how one thing stands now, never a difference, so whoever misses some loses nothing but the steps between.
Named after what it is about (`incident`, `session`) or `gone`: it is settled, or over. `beat` comes every two seconds.
"""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import StreamingResponse

from wachhund.alerts.life import standing
from wachhund.ledger import Ledger
from wachhund.ledger.incident_rows import NEWEST, Chosen
from wachhund.people.roles import Right
from wachhund.web import facts, streaming
from wachhund.web.acting import needs
from wachhund.web.api.missing import ledger_of
from wachhund.web.live import LiveBoard
from wachhund.web.live_page import LivePage, Slot

router = APIRouter(tags=["events"])
MOST = 1_000  # of each kind are followed, the newest
_KEY = "/api/v1/events"
_HEAD = ("id", "robot", "title", "level", "first_t", "last_t")
_OF_A_SESSION = ("id", "robot", "surface", "user", "carrier", "first_t", "incident", "authorisation")


def now_of(ledger: Ledger) -> LivePage:
    """All that is followed as it stands now, each thing as JSON."""
    now, names = time.time(), facts.robot_names(ledger)
    slots: dict[str, Slot] = {}
    for row in ledger.handling.unsettled(Chosen(), NEWEST)[:MOST]:
        told = facts.named(row.incident, names)
        head = {name: told.get(name) for name in _HEAD}
        stands = standing(row.incident, row.life, now)
        slots[f"incident:{told['id']}"] = _slot({**head, "state": stands.state, "assignee": row.life.assignee})
    for one in ledger.sessions(open_only=True, limit=MOST):
        told = facts.named(one, names)
        slots[f"session:{told['id']}"] = _slot({name: told.get(name) for name in _OF_A_SESSION})
    return LivePage(_KEY, slots, {"all": tuple(slots)})


def _slot(told: dict[str, Any]) -> Slot:
    return Slot(json.dumps(told, sort_keys=True))


async def _told(messages: AsyncIterator[str]) -> AsyncIterator[str]:
    """The board's messages in the words of programs: one event for each thing."""
    known: set[str] = set()
    async for message in messages:
        parts = dict(line.split(": ", 1) for line in message.strip().splitlines())
        if parts.get("event") != "change":
            yield message
            continue
        change = json.loads(parts["data"])
        for key, slot in change.get("slots", {}).items():
            kind, _, _ = key.partition(":")
            yield f"id: {parts['id']}\nevent: {kind}\ndata: {slot['text']}\n\n"
        here = set(change["rows"]["all"]) if "rows" in change else known
        for key in sorted(known - here):
            kind, _, identity = key.partition(":")
            yield f"id: {parts['id']}\nevent: gone\ndata: {json.dumps({'id': identity, 'what': kind})}\n\n"
        known = here


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"description": "Events, until the login or token ends.", "content": {"text/event-stream": {}}}},
)
@needs(Right.SEE, say="what happens, as it happens")
async def events(request: Request) -> StreamingResponse:
    """Incidents that are not settled and sessions that are open: first all, then each that changes."""
    board: LiveBoard = request.app.state.board
    if board.full:
        raise HTTPException(503, "too many streams are open: close some")
    ledger = ledger_of(request)
    messages = board.stream(_KEY, lambda: now_of(ledger), "", streaming.still_in(request))
    return StreamingResponse(
        _told(messages), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )  # fmt: skip
