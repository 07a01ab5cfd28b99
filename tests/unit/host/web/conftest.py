"""Operator and stranger, and a stage that they look at."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.exceptions import StarletteDeprecationWarning

from tests.unit.host.web.stage import Player, door_of, open_ledger
from wachhund.ledger import Ledger
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard

with warnings.catch_warnings():
    # Starlette's test client asks for a successor of httpx whose only release is new. It works with httpx as before.
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from starlette.testclient import TestClient

HERE = "http://127.0.0.1:8380"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A fresh ledger on disk."""
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def player(ledger: Ledger) -> Player:
    """A robot that looks everywhere and has just said so."""
    player = Player(ledger, "go1-07")
    player.say(player.looking(), player.seen("agent.start", version="0.1.0", reason="first"))
    return player


@pytest.fixture
def door(ledger: Ledger) -> Door:
    return door_of(ledger)


@pytest.fixture
def stranger(ledger: Ledger, door: Door) -> Iterator[TestClient]:
    """Somebody who is not logged in."""
    app = create_app(ledger, door, LiveBoard(), names=["wachhund.example"])
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def operator(stranger: TestClient, door: Door) -> TestClient:
    """Somebody who came in with the one-time code of the first start."""
    keys = door.first_keys()
    assert keys is not None
    answer = stranger.post("/login", data={"code": keys.code})
    assert answer.status_code == 303
    return stranger
