"""Lanes in words and numbers: who judges which share of the fleet, and how far behind. All that pages say of lanes.

A ledger of one host has no lanes; then there is one judge, and its lag alone is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.ledger import Ledger
from wachhund.ledger.lanes import DESK, LaneStanding

UNHELD_S = 15.0  # a lane changes hands within seconds: what takes longer stays
BEHIND_S = 30.0  # a judge that is well is seconds behind
_NAMED = 8  # lanes in one sentence


@dataclass(frozen=True)
class Lag:
    """Observations that were taken in and not judged yet, and since when the first of them has waited (seconds)."""

    waiting: int
    behind_s: float


def lag_of(ledger: Ledger, now: float) -> Lag:
    """How far the judges are behind what was taken in. `now`: host time. Raises LedgerError."""
    waiting, since_t = ledger.unjudged()
    return Lag(waiting, 0.0 if since_t is None else max(0.0, now - since_t))


def faults_of(lanes: Sequence[LaneStanding], lag: Lag) -> list[str]:
    """What is wrong with those who work on the fleet, one line each."""
    said = []
    free = [one for one in lanes if not one.owner and one.free_s >= UNHELD_S]
    shares = [one.number for one in free if one.number != DESK]
    if shares:
        listed = ", ".join(map(str, shares[:_NAMED])) + (", ..." if len(shares) > _NAMED else "")
        longest = max(one.free_s for one in free)
        all_of = "no worker runs" if len(shares) == sum(one.number != DESK for one in lanes) else "too few workers run"
        said.append(
            f"lanes {listed}: held by no worker for {longest:.0f} s, so nothing of their robots is taken in or judged: "
            f"{all_of}: start `wachhund worker`"
        )
    elif free:
        said.append(
            f"the desk: held by no worker for {free[0].free_s:.0f} s, so nobody is told of anything and nothing is "
            "forgotten: start `wachhund worker`"
        )
    if lag.behind_s >= BEHIND_S:
        who = "workers" if lanes else "judge"
        said.append(
            f"{who}: {lag.waiting} observations wait to be judged, the first for {lag.behind_s:.0f} s: see whether "
            f"`wachhund {'worker' if lanes else 'serve'}` runs"
        )
    return said
