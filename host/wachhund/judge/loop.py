"""Judges what the ledger gets, as it comes: one thread, woken by the ledger's bell.

What the judge keeps in mind is rebuilt at start by judging the ledger's observations again; ids follow from the
evidence, so that this changes nothing.
"""

import logging
import threading
from collections.abc import Sequence

from wachhund.judge.engine import Judge, Judgement
from wachhund.judge.fact import Fact, FaultRef, TokenRef
from wachhund.judge.faults import observation
from wachhund.judge.sigma import Rule
from wachhund.ledger import Fault, Ledger, StoredObservation
from wachhund_evidence import WachhundError

BATCH = 1_000  # observations judged and saved together: some 50 ms
RETRY_S = 5.0  # after the ledger refused (a full disk)

_log = logging.getLogger(__name__)


class JudgeLoop:
    """The judging thread of a host. `crashed`: observations whose judging failed, left out and logged."""

    def __init__(
        self, ledger: Ledger, rules: Sequence[Rule], judge: type[Judge] = Judge, retry_s: float = RETRY_S
    ) -> None:
        self._ledger = ledger
        self._names: dict[str, str] = {}
        self._retry_s = retry_s
        self._judge = judge(rules, self._name_of)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._cursor = self._faults = 0
        self._owed: Judgement | None = None  # judged and not saved yet: the ledger refused
        self.crashed = 0

    @property
    def cursor(self) -> int:
        """The id of the last observation judged."""
        return self._cursor

    def start(self) -> None:
        """Begin. Returns at once; what is in the ledger already is judged first."""
        self._thread = threading.Thread(target=self._run, name="judge", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the batch in hand, at most `timeout` seconds."""
        self._stop.set()
        self._ledger.changes.ring()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        saved: tuple[int, int] | None = None
        while not self._stop.is_set():
            try:
                rings = self._ledger.changes.rings
                saved = saved or (self._ledger.judge_cursor(), self._ledger.judged_faults())
                if not self._step(saved):
                    self._ledger.changes.wait(rings, timeout=self._retry_s)
            except WachhundError as error:
                _log.error("judge: %s; trying again in %g s", error, self._retry_s)
                self._stop.wait(self._retry_s)
            except Exception:  # noqa: BLE001  a host without a judge would look calm: go on, and say so
                _log.exception("judge: failed; trying again in %g s", self._retry_s)
                self._stop.wait(self._retry_s)

    def _step(self, saved: tuple[int, int]) -> bool:
        """Judge one batch and save what it changed. False when there is nothing to do."""
        if self._owed is None:
            batch, faults = self._batch()
            if not batch and not faults:
                return False
            judgement = self._judged(in_order(batch, faults))
            for ref, reason in judgement.unreadable:
                _log.warning("judge: %s: left out: %s", ref, reason)
            self._cursor = batch[-1].id if batch else self._cursor
            self._faults = faults[-1].number if faults else self._faults
            # While catching up nothing is written: the ledger holds it already, and it would go back in time.
            self._owed = judgement if self._cursor > saved[0] or self._faults > saved[1] else None
        if self._owed is not None:
            self._ledger.save_judgement(self._cursor, self._owed.incidents, self._owed.sessions, self._faults)
            self._owed = None
        return True

    def _batch(self) -> tuple[list[StoredObservation], list[Fault]]:
        """What comes next: a fault belongs right behind the last observation that was there when it was noticed."""
        faults = self._ledger.integrity.after(self._faults, BATCH)  # first: what they follow is there then
        batch = self._ledger.observations_after(self._cursor, BATCH)
        if len(batch) == BATCH:
            faults = [fault for fault in faults if fault.after <= batch[-1].id]
        if len(faults) == BATCH:
            batch = [stored for stored in batch if stored.id <= faults[-1].after]
        return batch, faults

    def _judged(self, facts: list[Fact]) -> Judgement:
        try:
            return self._judge.feed(facts)
        except Exception:  # noqa: BLE001  one fact of one robot must not silence the judge for all
            _log.exception("judge: a batch failed; its facts are judged one by one")
        made = Judgement()
        for fact in facts:
            try:
                one = self._judge.feed([fact])
            except Exception:  # noqa: BLE001  as above
                self.crashed += 1
                _log.exception("judge: %s of robot %s is left out", fact.ref, fact.robot)
                continue
            made.incidents.extend(one.incidents)
            made.sessions.extend(one.sessions)
            made.unreadable.extend(one.unreadable)
        return made

    def _name_of(self, robot: str) -> str | None:
        if robot not in self._names:
            self._names = {known.id: known.name for known in self._ledger.robots()}
        return self._names.get(robot)


def in_order(batch: Sequence[StoredObservation], faults: Sequence[Fault]) -> list[Fact]:
    """Observations and faults as facts, in the order in which the ledger got them."""
    placed = [((stored.id, 0), fact_of(stored)) for stored in batch]
    placed += [((fault.after, fault.number), fault_fact(fault)) for fault in faults]
    return [fact for _, fact in sorted(placed, key=lambda one: one[0])]


def fault_fact(fault: Fault) -> Fact:
    """A fault as the judge takes it."""
    ref = FaultRef(fault.id, tuple((seen.chain, seen.seq) for seen in fault.tokens))
    return Fact(fault.robot, fault.since_t, None, ref, observation(fault.what, fault.detail, fault.since_t))


def fact_of(stored: StoredObservation) -> Fact:
    """A stored observation as the judge takes it."""
    ref = TokenRef(stored.chain, stored.seq, stored.item)
    return Fact(stored.robot, stored.host_t, stored.bootseed, ref, stored.observation)
