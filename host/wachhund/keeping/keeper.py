"""Forgetting by age and size while the host serves: a slice at a time, with rests between, in a thread of its own.

A slice is one short transaction, and the rest after it is four times as long: what robots send never waits for more
than one slice. Every act stands on record with who, why and how much.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from wachhund.keeping.policy import DAY_S, MIN_KEPT_S, Keep
from wachhund.ledger import Ledger
from wachhund.ledger.keeping_records import AGE, SIZE, Act, Erasure
from wachhund.ledger.trouble import Trouble
from wachhund_evidence import WachhundError

PERIOD_S = 3_600.0  # between two rounds: what is to go by its age goes within a day and this
RETRY_S = 60.0  # after a round that failed: pages and /healthz say so for as long
REST_TIMES = 4.0  # a slice's own time: at most a fifth of the time is spent forgetting
LEAST_REST_S = 0.02
SPARE_BYTES = 16 * 1024 * 1024  # of empty pages that stay in the file: the next hours' evidence fills them
PAGES_AT_ONCE = 256  # given back to the file system in one transaction: 1 MiB
REQUEST_LEFT_S = 60.0  # a request that nobody has worked on for so long is ended here: its command was killed
BY = "the host"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What the keeper did last. `ended_t` None: never yet. `fault`: what stands against it, in words."""

    ended_t: float | None = None
    tokens: int = 0
    fault: str | None = None


class Keeper:
    """The forgetting thread of a host. Start once, stop once."""

    def __init__(
        self,
        ledger: Ledger,
        keep: Keep,
        clock: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
        spare_bytes: int = SPARE_BYTES,
        retry_s: float = RETRY_S,
    ) -> None:
        self._ledger, self._keep, self._clock, self._mono = ledger, keep, clock, mono
        self._spare_bytes, self._retry_s = spare_bytes, retry_s
        self._trouble = Trouble(_log, "keeper", "forgets again what is to be forgotten")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.last = Round()

    @property
    def keep(self) -> Keep:
        """What it was told."""
        return self._keep

    @property
    def fault(self) -> str | None:
        """Why it cannot keep to what it was told, in words; None while it can."""
        return self.last.fault

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the slice in hand, at most `timeout` seconds."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            pause_s = self._retry_s
            try:
                self.last = self.round()
                self._trouble.is_over()
                pause_s = PERIOD_S
            except WachhundError as error:
                self._trouble.begins(f"{error}; trying again every {pause_s:g} s")
                self.last = replace(self.last, fault=f"nothing is forgotten at present: {error}")
            except Exception:  # noqa: BLE001  what must be forgotten must not stay because of one fault
                pause_s = PERIOD_S
                _log.exception("keeper: failed; trying again in %g s", pause_s)
                self.last = replace(self.last, fault="nothing is forgotten at present: see the host's log")
            self._stop.wait(pause_s)

    def round(self) -> Round:
        """Everything that is to be forgotten now, or up to `stop`. Raises LedgerError."""
        taken, fault = self._requests(), None
        for robot in [one.id for one in self._ledger.robots()]:
            taken += self._by_age(robot)
        if self._keep.bytes is not None:
            by_size, fault = self._by_size(self._keep.bytes)
            taken += by_size
        self._give_back()
        return Round(self._clock(), taken, fault)

    def _requests(self) -> int:
        """What somebody asked for, and whose command did not come to its end."""
        taken = 0
        for erasure in self._ledger.keeping.unfinished():
            if self._clock() - erasure.begun_t < REQUEST_LEFT_S:
                continue
            gone = 1
            while gone and not self._stop.is_set():
                with self._a_slice():
                    gone = self._ledger.keeping.erase_requested(erasure, self._clock())
                taken += gone
        return taken

    def _by_age(self, robot: str) -> int:
        seconds, now, keeping = self._keep.seconds, self._clock(), self._ledger.keeping
        if seconds is None:
            return 0
        erasure = keeping.newest_of(robot, AGE)
        # One act a day and robot: a year of them is read by people.
        if erasure is not None and erasure.finished_t is not None:
            if _day(erasure.begun_t) == _day(now):
                return 0
            erasure = None
        to_t = now - seconds if erasure is None else erasure.to_t
        act = Act(AGE, robot, None, to_t, BY, f"kept for {seconds / DAY_S:.0f} days", now)
        taken, erasure = self._old(act, erasure)
        gone = 1
        while gone and not self._stop.is_set():
            with self._a_slice():
                gone, erasure = keeping.erase_old_verdicts(act, erasure)
        if erasure is not None and not self._stop.is_set():
            keeping.finish(erasure, self._clock())
        return taken

    def _by_size(self, wanted: int) -> tuple[int, str | None]:
        """From the heaviest robot first, so that nobody pushes out what others said; never what is a few days old."""
        keeping, now, taken = self._ledger.keeping, self._clock(), 0
        done: set[str] = set()
        while keeping.room().used > wanted and not self._stop.is_set():
            robot = next((one for one, _ in keeping.weights() if one not in done), None)
            if robot is None:
                over = keeping.room().used - wanted
                return taken, (
                    f"the ledger is {over / 1024**2:.0f} MiB larger than --keep-size: what is left is held, belongs to "
                    "incidents, is a few days old, or is hashes"
                )
            erasure = keeping.newest_of(robot, SIZE)
            if erasure is not None and _day(erasure.begun_t) != _day(now):
                erasure = None
            why = f"the ledger is to hold at most {wanted / 1024**2:.0f} MiB, and this robot has most in it"
            gone, erasure = self._old(Act(SIZE, robot, None, now - MIN_KEPT_S, BY, why, now), erasure, wanted)
            if erasure is not None:
                keeping.finish(erasure, self._clock())
            if not gone:
                done.add(robot)
            taken += gone
        return taken, None

    def _old(self, act: Act, erasure: Erasure | None, wanted: int | None = None) -> tuple[int, Erasure | None]:
        """Slice after slice of one robot, the oldest first. `wanted`: only until the ledger is no larger than that,
        and only as many as make it another robot's turn."""
        keeping = self._ledger.keeping
        since_t = act.to_t if act.reason == AGE else self._kept_since()
        pins = keeping.pinned(act.robot, since_t)
        taken = 0
        at: tuple[float, int] | None = (float("-inf"), 0)
        while at is not None and not self._stop.is_set():
            with self._a_slice():
                made, erasure = keeping.erase_old(act, erasure, at, pins)
            taken, at = taken + made.tokens, made.after
            enough = wanted is not None and taken and keeping.room().used <= wanted
            if enough or (wanted is not None and made.tokens and keeping.weights()[0][0] != act.robot):
                break
        return taken, erasure

    def _kept_since(self) -> float:
        seconds = self._keep.seconds
        return float("-inf") if seconds is None else self._clock() - seconds

    def _give_back(self) -> None:
        keeping = self._ledger.keeping
        while keeping.room().empty > self._spare_bytes and not self._stop.is_set():
            with self._a_slice():
                more = keeping.give_back(PAGES_AT_ONCE)
            if not more:
                break
        keeping.clear_wal()

    @contextlib.contextmanager
    def _a_slice(self) -> Iterator[None]:
        """One short transaction, and a rest after it."""
        began = self._mono()
        yield
        self._stop.wait(max(LEAST_REST_S, REST_TIMES * (self._mono() - began)))


def _day(t: float) -> int:
    return int(t // DAY_S)
