"""Listeners as a robot told them, each field of its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import Endpoint, UnreadableFact, endpoint, text, whole


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
