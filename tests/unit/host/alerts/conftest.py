"""A ledger on disk with one robot and one judged incident."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.host.web.stage import Player, open_ledger
from wachhund.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def player(ledger: Ledger) -> Player:
    return Player(ledger, "go1-07")
