"""Processes, connections, relays and logins as a robot told them, each field of its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import End, Endpoint, UnreadableFact, cut, end, endpoint, number, text, texts, whole

MAX_ARGV = 64  # as many as an agent tells; of more, as it does, the first and the last
MAX_ANCESTRY = 8
MAX_FAMILY = 64


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
    deleted: bool = False  # its file is gone, or never was one
    cut: bool = False  # `argv` has not all of its arguments, or not all of each
    told_t: float = 0.0  # host time; the reader does not know it
    left_t: float | None = None  # when its end was told; as above
    told_mono: float = 0.0  # the robot's
    mono: float = 0.0  # of the robot, when it took this program; as above
    before: tuple[tuple[float, str | None], ...] = ()  # when it took which programs before, oldest first
    script: str | None = None  # what an interpreter runs
    exe_sha256: str | None = None  # hashes may be told later (`process.image`)
    script_sha256: str | None = None


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
    proto: str | None = None
    told_t: float = 0.0  # host time; the reader does not know it
    told_mono: float = 0.0  # the robot's


@dataclass(slots=True)
class ImageFact:
    """A `process.image`: of a program (`exe`), or of what an interpreter runs (`script`)."""

    puid: str | None
    exe: str | None
    exe_sha256: str | None
    script: str | None
    script_sha256: str | None


@dataclass(slots=True)
class LoginFact:
    """A `login.start`."""

    user: str | None
    flow: str | None
    source: End | None


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
    deleted: bool = False  # its file is gone by now
    joined_by: str | None = None  # what makes the processes that hold the two sides one


def read_process(fields: Mapping[str, Any]) -> ProcessFact:
    """A `process.start`. Raises UnreadableFact."""
    argv, shortened = fields.get("argv"), fields.get("cut")
    argv = argv if type(argv) is list else []
    told = argv if len(argv) <= MAX_ARGV else [*argv[: MAX_ARGV // 2], *argv[-MAX_ARGV // 2 :]]
    lines = fields.get("ancestry")
    ancestry = [
        (line[0], cut(line[1]) if type(line[1]) is str else None)
        for line in (lines if type(lines) is list else ())[:MAX_ANCESTRY]
        if type(line) is list and len(line) == 2 and type(line[0]) is int
    ]
    pid = whole(fields, "pid")
    return ProcessFact(
        text(fields, "puid") or f"{pid}?",
        -1 if pid is None else pid,
        whole(fields, "ppid"),
        text(fields, "exe"),
        tuple(cut(item) for item in told if type(item) is str),
        text(fields, "user"),
        text(fields, "parent_exe"),
        tuple(ancestry),
        fields.get("existing") is True,
        fields.get("exe_deleted") is True,
        len(told) < len(argv) or (type(shortened) is list and "argv" in shortened),
        script=text(fields, "script"),
        exe_sha256=text(fields, "exe_sha256"),
        script_sha256=text(fields, "script_sha256"),
    )


def read_image(fields: Mapping[str, Any]) -> ImageFact:
    """A `process.image`. Raises UnreadableFact."""
    names = ("puid", "exe", "exe_sha256", "script", "script_sha256")
    return ImageFact(*(text(fields, name) for name in names))


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


def read_listen(fields: Mapping[str, Any]) -> ListenFact:
    """A `listen.open` or `listen.close`. Raises UnreadableFact."""
    local = endpoint(fields, "local")
    if local is None:
        raise UnreadableFact("local: missing")
    return ListenFact(
        local,
        text(fields, "puid"),
        whole(fields, "pid"),
        text(fields, "exe"),
        text(fields, "user"),
        text(fields, "scope"),
        fields.get("existing") is True,
        text(fields, "proto"),
    )


def read_relay(fields: Mapping[str, Any]) -> RelayFact:
    """A `relay`. Raises UnreadableFact."""
    outer, inner = text(fields, "outer"), text(fields, "inner")
    if not outer or not inner:
        raise UnreadableFact("outer or inner: no flow id")
    structure = fields.get("structure")
    structure = structure if type(structure) is dict else {}
    evidence = fields.get("evidence")
    evidence = evidence if type(evidence) is dict else {}
    return RelayFact(
        outer,
        inner,
        text(fields, "puid"),
        whole(fields, "pid"),
        text(fields, "exe"),
        text(fields, "user"),
        text(fields, "verdict"),
        text(fields, "outer_direction"),
        endpoint(fields, "outer_remote"),
        endpoint(fields, "inner_remote"),
        number(structure, "outer_age_s"),
        number(structure, "since_outer_data_s"),
        texts(structure, "family", MAX_FAMILY) if type(structure.get("family")) is list else (),
        number(evidence, "bits_in"),
        number(evidence, "bits_out"),
        number(evidence, "timing_bits"),
        _moved(evidence.get("bytes")),
        fields.get("exe_deleted") is True,
        text(structure, "joined_by"),
    )


def read_login(fields: Mapping[str, Any]) -> LoginFact:
    """A `login.start`. Raises UnreadableFact."""
    return LoginFact(text(fields, "user"), text(fields, "flow"), end(fields, "from"))


def read_clock_step(fields: Mapping[str, Any]) -> float:
    """By how many seconds a `clock.step` was. Raises UnreadableFact."""
    by_s = number(fields, "by_s")
    if by_s is None:
        raise UnreadableFact("by_s: missing")
    return by_s


def _moved(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if type(value) is list and len(value) == 4 and all(type(item) is int for item in value):
        return value[0], value[1]
    raise UnreadableFact("bytes: not four counts")
