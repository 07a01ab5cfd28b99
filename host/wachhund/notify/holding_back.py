"""What keeps an incident from being told: silence, acknowledgement, maintenance. It is made and shown all the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Held:
    """Why nobody is told now, in words, and until when (host time). Then it is looked at again."""

    why: str
    until_t: float


class HoldsBack(Protocol):
    """The life of incidents, as this room asks it."""

    def __call__(self, incident: Mapping[str, Any], grew: bool, t: float) -> Held | None:
        """What holds an incident (its JSON) back at that time; None: nothing.

        `grew`: it is more than what somebody acknowledged: a new surface, origin or level rings at once.
        """


def nothing_held(incident: Mapping[str, Any], grew: bool, t: float) -> Held | None:
    """Where incidents have no life yet."""
    return None
