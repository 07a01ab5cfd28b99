"""What people said about an incident keeps it from being told; and is looked at again before long."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.host.web.stage import RELAY_PATH, Player, open_ledger
from wachhund.alerts.handling import Shown, Wanted, handle
from wachhund.alerts.silences import Typed, draft
from wachhund.ledger import Ledger
from wachhund.notify.holding_back import LOOK_AGAIN_S, by_life


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


def test_an_acknowledgement_a_silence_and_a_close_hold_back_and_growth_does_not(ledger: Ledger) -> None:
    player = Player(ledger, "go1-07")
    session = player.session("s1", origin=RELAY_PATH, incident="i1")
    incident = player.incident("i1", sessions=[session])
    ledger.save_judgement(1, [incident], [session])
    held_back, now = by_life(ledger), time.time()
    assert held_back(incident, False, now) is None

    handle(ledger, Shown("i1"), Wanted("acknowledge", "anna", now, "looking"))
    held = held_back(incident, False, now + 1)
    assert held is not None and "acknowledgement by anna: looking" in held.why
    assert held.until_t == now + 1 + LOOK_AGAIN_S
    other = player.session("s2", origin=[{**RELAY_PATH[0], "address": "198.51.100.9"}], incident="i1")
    assert held_back({**incident, "sessions": [session, other]}, True, now + 1) is None

    handle(ledger, Shown("i1"), Wanted("reopen", "anna", now + 2))
    one = ledger.silencing.make(
        draft(Typed(robots=("go1-07",), critical=True, until="30m", why="lab"), ledger, "ben", now + 2)
    )
    held = held_back(incident, False, now + 3)
    assert held is not None and f"silence {one.id} by ben: lab" in held.why
    ledger.silencing.end(one.id, "ben", "done", now + 4)
    assert held_back(incident, False, now + 5) is None
    handle(ledger, Shown("i1"), Wanted("close", "anna", now + 6, "", "test"))
    assert held_back(incident, False, now + 7) is not None
