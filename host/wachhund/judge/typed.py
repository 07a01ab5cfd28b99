"""Fields of an observation, read with suspicion: each has its type, or the observation is refused by name."""

import math
from collections.abc import Mapping
from typing import Any

from wachhund_evidence import WachhundError

MAX_CHARS = 4_096  # of one text: as much as an agent tells of one, and the longest path of Linux

Endpoint = tuple[str, int]
End = tuple[str, int | None]


class UnreadableFact(WachhundError):
    """An observation of a kind that the judge knows has a field that it cannot take. The text names both."""


def cut(value: str) -> str:
    """A text of at most MAX_CHARS; a longer one ends in a mark, so that nobody takes it for whole."""
    return value if len(value) <= MAX_CHARS else f"{value[:MAX_CHARS]}…"


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text, cut, or None where it is null or missing. Raises UnreadableFact."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is str:
        return cut(value)
    raise UnreadableFact(f"{name}: not a text")


def whole(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number, or None. Raises UnreadableFact."""
    value = fields.get(name)
    if value is None or type(value) is int:
        return value
    raise UnreadableFact(f"{name}: not a whole number")


def texts(fields: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    """The first `most` texts of a list; empty when it is missing. Raises UnreadableFact."""
    value = fields.get(name)
    if value is None:
        return ()
    if type(value) is not list:
        raise UnreadableFact(f"{name}: not a list")
    return tuple(cut(one) for one in value[:most] if type(one) is str)


def number(fields: Mapping[str, Any], name: str) -> float | None:
    """A finite number, or None. Raises UnreadableFact."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):
        raise UnreadableFact(f"{name}: not a number")
    return float(value)


def endpoint(fields: Mapping[str, Any], name: str) -> Endpoint | None:
    """An address and its port, or None. Raises UnreadableFact."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is list and len(value) == 2:
        address, port = value
        if type(address) is str and type(port) is int and 0 <= port <= 65535:
            return cut(address), port
    raise UnreadableFact(f"{name}: not [address, port]")


def end(fields: Mapping[str, Any], name: str) -> End | None:
    """An address with or without a port, or None. Raises UnreadableFact."""
    return _end(fields.get(name), name)


def ends(fields: Mapping[str, Any], name: str, most: int) -> tuple[End, ...]:
    """The first `most` of a list of them; empty when it is missing. Raises UnreadableFact."""
    value = fields.get(name)
    if value is None:
        return ()
    if type(value) is not list:
        raise UnreadableFact(f"{name}: not a list")
    return tuple(made for one in value[:most] if (made := _end(one, name)) is not None)


def _end(value: Any, name: str) -> End | None:
    if value is None:
        return None
    if type(value) is list and len(value) == 2 and type(value[0]) is str:
        address, port = value
        if port is None or (type(port) is int and 0 <= port <= 65535):
            return cut(address), port
    raise UnreadableFact(f"{name}: not [address, port]")
