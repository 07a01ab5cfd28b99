"""What a robot told of the use of its surfaces, each field of its type: commands, and looks through its cameras."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import End, cut, end, ends, number, text, whole

MAX_CANDIDATES = 8
MAX_WORDS = 16


@dataclass(slots=True)
class ControlFact:
    """A `control`. `client` and `flow` are None where the robot's broker told it: it does not say who spoke."""

    surface: str | None
    what: str
    client: End | None
    flow: str | None
    meaning: str | None
    count: int | None
    words: tuple[str, ...]
    retained: bool
    changed: int | None  # words other than the one before: the robot's own state moved
    first_mono: float | None
    last_mono: float | None


@dataclass(slots=True)
class ViewFact:
    """A `camera.open` or `camera.close`."""

    camera: str
    via: str | None
    viewer: End | None
    puid: str | None
    pid: int | None
    exe: str | None
    user: str | None
    flow: str | None
    client_flow: str | None
    candidates: tuple[End, ...]
    existing: bool


def read_control(fields: Mapping[str, Any]) -> ControlFact:
    """A `control`. Raises UnreadableFact."""
    words = fields.get("words")
    said = (
        [cut(word) for word, times in words.items() if type(times) is int and times > 0] if type(words) is dict else []
    )
    return ControlFact(
        text(fields, "surface"),
        text(fields, "what") or "?",
        end(fields, "client"),
        text(fields, "flow"),
        text(fields, "meaning"),
        whole(fields, "count"),
        tuple(said[:MAX_WORDS]),
        fields.get("retained") is True,
        whole(fields, "changed"),
        number(fields, "first_mono"),
        number(fields, "last_mono"),
    )


def read_view(fields: Mapping[str, Any]) -> ViewFact:
    """A `camera.open` or `camera.close`. Raises UnreadableFact."""
    return ViewFact(
        text(fields, "camera") or "?",
        text(fields, "via"),
        end(fields, "viewer"),
        text(fields, "puid"),
        whole(fields, "pid"),
        text(fields, "exe"),
        text(fields, "user"),
        text(fields, "flow"),
        text(fields, "client_flow"),
        ends(fields, "candidates", MAX_CANDIDATES),
        fields.get("existing") is True,
    )
