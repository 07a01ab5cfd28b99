"""Connections as a robot told them, each field of its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import End, Endpoint, UnreadableFact, end, text, whole


@dataclass(slots=True)
class Peer:
    """The process at the other end of a connection within the robot."""

    puid: str | None
    pid: int | None
    exe: str | None


@dataclass(slots=True)
class FlowFact:
    """A `flow.*` observation."""

    flow: str
    direction: str | None = None
    local: Endpoint | None = None
    remote: Endpoint | None = None
    scope: str | None = None
    puid: str | None = None
    pid: int | None = None
    exe: str | None = None
    user: str | None = None
    peer: Peer | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    existing: bool = False
    own: bool = False
    proto: str | None = None
    source: End | None = None  # of one that only crosses the robot
    source_scope: str | None = None
    name: str | None = None  # by which the robot itself looked the remote address up
    target: End | None = None  # of one that only crosses the robot
    addressed: End | None = None  # where it was sent, when the robot's firewall leads it on to `target`


def read_flow(fields: Mapping[str, Any]) -> FlowFact:
    """A `flow.open`, `flow.update` or `flow.close`. Raises UnreadableFact."""
    flow = text(fields, "flow")
    if not flow:
        raise UnreadableFact("flow: no id")
    peer = fields.get("peer")
    return FlowFact(
        flow,
        text(fields, "direction"),
        _socket(fields, "local"),
        _socket(fields, "remote"),
        text(fields, "scope"),
        text(fields, "puid"),
        whole(fields, "pid"),
        text(fields, "exe"),
        text(fields, "user"),
        Peer(text(peer, "puid"), whole(peer, "pid"), text(peer, "exe")) if type(peer) is dict else None,
        whole(fields, "bytes_in"),
        whole(fields, "bytes_out"),
        fields.get("existing") is True,
        fields.get("own") is True,
        text(fields, "proto"),
        end(fields, "source"),
        text(fields, "source_scope"),
        text(fields, "remote_name"),
        end(fields, "target"),
        end(fields, "addressed"),
    )


def _socket(fields: Mapping[str, Any], name: str) -> Endpoint | None:
    """An end of a flow; port 0, which no socket has, where the protocol knows no ports."""
    told = end(fields, name)
    return None if told is None else (told[0], told[1] or 0)
