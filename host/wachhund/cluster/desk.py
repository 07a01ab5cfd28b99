"""The desk: what is done once in a fleet, by the worker that holds the lane DESK.

Silences, forgetting, notifications, who is on many robots at a time, and that an authorisation's time has come. What
each does next stands in the ledger, so another worker goes on where this one was; what this one still writes after it
lost the desk is refused.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from wachhund.alerts.campaign_watch import CampaignWatch
from wachhund.alerts.watch import SilenceWatch
from wachhund.keeping.keeper import Keeper
from wachhund.keeping.policy import Keep
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.trouble import Trouble
from wachhund.notify.holding_back import by_life
from wachhund.notify.sealing import Sealer
from wachhund.notify.service import Notifier

_LOOK_S = 5.0  # between two looks at whether an authorisation's time has come

_log = logging.getLogger("wachhund.worker")


class Desk:
    """Start once, stop once. `ledger`: of the lane DESK."""

    def __init__(
        self, ledger: Ledger, sealer: Sealer, keep: Keep, page: str, clock: Callable[[], float] = time.time
    ) -> None:
        """`page`: the address of the pages, as messages name it."""
        self._ledger, self._clock = ledger, clock
        self._silences, self._campaigns = SilenceWatch(ledger), CampaignWatch(ledger)
        self._keeper = Keeper(ledger, keep)
        self._notifier = Notifier(ledger, sealer, page, by_life(ledger))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)

    @property
    def faults(self) -> tuple[str | None, ...]:
        """What stands against its parts, in words; None for each that is well."""
        return self._keeper.fault, self._notifier.fault, self._campaigns.fault

    def start(self) -> None:
        """Begin. Raises LedgerError; nothing runs then."""
        with contextlib.ExitStack() as begun:
            for part in (self._notifier, self._silences, self._campaigns, self._keeper):
                part.start()
                begun.callback(part.stop)
            self._thread.start()
            begun.pop_all()

    def stop(self) -> None:
        """End after what is in hand."""
        self._stopping.set()
        for part in (self._notifier, self._keeper, self._campaigns, self._silences):
            part.stop()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        trouble = Trouble(_log, "desk", "looked after again")
        while not self._stopping.is_set():
            try:
                self._ledger.authorisations.note_passed(self._clock())
                trouble.is_over()
            except LedgerError as error:
                trouble.begins(f"{error}; trying again")
            self._stopping.wait(_LOOK_S)
