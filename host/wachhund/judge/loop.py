"""Judges what the ledger gets, as it comes: one thread, woken by the ledger's bell.

What the judge has in mind is written down from time to time (`mind`), so that a start begins there; where there is
nothing of it, the ledger's observations are judged again: ids follow from the evidence, so that this changes nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from wachhund.judge import mind, order
from wachhund.judge.engine import Judge, Judgement
from wachhund.judge.fact import Fact, Told
from wachhund.judge.forgetting import span_of, still_there
from wachhund.judge.rule import Rule
from wachhund.judge.rule_folder import RuleFolder
from wachhund.judge.state import RobotState
from wachhund.ledger import Ledger
from wachhund_evidence import WachhundError

BATCH = 1_000  # observations judged and saved together: some 50 ms
RETRY_S = 5.0  # after the ledger refused (a full disk)
# Writing a mind down takes as long as judging some 1,000 observations: a tenth of the time goes into it at most, and a
# start judges no more than this again.
MINDED_EVERY = 100_000  # observations
MINDED_EVERY_OF_ROBOT = 10_000  # observations for each robot that told something meanwhile
LOOKED_EVERY_S = 5.0  # whether the time of an authorisation is over; that is told a minute after it, at the earliest
MINDED_EVERY_S = 3_600.0  # also when less came: nothing younger is forgotten by age or size

Known = tuple[int, int, int, int]  # the last observation, fault, act of forgetting and act of allowing

_log = logging.getLogger(__name__)


class JudgeLoop:
    """The judging thread of a host. `crashed`: observations whose judging failed, left out and logged."""

    def __init__(
        self,
        ledger: Ledger,
        rules: Sequence[Rule],
        judge: type[Judge] = Judge,
        retry_s: float = RETRY_S,
        mono: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
        rule_folder: RuleFolder | None = None,
    ) -> None:
        self._ledger = ledger
        self._names: dict[str, str] = {}
        self._retry_s = retry_s
        self._judge = judge(rules, self._name_of)
        self._rule_folder = rule_folder  # where the rules are read anew from, when files change
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._cursor = self._faults = self._acts = 0
        self._owed: Judgement | None = None  # judged and not saved yet: the ledger refused
        self._forgotten = 0  # the last act of forgetting that was taken note of
        self._mono, self._clock = mono, clock
        self._looked_at = float("-inf")
        self._minded = 0  # the cursor when the minds were last written down
        self._minded_at = mono()
        self._untold: set[str] = set()  # robots that told something since
        self._behind = 0  # observations that were judged before, and have to be judged again
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

    @property
    def fault(self) -> str | None:
        """What a person has to know who looks at calm pages: the judge has not caught up, or lacks rules. Else None."""
        behind = self._behind
        if behind:
            return f"the judge has {behind} observations to read again: what came since waits"
        return self._rule_folder.fault if self._rule_folder is not None else None

    def _run(self) -> None:
        saved: order.Place | None = None
        while not self._stop.is_set():
            try:
                rings = self._ledger.changes.rings
                if saved is None:
                    self._recall()
                    if self._stop.is_set():
                        break
                    saved = self._ledger.judge_cursor(), self._ledger.judged_faults(), self._ledger.judged_acts()
                self._behind = max(0, saved[0] - self._cursor)
                self._note_forgetting()
                self._note_passed()
                self._look_at_rules()
                if not self._step(saved):
                    self._ledger.changes.wait(rings, timeout=self._retry_s)
                if self._is_due():
                    self._write_minds()
            except WachhundError as error:
                _log.error("judge: %s; trying again in %g s", error, self._retry_s)
                self._stop.wait(self._retry_s)
            except Exception:  # noqa: BLE001  a host without a judge would look calm: go on, and say so
                _log.exception("judge: failed; trying again in %g s", self._retry_s)
                self._stop.wait(self._retry_s)
        if saved is not None:
            self._leave(saved[0])

    def _leave(self, saved: int) -> None:
        """Save what is owed, then what is in mind: a mind that knows what was never saved would lose it for good."""
        try:
            if self._owed is not None:
                self._note_forgetting()
                self._save_owed()
            if self._owed is None and self._untold and self._cursor >= saved:
                self._write_minds()
        except WachhundError as error:
            _log.error("judge: %s; the next start judges more again", error)

    def _recall(self) -> None:
        """Begin with what was in mind when it was last written down."""
        known, bodies = self._ledger.minds()
        try:
            if any(version != mind.VERSION for version, _ in bodies.values()):
                raise mind.UnknownMind("mind: of another version of Wachhund")
            states = self._read_minds(known, {robot: body for robot, (_, body) in bodies.items()})
            self._judge.recall(states, self._ledger.authorisations.acts(up_to=known[3]))
            self._cursor, self._faults, self._forgotten, self._acts = known
        except mind.UnknownMind as error:
            _log.warning("judge: %s; all that the ledger holds is judged again", error)
            self._judge.recall({}, ())
            self._cursor, self._faults, self._forgotten = 0, 0, self._ledger.newest_forgetting()
            self._acts = 0
        self._minded = self._cursor

    def _read_minds(self, known: Known, bodies: Mapping[str, bytes]) -> dict[str, RobotState]:
        """What was in mind of each robot. One whose mind is lost is judged again alone: it is no harm to the others."""
        states: dict[str, RobotState] = {}
        for robot, body in bodies.items():
            try:
                states[robot] = mind.read(body)
            except mind.UnknownMind as error:
                _log.warning("judge: robot %s: %s; all that the ledger holds of it is judged again", robot, error)
        for robot in [one.id for one in self._ledger.robots() if one.id not in states] if known[0] else ():
            state = self._judged_again(robot, known)
            if state is not None:
                states[robot] = state
                self._untold.add(robot)
        return states

    def _judged_again(self, robot: str, known: Known) -> RobotState | None:
        """What is in mind of a robot after all that the ledger holds of it, up to what is known of the others."""
        self._judge.recall({}, ())
        at = 0, 0, 0
        while not self._stop.is_set():
            batch, faults, acts = order.after(self._ledger, at, BATCH, robot)
            batch = [one for one in batch if one.id <= known[0]]
            faults = [one for one in faults if one.number <= known[1]]
            acts = [one for one in acts if one.number <= known[3]]
            if not batch and not faults and not acts:
                break
            self._behind = known[0] - at[0]
            self._judged(order.in_order(batch, [one for one in faults if one.robot == robot], acts))
            at = order.behind(at, batch, faults, acts)
        noted = 0
        while erased := self._ledger.keeping.forgettings(noted):
            noted = erased[-1].id
            for act in erased:
                self._judge.forget(span_of(act))
        return self._judge.state_of(robot)

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

    def _note_forgetting(self) -> None:
        """Take what was erased out of mind, and out of what is still to be saved."""
        while acts := self._ledger.keeping.forgettings(self._forgotten):
            for act in acts:
                span = span_of(act)
                self._judge.forget(span)
                self._untold.add(act.robot)
                if self._owed is not None:
                    told = still_there(self._owed.incidents, span), still_there(self._owed.sessions, span)
                    self._owed = Judgement(*told, self._owed.unreadable)
                self._forgotten = act.id

    def _note_passed(self) -> None:
        """Have the ledger keep that the time of an authorisation came, or is over: a silent robot does not tell it."""
        if self._mono() - self._looked_at >= LOOKED_EVERY_S:
            self._looked_at = self._mono()
            self._ledger.authorisations.note_passed(self._clock())

    def _is_due(self) -> bool:
        judged = self._cursor - self._minded
        late = self._mono() - self._minded_at >= MINDED_EVERY_S
        return (
            self._owed is None
            and bool(self._untold)
            and (late or judged >= max(MINDED_EVERY, MINDED_EVERY_OF_ROBOT * len(self._untold)))
        )

    def _write_minds(self) -> None:
        self._minded_at = self._mono()
        try:
            bodies = self._judge.minds(self._untold)
        except mind.UnknownMind as error:
            # A fault of ours, which a test would show. Nothing is forgotten by age or size meanwhile.
            _log.error("judge: %s: a start will judge everything again", error)
            return
        for robot in [one for one, body in bodies.items() if body is None]:
            _log.warning("judge: robot %s: its mind is too long to be written: a start will judge it again", robot)
        known = self._cursor, self._faults, self._forgotten, self._acts
        if self._ledger.save_minds(known, mind.VERSION, bodies):
            self._minded = self._cursor
            self._untold.clear()

    def _step(self, saved: order.Place) -> bool:
        """Judge one batch and save what it changed. False when there is nothing to do."""
        if self._owed is None:
            at = self._cursor, self._faults, self._acts
            batch, faults, acts = order.after(self._ledger, at, BATCH)
            if not batch and not faults and not acts:
                return False
            judgement = self._judged(order.in_order(batch, faults, acts))
            for ref, reason in judgement.unreadable:
                _log.warning("judge: %s: left out: %s", ref, reason)
            self._cursor, self._faults, self._acts = order.behind(at, batch, faults, acts)
            self._untold.update([stored.robot for stored in batch], [fault.robot for fault in faults])
            if acts:
                self._untold |= self._judge.robots
            # While catching up nothing is written: the ledger holds it already, and it would go back in time.
            reached = self._cursor, self._faults, self._acts
            is_new = any(now > then for now, then in zip(reached, saved, strict=True))
            self._owed = judgement if is_new else None
        self._save_owed()
        return True

    def _save_owed(self) -> None:
        """Have the ledger keep what was judged last; it stays owed where something was erased meanwhile."""
        owed = self._owed
        if owed is not None:
            told = self._faults, self._forgotten, self._acts
            if self._ledger.save_judgement(self._cursor, owed.incidents, owed.sessions, *told):
                self._owed = None

    def _judged(self, facts: list[Told]) -> Judgement:
        try:
            return self._judge.feed(facts, self._failed)
        except Exception:  # noqa: BLE001  one fact of one robot must not silence the judge for all
            _log.exception("judge: a batch could not be looked at; its facts are judged one by one")
        made = Judgement()
        for fact in facts:
            try:
                one = self._judge.feed([fact], self._failed)
            except Exception as error:  # noqa: BLE001  as above
                self._failed(fact, error)
                continue
            made.incidents.extend(one.incidents)
            made.sessions.extend(one.sessions)
            made.unreadable.extend(one.unreadable)
        return made

    def _failed(self, fact: Told, error: Exception) -> None:
        self.crashed += 1
        which = f"{fact.ref} of {fact.robot}" if isinstance(fact, Fact) else f"act {fact.number}"
        _log.error("judge: %s is left out", which, exc_info=error)

    def _name_of(self, robot: str) -> str | None:
        if robot not in self._names:
            self._names = {known.id: known.name for known in self._ledger.robots()}
        return self._names.get(robot)
