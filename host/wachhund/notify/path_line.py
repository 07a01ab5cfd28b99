"""From where somebody came, in one line: `203.0.113.7 → csclient (pid 812) → loopback → ssh → user pi`."""

import contextlib
import ipaddress
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from wachhund.notify.plain_text import plain

_HOP_CHARS = 60
MAX_HOPS = 12


def path_line(origin: Sequence[Mapping[str, Any]] | None) -> str:
    """Of an incident's `origin`."""
    if not origin:
        return "not known: nothing that names it was seen"
    words = [_hop(hop) for hop in origin[:MAX_HOPS]]
    more = len(origin) - MAX_HOPS
    return " → ".join(words) + (f" → {more} more" if more > 0 else "")


def outside(origin: Sequence[Mapping[str, Any]] | None) -> str | None:
    """The outermost address, if it is one."""
    for hop in origin or ():
        address = hop.get("address")
        if hop.get("hop") == "address" and isinstance(address, str):
            with contextlib.suppress(ValueError):
                return str(ipaddress.ip_address(address))
    return None


def _hop(hop: Mapping[str, Any]) -> str:
    kind = hop.get("hop")
    if kind == "address":
        return plain(hop.get("address") or "an unknown address", _HOP_CHARS)
    if kind == "process":
        exe = hop.get("exe")
        name = plain(posixpath.basename(str(exe)) or exe, _HOP_CHARS) if exe is not None else "an unknown program"
        return name + (f" (pid {plain(hop['pid'], 12)})" if hop.get("pid") is not None else "")
    if kind == "link":
        return f"interface {plain(hop.get('name'), _HOP_CHARS)}"
    if kind == "loopback":
        return "loopback"
    if kind == "service":
        service = hop.get("name")
        return plain(service, _HOP_CHARS) if service is not None else f"port {plain(hop.get('port'), 12)}"
    if kind == "user":
        return f"user {plain(hop.get('user'), _HOP_CHARS)}"
    return f"unknown ({plain(hop.get('why') or 'no reason was given', _HOP_CHARS)})"
