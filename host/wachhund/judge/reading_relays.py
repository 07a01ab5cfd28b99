"""Relays as a robot told them, each field of its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import Endpoint, UnreadableFact, endpoint, number, text, texts, whole

MAX_FAMILY = 64  # processes of one relay


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


def _moved(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if type(value) is list and len(value) == 4 and all(type(item) is int for item in value):
        return value[0], value[1]
    raise UnreadableFact("bytes: not four counts")
