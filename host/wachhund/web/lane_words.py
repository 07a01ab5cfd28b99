"""Lanes in words and numbers: who judges which share of the fleet, and how far behind. All that pages say of lanes.

A ledger of one host has no lanes; then there is one judge, and its lag alone is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.ledger import Ledger

DESK = -1  # the lane of what is done once in a fleet
UNHELD_S = 15.0  # a lane changes hands within seconds: what takes longer stays
BEHIND_S = 30.0  # a judge that is well is seconds behind
_NAMED = 8  # lanes in one sentence


@dataclass(frozen=True)
class LaneNow:
    """`owner`: the worker that holds it; empty: nobody, for `free_s` seconds. `waiting`: observations that are not
    judged yet; None: not known by lane."""

    number: int
    owner: str
    free_s: float
    waiting: int | None


@dataclass(frozen=True)
class Lag:
    """Observations that were taken in and not judged yet, and since when the first of them has waited (seconds)."""

    waiting: int
    behind_s: float


def lanes_of(ledger: Ledger) -> tuple[LaneNow, ...]:
    """The lanes as they stand; none in a ledger of one host. Raises LedgerError."""
    book: Any = getattr(ledger, "lanes", None)
    found: Sequence[Any] = () if book is None else book.standing()
    return tuple(
        LaneNow(one.number, one.owner, float(getattr(one, "free_s", 0.0)), getattr(one, "waiting", None))
        for one in found
    )


def lag_of(ledger: Ledger, now: float) -> Lag:
    """How far the judges are behind what was taken in. `now`: host time. Raises LedgerError."""
    asked: Any = getattr(ledger, "unjudged", None)
    if asked is not None:  # of a ledger with lanes, in each of which another judge reads
        count, first_t = asked()
        return Lag(count, 0.0 if first_t is None else max(0.0, now - first_t))
    judged = ledger.judge_cursor()
    waiting = max(0, ledger.last_observation() - judged)
    first = ledger.observations_after(judged, 1) if waiting else []
    return Lag(waiting, max(0.0, now - first[0].received_t) if first else 0.0)


def faults_of(lanes: Sequence[LaneNow], lag: Lag) -> list[str]:
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
