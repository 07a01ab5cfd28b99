"""A ledger with a robot, a sealer, and incidents as the judge keeps them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger import Ledger
from wachhund.notify.sealing import Sealer

T = 1_800_000_000.0
Saves = Callable[..., dict[str, Any]]


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").make()


@pytest.fixture
def ledger(data: DataFolder) -> Iterator[Ledger]:
    ledger = Ledger.open(data.ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def sealer(data: DataFolder) -> Sealer:
    return Sealer.load_or_make(data)


@pytest.fixture
def save(ledger: Ledger) -> Saves:
    """Keep an incident, as the judge does."""

    def keep(name: str, **changed: Any) -> dict[str, Any]:
        one: dict[str, Any] = {
            "id": name, "robot": "r1", "kind": "relay", "title": "A relay on go1-07", "level": "high", "state": "open",
            "owner": None, "came_back": False, "close_reason": None, "joined": None, "first_t": T, "last_t": T,
            "robot_first_t": T, "robot_last_t": T, "sessions": [], "surface": None,
            "origin": [{"hop": "address", "address": "203.0.113.7"}], "tunnel": None, "rules": ["relay"], "attack": [],
            "story": [], "advice": ["Look at it."], "unknown": [], "evidence": [], **changed,
        }  # fmt: skip
        ledger.save_judgement(ledger.judge_cursor(), [one], [])
        return one

    return keep
