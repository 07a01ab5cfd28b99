"""Looks for campaigns: one somebody who is on many robots at a time. Runs once in a fleet.

What it has to look at is marked in the ledger by whatever changed it, so it misses nothing while it does not run, and
asks for nothing when nothing happens.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from wachhund.ledger import Ledger
from wachhund.ledger.trouble import Trouble
from wachhund_evidence import WachhundError

# Sooner than a message is gathered (notify.routing.GATHER_S), so that a campaign is in the first one. Seconds.
EVERY_S = 1.0
# Who is on thousands of robots costs a look of seconds, and hundreds of such a second each: all of them are looked at
# again when that is so little of the time. They are told of already; who is new among them waits for none.
SHARE = 0.01
# Between two transactions of a look: SQLite asks each 0.1 s for a lock that it waits for, and must find it free once.
PAUSE_S = 0.15

_log = logging.getLogger(__name__)


class CampaignWatch:
    """One thread. `steady`: a clock that nobody sets."""

    def __init__(self, ledger: Ledger, steady: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._steady = ledger, steady
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._rests: dict[str, tuple[float, float]] = {}  # who was on several robots: until when he rests, and his cost
        self._fault: str | None = None
        self._trouble = Trouble(_log, "campaigns", "looked for again")

    @property
    def fault(self) -> str | None:
        """Why nobody looks for campaigns at present, in words; None while somebody does."""
        return self._fault

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread = threading.Thread(target=self._run, name="campaigns", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the look in hand."""
        self._stop.set()
        self._ledger.changes.ring()
        if self._thread is not None:
            self._thread.join(timeout)

    def look(self) -> int:
        """Look once at each of whom something changed, but who rests. How many were looked at. Raises LedgerError.

        In the order of their names, from the first to the last: who is marked again behind that waits for the next
        look, so that nobody who is busy all the time keeps others waiting."""
        now, looked, after = self._steady(), 0, ""
        self._rests = {who: rest for who, rest in self._rests.items() if rest[0] > now}
        took: dict[str, float] = {}
        left: Sequence[str] = ()
        try:
            while not self._stop.is_set():
                whos = left or self._ledger.campaigns.marked(without=self._rests, after=after)
                if not whos or (looked and self._stop.wait(PAUSE_S)):
                    break
                done = self._ledger.campaigns.settle(whos)
                after, left = whos[-1], done.left
                looked += len(whos) - len(left)
                took |= done.took
        finally:  # also what was looked at before the ledger went away need not be looked at again at once
            total = sum(took.values()) + sum(cost for _, cost in self._rests.values())
            self._rests |= {who: (now + total / SHARE, cost) for who, cost in took.items()}
        return looked

    def _run(self) -> None:
        while not self._stop.is_set():
            rings = self._ledger.changes.rings
            try:
                self.look()
                self._fault = None
                self._trouble.is_over()
            except WachhundError as error:
                self._complain(str(error))
            except Exception:  # noqa: BLE001  robots are judged without it: go on, and say so
                _log.exception("campaigns: a look failed; trying again")
                self._fault = "nobody looks for campaigns at present: see the host's log"
            self._stop.wait(EVERY_S)
            self._ledger.changes.wait(rings, timeout=10 * EVERY_S)

    def _complain(self, what: str) -> None:
        self._trouble.begins(f"{what}; trying again")
        self._fault = f"nobody looks for campaigns at present: {what}"
