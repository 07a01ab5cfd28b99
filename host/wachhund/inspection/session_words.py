"""A session's way in, in one line of a report: from the outside inwards."""

from collections.abc import Mapping
from typing import Any


def way_in(session: Mapping[str, Any]) -> str:
    """Such as `ssh: 203.0.113.7 > csclient > sshd > pi`."""
    return f"{session['surface']}: {' > '.join(_hop(hop) for hop in session['origin'])}"


def _hop(hop: Mapping[str, Any]) -> str:
    for name in ("address", "exe", "name", "user", "why"):
        if isinstance(hop.get(name), str):
            return str(hop[name])
    return str(hop["hop"])
