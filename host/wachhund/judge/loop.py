"""Judges what the ledger gets, as it comes: one thread, woken by the ledger's bell.

A start begins with what was in mind when it was last written down (`minding`).
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from wachhund.judge import order
from wachhund.judge.careful import BATCH, CarefulJudging
from wachhund.judge.engine import Judge, Judgement
from wachhund.judge.forgetting import span_of, still_there
from wachhund.judge.minding import Known, Minding
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import RulePack
from wachhund.ledger import Ledger, Place
from wachhund.ledger.keeping_records import Erasure
from wachhund.ledger.trouble import Trouble
from wachhund.pacing import Pace
from wachhund_evidence import WachhundError

RETRY_S = 5.0  # after the ledger refused (a full disk)
_PACE_S = 0.1, 0.5  # from one turn to the next, at least and at most
LOOKED_EVERY_S = 5.0  # whether the time of an authorisation is over; that is told a minute after it, at the earliest

_log = logging.getLogger(__name__)


class RuleSource(Protocol):
    """Rules that may change (RuleFolder)."""

    @property
    def fault(self) -> str | None:
        """Why some are not in use, in words; None when all are."""

    def look(self) -> RulePack | None:
        """All of them when they changed since the last look; else None."""


class JudgeLoop:
    """The judging thread of a host."""

    def __init__(
        self,
        ledger: Ledger,
        rules: Sequence[Rule],
        judge: type[Judge] = Judge,
        retry_s: float = RETRY_S,
        mono: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
        rule_folder: RuleSource | None = None,
        is_only: bool = True,
    ) -> None:
        """`is_only`: there is no other judge. Of several none notes what is told once in a fleet (note_passed)."""
        self._ledger = ledger
        self._names: dict[str, str] = {}
        self._retry_s = retry_s
        self._trouble = Trouble(_log, "judge", "judges again")
        self._judge = judge(rules, self._name_of)
        self._judging = CarefulJudging(self._judge)
        self._rule_folder = rule_folder  # where the rules are read anew from, when files change
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._cursor = self._faults = self._acts = 0
        self._owed: Judgement | None = None  # judged and not saved yet: the ledger refused
        self._forgotten = 0  # the last act of forgetting that was taken note of
        self._mono, self._clock = mono, clock
        self._pace = Pace(*_PACE_S)
        self._is_only = is_only
        self._looked_at = float("-inf")
        self._behind = 0  # observations that were judged before, and have to be judged again
        self._minding = Minding(ledger, self._judge, self._judging, mono, self._stop.is_set, self._is_behind)

    @property
    def cursor(self) -> int:
        """The id of the last observation judged."""
        return self._cursor

    @property
    def crashed(self) -> int:
        """Observations whose judging failed, left out and logged."""
        return self._judging.crashed

    def start(self) -> None:
        """Begin. Returns at once; what is in the ledger already is judged first."""
        self._thread = threading.Thread(target=self._run, name="judge", daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = 10.0) -> None:
        """End after the batch in hand, and write down what is in mind. Waits for that, at most `timeout` seconds."""
        self._stop.set()
        self._ledger.changes.ring()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def fault(self) -> str | None:
        """What a person has to know who looks at calm pages: the judge has not caught up, or lacks rules. Else None."""
        behind = self._behind
        if behind:
            return f"the judge has {behind} observations to read again: what came since waits"
        return self._rule_folder.fault if self._rule_folder is not None else None

    def _run(self) -> None:
        saved: Place | None = None
        while not self._stop.is_set():
            try:
                rings = self._ledger.changes.rings
                if saved is None:
                    self._look_at_rules()  # of whom no mind is kept is judged again at once
                    self._recall()
                    if self._stop.is_set():
                        break
                    saved = self._ledger.judge_cursor(), self._ledger.judged_faults(), self._ledger.judged_acts()
                self._is_behind(max(0, saved[0] - self._cursor))
                self._pace.begin()
                self._note_passed()
                self._look_at_rules()
                if not self._step(saved):
                    self._pace.end()
                    self._ledger.changes.wait(rings, timeout=self._retry_s)
                    self._stop.wait(self._pace.rest_s())
                if self._minding.is_due(self._cursor):
                    self._minding.write(self._known)
                self._trouble.is_over()
            except WachhundError as error:
                self._trouble.begins(f"{error}; trying again every {self._retry_s:g} s")
                self._stop.wait(self._retry_s)
            except Exception:  # noqa: BLE001  a host without a judge would look calm: go on, and say so
                _log.exception("judge: failed; trying again in %g s", self._retry_s)
                self._stop.wait(self._retry_s)
        if saved is not None:
            self._leave(saved[0])

    def _leave(self, saved: int) -> None:
        """Save what is owed, then what is in mind: a mind that knows what was never saved would lose it for good."""
        try:
            self._save_owed()
            if self._minding.untold and self._cursor >= saved:
                self._minding.write(self._known)
        except WachhundError as error:
            _log.error("judge: %s; the next start judges more again", error)

    def _recall(self) -> None:
        """Begin with what was in mind when it was last written down."""
        self._learn_names()
        self._cursor, self._faults, self._forgotten, self._acts = self._minding.recall()

    @property
    def _known(self) -> Known:
        return self._cursor, self._faults, self._forgotten, self._acts

    def _is_behind(self, observations: int) -> None:
        self._behind = observations

    def _look_at_rules(self) -> None:
        """Judge by the rules as their files are now. What comes is judged by them, what was judged is not again."""
        try:
            pack = self._rule_folder.look() if self._rule_folder is not None else None
            if pack is None:
                return
            self._judge.use(pack.rules)
        except Exception:  # noqa: BLE001  a file of rules must not stop the judge: it goes on by those it has
            _log.exception("judge: rules could not be read anew")
            return
        for refused in pack.refused:
            _log.warning("rule not in use: %s: %s", refused.source, refused.reason)
        _log.info("judge: %d rules in use", len(pack.rules))

    def _forget(self, acts: Sequence[Erasure]) -> None:
        """Take what was erased out of mind, and out of what is still to be saved."""
        for act in acts:
            span = span_of(act)
            self._judge.forget(span)
            self._minding.untold.add(act.robot)
            if self._owed is not None:
                told = still_there(self._owed.incidents, span), still_there(self._owed.sessions, span)
                self._owed = Judgement(*told, self._owed.unreadable)
            self._forgotten = act.id

    def _note_passed(self) -> None:
        """Have the ledger keep that the time of an authorisation came, or is over: a silent robot does not tell it."""
        if self._is_only and self._mono() - self._looked_at >= LOOKED_EVERY_S:
            self._looked_at = self._mono()
            self._ledger.authorisations.note_passed(self._clock())

    def _step(self, saved: Place) -> bool:
        """Judge one batch and save what it changed. False when there was no more to do."""
        is_full = False
        if self._owed is None:
            at = self._cursor, self._faults, self._acts
            read = order.after(self._ledger, at, BATCH, forgotten=self._forgotten)
            # Before anything is judged: a ledger that does not answer in the middle would leave a part of it out.
            robots = {*(one.robot for one in read.observations), *(one.robot for one in read.faults)}
            if not robots <= self._names.keys():
                self._learn_names()
            self._forget(read.erasures)
            if read.holds_nothing_to_judge:
                return bool(read.erasures)
            is_full = BATCH in (len(read.observations), len(read.faults), len(read.acts))
            judgement = self._judging.feed(order.in_order(read))
            for ref, reason in judgement.unreadable:
                _log.warning("judge: %s: left out: %s", ref, reason)
            self._cursor, self._faults, self._acts = order.behind(at, read)
            self._minding.untold |= robots
            if read.acts:
                self._minding.untold |= self._judge.robots
            # While catching up nothing is written: the ledger holds it already, and it would go back in time.
            reached = self._cursor, self._faults, self._acts
            is_new = any(now > then for now, then in zip(reached, saved, strict=True))
            self._owed = judgement if is_new else None
        self._save_owed()
        return is_full

    def _save_owed(self) -> None:
        """Have the ledger keep what was judged last, without what was erased meanwhile."""
        while (owed := self._owed) is not None:
            told = self._faults, self._forgotten, self._acts
            if self._ledger.save_judgement(self._cursor, owed.incidents, owed.sessions, *told):
                self._owed = None
            else:
                self._forget(self._ledger.keeping.forgettings(self._forgotten))

    def _name_of(self, robot: str) -> str | None:
        return self._names.get(robot)

    def _learn_names(self) -> None:
        self._names = {known.id: known.name for known in self._ledger.robots()}
