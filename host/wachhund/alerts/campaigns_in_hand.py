"""Whether anybody still has to look at a campaign: it is in hand when none of its incidents rings."""

from collections.abc import Mapping
from typing import Any

from wachhund.alerts.ringing import ringing
from wachhund.ledger import Ledger

ASKED = 50  # incidents of one campaign, at most


def in_hand(ledger: Ledger, campaign: Mapping[str, Any], t: float) -> bool:
    """Whether people did something about each incident of which it consists, or silenced it. One that consists of none
    (visitors from the robots' own network) is in nobody's hand. Raises LedgerError."""
    names = [str(name) for name in campaign.get("incidents") or ()]
    if not names or len(names) > ASKED:
        return False
    silences, lives = ledger.silencing.valid(t), ledger.handling.lives(names)
    for name in names:
        incident = ledger.incident(name)
        if incident is not None and ringing(incident, lives.get(name, ledger.handling.life(name)), silences, t).rings:
            return False
    return True
