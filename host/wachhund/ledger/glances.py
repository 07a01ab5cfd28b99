"""What a list of incidents needs of one: small beside its body, which holds its whole story.

Whoever writes an incident's body writes its glance in the same statement.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_NAMES = ("id", "robot", "kind", "title", "level", "state", "came_back", "close_reason", "joined", "surface", "rules")


def glance_of(incident: Mapping[str, Any]) -> dict[str, str]:
    """The columns `glance` and `glance_mark` of an incident."""
    told = {name: incident.get(name) for name in _NAMES}
    told["origin"] = _outermost(incident.get("origin"))
    told["sessions"] = [
        {
            **{name: one.get(name) for name in ("id", "surface", "authorisation", "first_t", "last_t")},
            "authorisation": None if one.get("authorisation") is None else True,
            "origin": _outermost(one.get("origin")),
        }
        for one in incident.get("sessions") or ()
    ]
    text = json.dumps(told)
    return {"glance": text, "glance_mark": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _outermost(origin: object) -> list[dict[str, Any]]:
    hops = origin if isinstance(origin, list) else []
    return [{"hop": "address", "address": hop.get("address")} for hop in hops if hop.get("hop") == "address"][:1]
