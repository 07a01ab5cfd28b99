"""Whether anybody still has to look at a campaign: it is in hand when none of its incidents rings."""

from collections.abc import Mapping
from typing import Any

from wachhund.alerts.ringing import ringing
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import Life

ASKED = 50  # incidents of one campaign, at most


def in_hand(ledger: Ledger, campaign: Mapping[str, Any], t: float) -> bool:
    """Whether people did something about each incident of which it consists, or silenced it. One that consists of none
    (visitors from the robots' own network) is in nobody's hand. Raises LedgerError."""
    names = [str(name) for name in campaign.get("incidents") or ()]
    if not names or len(names) > ASKED:
        return False
    found = [one for one in map(ledger.incident, names) if one is not None]
    silences, lives = ledger.silencing.valid(t), ledger.handling.lives(names)
    return bool(found) and not any(
        ringing(one, lives.get(str(one["id"]), Life(str(one["id"]))), silences, t).rings for one in found
    )
