"""Programs are told what happens: all that stands, then each thing that changes, then that it is over."""

import asyncio
import json
import time
from typing import Any

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.handling import Shown, Wanted, handle
from wachhund.ledger import Ledger
from wachhund.web.api.events import _told, now_of
from wachhund.web.live import LiveBoard, LiveLimits


def parsed(message: str) -> tuple[str, dict[str, Any]]:
    parts = dict(line.split(": ", 1) for line in message.strip().splitlines())
    return parts.get("event", ""), json.loads(parts.get("data", "{}"))


def test_each_thing_is_told_as_it_stands_and_when_it_is_over(ledger: Ledger, player: Player) -> None:
    """An incident with a session; somebody acknowledges it; the session ends; it is closed."""
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    incident = player.incident("i1", sessions=[session], title="Somebody\n\nevent: end\ndata: {}")
    ledger.save_judgement(1, [incident], [session])

    async def act() -> list[tuple[str, dict[str, Any]]]:
        board = LiveBoard(LiveLimits(message_s=0.01, look_s=0.02, beat_s=0.05))
        told: list[tuple[str, dict[str, Any]]] = []
        stream = _told(board.stream("events", lambda: now_of(ledger), "", lambda: True))

        async def until(kind: str, **wanted: Any) -> None:
            async with asyncio.timeout(30):
                async for message in stream:
                    told.append(parsed(message))
                    event, data = told[-1]
                    if event == kind and wanted.items() <= data.items():
                        return

        await until("session", id="s1", user="pi", robot="go1-07")
        handle(ledger, Shown("i1"), Wanted("acknowledge", "kim", time.time()))
        board.ring()
        await until("incident", id="i1", state="acknowledged")
        over = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1", last_t=time.time())
        ledger.save_judgement(2, [], [over])
        board.ring()
        await until("gone", what="session", id="s1")
        await until("beat")
        return told

    told = asyncio.run(act())
    first = [data for event, data in told if event == "incident"]
    assert (first[0]["state"], first[0]["robot"], first[0]["title"]) == ("open", "go1-07", incident["title"])
    assert {event for event, _ in told} <= {"", "incident", "session", "gone", "beat"}, "no text ends an event early"
