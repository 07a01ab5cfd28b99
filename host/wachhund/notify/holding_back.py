"""What keeps an incident from being told: silence, acknowledgement, maintenance. It is made and shown all the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from wachhund.alerts.campaigns_in_hand import in_hand
from wachhund.alerts.ringing import ringing
from wachhund.ledger import Ledger
from wachhund.ledger.campaigns import KIND as CAMPAIGN

# What holds an incident back may end before its time: a person opens it again, or ends a silence. Seconds.
LOOK_AGAIN_S = 60.0


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


def by_life(ledger: Ledger) -> HoldsBack:
    """What people did about incidents, and what they silenced, as it is at that moment."""

    def held_back(incident: Mapping[str, Any], grew: bool, t: float) -> Held | None:
        if incident["kind"] == CAMPAIGN and in_hand(ledger, incident, t):
            return Held("all incidents of it are in hand", t + LOOK_AGAIN_S)
        # What grew is found again from what the acknowledgement had seen, so it need not be told here.
        life = ledger.handling.life(str(incident["id"]))
        held = ringing(incident, life, ledger.silencing.valid(t), t).held
        if held is None:
            return None
        name = f" {held.id}" if held.id else ""
        until_t = t + LOOK_AGAIN_S if held.until_t is None else min(held.until_t, t + LOOK_AGAIN_S)
        return Held(f"{held.by}{name} by {held.who or 'the judge'}: {held.why}", until_t)

    return held_back


def nothing_held(incident: Mapping[str, Any], grew: bool, t: float) -> Held | None:
    """Where incidents have no life yet."""
    return None
