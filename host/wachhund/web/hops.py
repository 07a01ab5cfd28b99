"""Hops of a path in words: "what, where, user, how sure". The list made of them is the truth, the picture its copy."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.web.robot_text import clipped
from wachhund.web.said import Said, joined, known, say

KINDS = ("address", "process", "link", "loopback", "service", "user", "unknown")
_LABEL_CHARACTERS = 120


@dataclass(frozen=True)
class Hop:
    """One hop, from the outside inwards. `kind` is one of KINDS: it names the icon; `word` is what people read.

    `label` is short enough for a box, `detail` completes it, `sure` says how we know: seen, joined or unknown.
    All but `kind` and `sure` may hold a robot's text, already made visible.
    """

    kind: str
    word: str
    label: str
    detail: str
    sure: str

    def sentence(self) -> str:
        """One line of the text equivalent."""
        detail = (" (", self.detail, ")") if self.detail else ()
        return joined("", (known(self.word), ": ", self.label, *detail))


def _text(value: object) -> str:
    return clipped(value, _LABEL_CHARACTERS)


def _address(hop: Mapping[str, Any]) -> Hop:
    address, port = hop.get("address"), hop.get("port")
    label = _text(address) if address is not None else say("address unknown")
    detail = say("port %(port)s", port=_text(port)) if port is not None else ""
    return Hop("address", "outside address", label, detail, "seen" if address is not None else "unknown")


def _process(hop: Mapping[str, Any]) -> Hop:
    exe, role = hop.get("exe"), hop.get("role")
    name = posixpath.basename(str(exe)) or str(exe) if exe is not None else None
    about = [f"pid {_text(hop['pid'])}"] if hop.get("pid") is not None else []
    if hop.get("user") is not None:
        about.append(say("as %(user)s", user=_text(hop["user"])))
    if exe is not None and name != exe:
        about.append(_text(exe))
    label = _text(name) if name is not None else say("program unknown")
    return Hop(
        "process", _text(role) if role else "process", label, joined(", ", about), "joined" if exe else "unknown"
    )


def _link(hop: Mapping[str, Any]) -> Hop:
    about = [_text(hop["kind"])] if hop.get("kind") is not None else []
    if hop.get("address") is not None:
        about.append(say("as %(user)s", user=_text(hop["address"])))
    return Hop("link", "tunnel interface", _text(hop.get("name")), joined(", ", about), "joined")


def _service(hop: Mapping[str, Any]) -> Hop:
    name, port = hop.get("name"), hop.get("port")
    here = say("port %(port)s", port=_text(port))
    label = _text(name) if name is not None else here
    return Hop("service", "service", label, here if name is not None and port is not None else "", "seen")


def describe(hop: Mapping[str, Any]) -> Hop:
    """One hop of an incident or session. A kind this version does not know is shown as unknown, with its name."""
    kind = hop.get("hop")
    if kind == "address":
        return _address(hop)
    if kind == "process":
        return _process(hop)
    if kind == "link":
        return _link(hop)
    if kind == "loopback":
        return Hop("loopback", "loopback", say("inside the robot"), say("its own address"), "joined")
    if kind == "service":
        return _service(hop)
    if kind == "user":
        return Hop("user", "user", _text(hop.get("user")), "", "seen" if hop.get("user") is not None else "unknown")
    if kind == "unknown":
        return Hop(
            "unknown", "unknown", say("cannot be known"), _text(hop.get("why") or say("no reason was given")), "unknown"
        )  # fmt: skip
    return Hop("unknown", _text(kind), say("a kind of hop newer than this host"), "", "unknown")


def path_of(origin: Sequence[Mapping[str, Any]] | None) -> tuple[Hop, ...]:
    """The hops of an `origin` list; an empty one is itself a fact that cannot be left out."""
    if not origin:
        return (Hop("unknown", "unknown", say("origin not known"), say("nothing that names it was seen"), "unknown"),)
    return tuple(describe(hop) for hop in origin)


def short_path(origin: Sequence[Mapping[str, Any]] | None) -> str:
    """The path in one line: `203.0.113.7 → agentd → loopback → ssh → pi`."""
    labels = [known("loopback") if hop.kind == "loopback" else hop.label for hop in path_of(origin)]
    return Said(
        " → ".join(clipped(label[:], 32) for label in labels),
        lambda: " → ".join(clipped(label, 32) for label in labels),
    )
