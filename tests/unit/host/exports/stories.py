"""Incidents to export: of a real judge over played scenes, and one with hostile texts in every field of a robot."""

from typing import Any

from tests.unit.host.judge.recording import START, Verdicts
from tests.unit.host.judge.test_allowing import TWO_HOURS, made, ssh_from_outside, ssh_through_a_relay, vendor_tunnel

EVIL = "<script>'\u202e\x1b[2J\r\n\"}],\u0000--"


def incidents() -> dict[str, dict[str, Any]]:
    """By what they are."""
    hostile = {
        "id": "i9", "robot": "r1", "kind": "remote-control", "level": "critical", "title": EVIL, "state": "open",
        "came_back": True, "close_reason": None, "first_t": START, "last_t": START + 9.8765, "tunnel": EVIL,
        "surface": "ssh", "story": [EVIL, EVIL], "advice": [EVIL], "unknown": [EVIL], "rules": [EVIL, f"{EVIL} (x)"],
        "attack": ["T1572", EVIL, "T1021.004"], "evidence": [{"chain": "c", "seq": 7, "items": [1]}, {"line": 3}],
        "origin": [],
        "sessions": [
            {
                "id": EVIL, "surface": "ssh", "user": EVIL * 100, "carrier": "relay", "tunnel": None, "first_t": START,
                "last_t": None, "authorisation": None,
                "origin": [
                    {"hop": "address", "address": EVIL, "port": EVIL},
                    {"hop": "process", "role": "relay", "exe": "/" + EVIL * 500, "pid": "1", "user": EVIL},
                    {"hop": "process", "role": "relay", "exe": "/" + EVIL, "pid": 7, "user": ""},
                    {"hop": "service", "name": EVIL, "port": -1},
                ],
            },
            {"id": "s2", "surface": "web", "user": None, "carrier": "unknown", "first_t": float("inf"), "origin": []},
        ],
    }  # fmt: skip
    told = {
        "an ssh session from the internet": Verdicts(ssh_from_outside("2001:db8::7").facts).only,
        "an ssh session through a relay": Verdicts(ssh_through_a_relay().facts).only,
        "a tunnel that idles": Verdicts(vendor_tunnel().facts).only,
        "one that was allowed": Verdicts([*ssh_from_outside().facts, made(TWO_HOURS, START + 9)]).only,  # type: ignore[list-item]
    }
    named = {name: {**incident, "robot": "k3jd82ks9a"} for name, incident in told.items()}
    return {**named, "hostile texts": hostile}
