"""What is wrong with the host, as the ledger shows it: for pages of a process that runs no other part of it."""

import threading
import time
from collections.abc import Callable

from wachhund.ledger import Ledger, LedgerError
from wachhund.web import lane_words

_LOOK_S = 1.0  # each page and each stream asks


class LedgerFaults:
    """Called, it says all faults. Safe to use from several threads; never raises."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._clock, self._monotonic = ledger, clock, monotonic
        self._lock = threading.Lock()
        self._looked: tuple[float, tuple[str | None, ...]] | None = None

    def __call__(self) -> tuple[str | None, ...]:
        with self._lock:
            at = self._monotonic()
            if self._looked is None or at - self._looked[0] >= _LOOK_S:
                self._looked = (at, self._look())
            return self._looked[1]

    def _look(self) -> tuple[str | None, ...]:
        try:
            return tuple(
                lane_words.faults_of(self._ledger.lanes.standing(), lane_words.lag_of(self._ledger, self._clock()))
            )
        except LedgerError as error:
            return (str(error),)
