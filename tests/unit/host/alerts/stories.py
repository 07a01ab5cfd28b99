"""Incidents as the judge tells them, made up for a test; nobody judged them."""

from typing import Any

BEGAN = 1_800_000_000.0


def session(name: str = "one", address: str | None = "203.0.113.7", **changed: Any) -> dict[str, Any]:
    """A session of an incident, open, that nobody allowed."""
    origin = [{"hop": "address", "address": address, "port": 443}] if address else [{"hop": "loopback"}]
    return {
        "id": name, "surface": "ssh", "user": "pi", "authorisation": None, "carrier": "relay", "tunnel": None,
        "first_t": BEGAN, "last_t": None, "origin": origin, **changed,
    }  # fmt: skip


def incident(*sessions: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An incident with these sessions; without any, with one that is open."""
    held = list(sessions) or [session()]
    return {
        "id": "i1", "robot": "r1", "kind": "remote-control", "title": "Remote control not allowed", "level": "critical",
        "state": "open", "owner": None, "came_back": False, "close_reason": None, "joined": None, "first_t": BEGAN,
        "last_t": BEGAN + 10, "robot_first_t": BEGAN, "robot_last_t": BEGAN + 10, "sessions": held,
        "surface": held[0]["surface"], "origin": held[0]["origin"], "tunnel": None, "rules": ["relay up"], "attack": [],
        "story": ["One thing."], "advice": ["Look."], "unknown": [], "evidence": [], **changed,
    }  # fmt: skip
