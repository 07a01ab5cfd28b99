"""How often something was tried, counted for all processes of the pages together: a guesser who is sent to another one
with each guess has no more of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.pages_schema import attempts

TOGETHER = ""


@dataclass(frozen=True)
class Bound:
    """At most `for_one` attempts of a holder, and `together` of all, in `window_s` seconds."""

    window_s: float
    for_one: int
    together: int


@dataclass(frozen=True)
class Full:
    """No more now: wait so long. `is_own`: the holder's own count is full, not that of all together."""

    wait_s: float
    is_own: bool


class CountedAttempts:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, kind: str, holder: str, bound: Bound, now: float, spared: bool = False) -> Full | None:
        """Count one attempt; or say that there is no room, and count nothing. `now`: host time.

        `spared`: of this holder only its own count matters.
        """
        with self._database.aside() as connection:
            # This row first: whoever counts another of this kind waits for it, so none slips in between.
            together = _times(connection, kind, TOGETHER, bound.window_s, now)
            mine = _times(connection, kind, holder, bound.window_s, now)
            full = _full(mine, bound.for_one, bound.window_s, now, True)
            if full is None and not spared:
                full = _full(together, bound.together, bound.window_s, now, False)
            if full is not None:
                return full
            _save(connection, kind, holder, [*mine, now][-bound.for_one :], now)
            if not spared:
                _save(connection, kind, TOGETHER, [*together, now][-bound.together :], now)
            over = (attempts.c.kind == kind) & (attempts.c.last_t < now - bound.window_s)
            connection.execute(delete(attempts).where(over, attempts.c.holder != TOGETHER))
        return None

    def full(self, kind: str, holder: str, bound: Bound, now: float) -> Full | None:
        """Whether a holder's own count is full; counts nothing."""
        with self._database.aside() as connection:
            return _full(
                _times(connection, kind, holder, bound.window_s, now), bound.for_one, bound.window_s, now, True
            )


def _times(connection: Connection, kind: str, holder: str, window_s: float, now: float) -> list[float]:
    """Those of the window; nobody else changes them until this transaction ends."""
    made = upsert(attempts).values(kind=kind, holder=holder, times="[]", last_t=now)
    connection.execute(made.on_conflict_do_nothing())
    mine = (attempts.c.kind == kind) & (attempts.c.holder == holder)
    found: Sequence[float] = json.loads(
        connection.execute(select(attempts.c.times).where(mine).with_for_update()).scalar_one()
    )
    # A clock that was far ahead must not lock anybody out until it is that late.
    return [t for t in found if now - window_s < t < now + window_s]


def _full(times: Sequence[float], most: int, window_s: float, now: float, is_own: bool) -> Full | None:
    return Full(max(0.0, window_s - (now - times[0])), is_own) if len(times) >= most else None


def _save(connection: Connection, kind: str, holder: str, times: Sequence[float], now: float) -> None:
    made = upsert(attempts).values(kind=kind, holder=holder, times=json.dumps(list(times)), last_t=now)
    changed = {"times": made.excluded.times, "last_t": made.excluded.last_t}
    connection.execute(made.on_conflict_do_update(index_elements=["kind", "holder"], set_=changed))
