"""The telling part of a host: one thread that decides, and one for each target that has something waiting."""

import logging
import threading
import time
from collections.abc import Callable

from wachhund.ledger import Ledger, notify_queue, notify_targets
from wachhund.ledger.notify_records import Target
from wachhund.ledger.trouble import Trouble
from wachhund.notify import deciding, occasions
from wachhund.notify.delivering import Delivery
from wachhund.notify.holding_back import HoldsBack, nothing_held
from wachhund.notify.plain_text import plain
from wachhund.notify.sealing import Sealer
from wachhund_evidence import WachhundError

LOOK_S = 1.0  # at most so long between two looks at the clock
REST_S = 0.3  # at least, though a thousand robots speak
OCCASIONS_S = 20.0  # between two looks at drills and at what ends soon
FORGET_S = 3_600.0
AT_ONCE = 4  # targets that are delivered to at the same time: each is a process of some 100 MiB
PAGE_KEY = "page"  # under which the address of the pages is kept, for commands

_log = logging.getLogger(__name__)


class Notifier:
    """Start once, stop once. What it was about to do stands in the ledger."""

    def __init__(
        self, ledger: Ledger, sealer: Sealer, page: str, held_back: HoldsBack = nothing_held,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._ledger, self._sealer, self._page, self._held_back, self._clock = ledger, sealer, page, held_back, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._busy: dict[str, threading.Thread] = {}
        self._looked_t = self._forgot_t = float("-inf")
        self._fault: str | None = None
        self._trouble = Trouble(_log, "notify", "people are told again")
        self._undelivered = Trouble(_log, "notify", "what was tried is written down again")

    @property
    def fault(self) -> str | None:
        """Why nobody is told at present, in words; None while people can be."""
        return self._fault

    def start(self) -> None:
        """Begin. Returns at once."""
        self._ledger.notifying.say(PAGE_KEY, self._page)
        self._thread.start()

    def stop(self, timeout: float = 15.0) -> None:
        """End after the message in hand, at most `timeout` seconds."""
        self._stop.set()
        self._ledger.changes.ring()
        until = time.monotonic() + timeout
        if self._thread.ident is not None:
            self._thread.join(timeout)
        for thread in tuple(self._busy.values()):
            thread.join(max(0.1, until - time.monotonic()))

    def _run(self) -> None:
        while not self._stop.is_set():
            rings = self._ledger.changes.rings
            try:
                self.round()
                self._fault = None
                self._trouble.is_over()
            except WachhundError as error:
                self._trouble.begins(f"{error}; trying again")
                self._fault = f"nobody is told at present: {error}"
            except Exception:  # noqa: BLE001  a host that tells nobody any more would look calm
                _log.exception("notify: failed")
                self._fault = "nobody is told at present: see the host's log"
            self._stop.wait(REST_S)
            self._ledger.changes.wait(rings, timeout=LOOK_S)

    def round(self) -> None:
        """Notice, decide, and begin to deliver. Raises LedgerError."""
        notifying, t = self._ledger.notifying, self._clock()
        while deciding.notice(notifying, t) and not self._stop.is_set():
            pass
        deciding.write(notifying, self._held_back, t, self._page)
        if not 0 <= t - self._looked_t < OCCASIONS_S:
            self._looked_t = t
            occasions.write_drills(notifying, t, self._page)
            occasions.write_missing_drills(notifying, t, self._page)
            occasions.write_endings(notifying, self._ledger.authorisations.all(), t, self._page)
        if not 0 <= t - self._forgot_t < FORGET_S:
            self._forgot_t = t
            with notifying.writing() as connection:
                notify_queue.forget(connection, t - notify_queue.KEPT_S)
        self._deliver(t)

    def _deliver(self, t: float) -> None:
        self._busy = {name: thread for name, thread in self._busy.items() if thread.is_alive()}
        with self._ledger.notifying.reading() as connection:
            wanted = notify_queue.targets_waited_for(connection)
            targets = notify_targets.all_targets(connection) if wanted else []
        for target in targets:
            idle = target.id not in self._busy and len(self._busy) < AT_ONCE
            if idle and target.id in wanted and target.retry_t <= t:
                thread = threading.Thread(target=self._bring, args=(target,), name="notify-target", daemon=True)
                self._busy[target.id] = thread
                thread.start()

    def _has_room(self) -> bool:
        return len(self._busy) < AT_ONCE

    def _bring(self, target: Target) -> None:
        try:
            Delivery(self._ledger.notifying, self._sealer, target, self._stop, self._clock, self._has_room).run()
            self._undelivered.is_over()
        except WachhundError as error:
            self._undelivered.begins(f"to {plain(target.name)}: {error}; trying again")
            self._fault = f"nobody is told at present: {error}"
        except Exception:  # noqa: BLE001  one target's fault is not the others'
            _log.exception("notify: a delivery failed")
