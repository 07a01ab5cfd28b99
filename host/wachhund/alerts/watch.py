"""Looks after silences: which still hold something back, which are to end themselves, and whether the clock moved.

Nothing rings or keeps quiet by this thread: without it a silence only lasts until its end, and no match is counted.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from wachhund.alerts.covering import covers
from wachhund.alerts.looks import goes_on
from wachhund.ledger import Ledger
from wachhund.ledger.incident_rows import Chosen
from wachhund.ledger.silence_records import VALID
from wachhund.ledger.trouble import Trouble
from wachhund_evidence import WachhundError

EVERY_S = 5.0
# A clock that is kept by NTP creeps; a step of more than this (seconds) is one that somebody made.
STEP_S = 5.0
MATCH_NOTED_EVERY_S = 60.0  # a match that goes on is written down so often
_BOOT = Path("/proc/sys/kernel/random/boot_id")

_log = logging.getLogger(__name__)


def boot_id() -> str:
    """Names this start of the machine; empty where the kernel does not say."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def since_boot() -> float:
    """Seconds since the machine started, asleep or not: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SilenceWatch:
    """One thread. `clock`: the host's; `steady`: the one that nobody sets; `boot`: the machine's start."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = since_boot,
        boot: Callable[[], str] = boot_id,
    ) -> None:
        self._ledger, self._clock, self._steady, self._boot = ledger, clock, steady, boot
        self._stop = threading.Event()
        self._trouble = Trouble(_log, "silences", "looked after again")
        self._thread: threading.Thread | None = None
        self.moved_s = 0.0  # by how much the clock moved last; seconds
        self.moved_t: float | None = None

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread = threading.Thread(target=self._run, name="silences", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the look in hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def look(self) -> None:
        """Look once. Raises LedgerError."""
        now = self._clock()
        moved_s = self._ledger.silencing.move_ends(self._boot(), now - self._steady(), STEP_S, now)
        if moved_s:
            self.moved_s, self.moved_t = moved_s, now
            _log.warning("silences: the host's clock moved by %+.0f s: their ends moved with it", moved_s)
        self._note_matches(now)
        for one in self._ledger.silencing.end_unused(now):
            _log.info("silences: %s ended itself: %s", one.id, one.ended_why)

    def _note_matches(self, now: float) -> None:
        known = [one for one in self._ledger.silencing.all() if one.state(now) == VALID]
        due = [one for one in known if now - (one.matched_t or 0.0) >= MATCH_NOTED_EVERY_S]
        if not due:
            return
        rows = [row.incident for row in self._ledger.handling.unsettled(Chosen())]
        matched = {}
        for one in due:
            found = [incident for incident in rows if covers(one, incident)]
            signs = [now if goes_on(incident) else float(incident["last_t"]) for incident in found]
            last_t = max((t for t in signs if t >= one.from_t), default=None)
            if last_t is not None and last_t > (one.matched_t or 0.0):
                matched[one.id] = last_t
        self._ledger.silencing.note_matches(matched)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
                self._trouble.is_over()
            except WachhundError as error:
                self._trouble.begins(f"{error}; trying again")
            except Exception:  # noqa: BLE001  a silence that does not end itself ends at its end: go on, and say so
                _log.exception("silences: a look failed; trying again")
            self._stop.wait(EVERY_S)
