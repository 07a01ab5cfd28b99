"""Which of a robot's incidents count: those that nobody has closed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from wachhund.alerts.life import standing
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import CLOSED


def not_closed(ledger: Ledger, incidents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of these incidents that nobody has closed, or that came back since."""
    if not incidents:
        return []  # the usual case costs no look into the ledger
    now, lives = time.time(), ledger.handling.lives([str(one["id"]) for one in incidents])
    known = [(one, lives.get(str(one["id"]))) for one in incidents]
    return [one for one, life in known if life is None or standing(one, life, now).state != CLOSED]
