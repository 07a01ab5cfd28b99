"""The path of an incident is marked as forbidden as long as somebody in it was not allowed."""

from typing import Any

import pytest

from tests.unit.host.web.stage import RELAY_PATH
from wachhund.alerts.ringing import ringing
from wachhund.ledger.handling_records import Life
from wachhund.web.incident_view import incident_view

NOW = 1_700_000_000.0


def session(allowed: bool) -> dict[str, Any]:
    """One session."""
    return {"last_t": None, "authorisation": {"id": "a1"} if allowed else None, "origin": RELAY_PATH}


@pytest.mark.parametrize(
    ("sessions", "forbidden"),
    [([], True), ([session(True)], False), ([session(False)], True), ([session(True), session(False)], True)],
    ids=["nobody came yet", "allowed", "not allowed", "one of both"],
)
def test_one_that_is_allowed_does_not_hide_one_that_is_not(sessions: list[dict[str, Any]], forbidden: bool) -> None:
    incident = {"id": "i1", "robot": "r1", "title": "x", "kind": "relay", "level": "high",
                "state": "open", "first_t": NOW,
                "last_t": NOW, "sessions": sessions, "origin": RELAY_PATH, "story": []}  # fmt: skip
    life = Life("i1")
    now = ringing(incident, life, [], NOW)
    assert incident_view(incident, "go1-07", now, None, life, "", [], NOW).forbidden is forbidden
