"""Observations of a robot, read with suspicion: each field has its type or the observation is refused by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund_evidence import WachhundError

Endpoint = tuple[str, int]

MAX_ARGV = 64
MAX_ANCESTRY = 8
MAX_FAMILY = 64


class UnreadableFact(WachhundError):
    """An observation of a kind that the judge knows has a field that it cannot take. The text names both."""


@dataclass(slots=True)
class ProcessFact:
    """A `process.start`."""

    puid: str
    pid: int
    ppid: int | None
    exe: str | None
    argv: tuple[str, ...]
    user: str | None
    parent_exe: str | None
    ancestry: tuple[tuple[int, str | None], ...]
    existing: bool
    told_t: float = 0.0  # host time; the reader does not know it


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
    direction: str | None
    local: Endpoint | None
    remote: Endpoint | None
    scope: str | None
    puid: str | None
    pid: int | None
    exe: str | None
    user: str | None
    peer: Peer | None
    bytes_in: int | None
    bytes_out: int | None
    existing: bool
    own: bool
    elsewhere: bool


@dataclass(slots=True)
class ListenFact:
    """A `listen.*` observation."""

    local: Endpoint
    puid: str | None
    pid: int | None
    exe: str | None
    user: str | None
    scope: str | None
    existing: bool


@dataclass(slots=True)
class LoginFact:
    """A `login.start`."""

    user: str | None
    flow: str | None


@dataclass(slots=True)
class RelayFact:
    """A `relay` observation. Bits are None where the robot gave none: a verdict without numbers convinces nobody."""

    outer: str
    inner: str
    puid: str | None
    pid: int | None
    exe: str | None
    user: str | None
    verdict: str | None
    outer_direction: str | None
    outer_remote: Endpoint | None
    inner_remote: Endpoint | None
    outer_age_s: float | None
    since_outer_data_s: float | None
    family: tuple[str, ...]
    bits_in: float | None
    bits_out: float | None
    timing_bits: float | None  # part of bits_in, told apart for people
    moved: tuple[int, int] | None  # bytes from outside, bytes on to the service


def read_process(fields: Mapping[str, Any]) -> ProcessFact:
    """A `process.start`. Raises UnreadableFact."""
    argv = fields.get("argv")
    lines = fields.get("ancestry")
    ancestry = [
        (line[0], line[1] if type(line[1]) is str else None)
        for line in (lines if type(lines) is list else ())[:MAX_ANCESTRY]
        if type(line) is list and len(line) == 2 and type(line[0]) is int
    ]
    pid = _int(fields, "pid")
    return ProcessFact(
        _text(fields, "puid") or f"{pid}?",
        -1 if pid is None else pid,
        _int(fields, "ppid"),
        _text(fields, "exe"),
        tuple(item for item in argv[:MAX_ARGV] if type(item) is str) if type(argv) is list else (),
        _text(fields, "user"),
        _text(fields, "parent_exe"),
        tuple(ancestry),
        fields.get("existing") is True,
    )


def read_flow(fields: Mapping[str, Any]) -> FlowFact:
    """A `flow.open`, `flow.update` or `flow.close`. Raises UnreadableFact."""
    flow = _text(fields, "flow")
    if not flow:
        raise UnreadableFact("flow: no id")
    peer = fields.get("peer")
    return FlowFact(
        flow,
        _text(fields, "direction"),
        _endpoint(fields, "local"),
        _endpoint(fields, "remote"),
        _text(fields, "scope"),
        _text(fields, "puid"),
        _int(fields, "pid"),
        _text(fields, "exe"),
        _text(fields, "user"),
        Peer(_text(peer, "puid"), _int(peer, "pid"), _text(peer, "exe")) if type(peer) is dict else None,
        _int(fields, "bytes_in"),
        _int(fields, "bytes_out"),
        fields.get("existing") is True,
        fields.get("own") is True,
        fields.get("netns") is not None,
    )


def read_listen(fields: Mapping[str, Any]) -> ListenFact:
    """A `listen.open` or `listen.close`. Raises UnreadableFact."""
    local = _endpoint(fields, "local")
    if local is None:
        raise UnreadableFact("local: missing")
    return ListenFact(
        local,
        _text(fields, "puid"),
        _int(fields, "pid"),
        _text(fields, "exe"),
        _text(fields, "user"),
        _text(fields, "scope"),
        fields.get("existing") is True,
    )


def read_relay(fields: Mapping[str, Any]) -> RelayFact:
    """A `relay`. Raises UnreadableFact."""
    outer, inner = _text(fields, "outer"), _text(fields, "inner")
    if not outer or not inner:
        raise UnreadableFact("outer or inner: no flow id")
    structure = fields.get("structure")
    structure = structure if type(structure) is dict else {}
    evidence = fields.get("evidence")
    evidence = evidence if type(evidence) is dict else {}
    family = structure.get("family")
    return RelayFact(
        outer,
        inner,
        _text(fields, "puid"),
        _int(fields, "pid"),
        _text(fields, "exe"),
        _text(fields, "user"),
        _text(fields, "verdict"),
        _text(fields, "outer_direction"),
        _endpoint(fields, "outer_remote"),
        _endpoint(fields, "inner_remote"),
        _number(structure, "outer_age_s"),
        _number(structure, "since_outer_data_s"),
        tuple(item for item in family[:MAX_FAMILY] if type(item) is str) if type(family) is list else (),
        _number(evidence, "bits_in"),
        _number(evidence, "bits_out"),
        _number(evidence, "timing_bits"),
        _moved(evidence.get("bytes")),
    )


def read_login(fields: Mapping[str, Any]) -> LoginFact:
    """A `login.start`. Raises UnreadableFact."""
    return LoginFact(_text(fields, "user"), _text(fields, "flow"))


def _moved(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if type(value) is list and len(value) == 4 and all(type(item) is int for item in value):
        return value[0], value[1]
    raise UnreadableFact("bytes: not four counts")


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or type(value) is str:
        return value
    raise UnreadableFact(f"{name}: not a text")


def _int(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None or type(value) is int:
        return value
    raise UnreadableFact(f"{name}: not a whole number")


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):
        raise UnreadableFact(f"{name}: not a number")
    return float(value)


def _endpoint(fields: Mapping[str, Any], name: str) -> Endpoint | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is list and len(value) == 2:
        address, port = value
        if type(address) is str and type(port) is int and 0 <= port <= 65535:
            return address, port
    raise UnreadableFact(f"{name}: not [address, port]")
