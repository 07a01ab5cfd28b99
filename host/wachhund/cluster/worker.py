"""A worker: takes lanes, has their robots' evidence taken in and judged, and hands them on.

It holds its lanes by the ledger's clock (`ledger.lanes`), and gets their messages from the nodes' stream. Whatever it
still believes when it wakes up late, what it writes in a lane that another has is refused as a whole.
"""

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from wachhund.cluster.desk import Desk
from wachhund.cluster.evidence_stream import EvidenceStream, LaneTaken, StreamMessage
from wachhund.cluster.nats_wire import WireError
from wachhund.cluster.shared_rules import RulesOfOne, SharedRules
from wachhund.fleet.roster import Roster
from wachhund.intake.service import IntakeService
from wachhund.judge.loop import JudgeLoop
from wachhund.ledger import Bell, Ledger, LedgerError
from wachhund.ledger.lanes import DESK, Lane, LaneBook, lane_of
from wachhund.ledger.trouble import Trouble

BEAT_S = 1.0
_PULL_S = 1.0
_LOOK_S = 2.0  # at most so long a judge leaves alone what people said, and what the silence of robots shows
_MOST = 1024  # messages fetched at once; what is beyond waits on the nodes
_FEW = 128  # the same while the ledger takes nothing: to see when it does again
_AT_ONCE = 2  # lanes that are handed on: their minds are written by one core, and nobody judges them meanwhile
_STOP_S = 45.0  # to end in

log = logging.getLogger("wachhund.worker")


@dataclass
class _AtWork:
    """What is at work for a lane. `bell`: rings for it. `end`: ends the part, and returns when nothing of it runs.
    `handing_on`: the thread that calls it, once it is to end."""

    lane: Lane
    part: JudgeLoop | Desk
    bell: Bell
    end: Callable[[], None]
    handing_on: threading.Thread | None = None


class Worker:
    """`turn` is to be called each BEAT_S, by one thread, and `stop` by the same. `fault`: what people should know."""

    def __init__(
        self,
        ledger: Ledger,
        book: LaneBook,
        stream: EvidenceStream,
        lanes: int,
        rules: SharedRules,
        intake: Callable[[Ledger, Roster, Callable[[Collection[str]], None]], IntakeService],
        desk: Callable[[Ledger], Desk],
    ) -> None:
        """`intake`, `desk`: make those parts, on a ledger for them; the intake tells whose evidence it committed.
        `lanes`: how many there are."""
        self._ledger, self._book, self._stream, self._lanes, self._rules = ledger, book, stream, lanes, rules
        self._make_desk = desk
        self._roster = Roster(ledger)
        self._intake = intake(ledger.on_lanes(self._held), self._roster, self._committed)
        self._at_work: dict[int, _AtWork] = {}
        self.fault: str | None = None
        self._wrong: list[str] = []  # in this turn
        self._refused_at: dict[int, float] = {}  # when a lane was last asked for in vain (monotonic)
        self._beaten_at = self._read_at = float("-inf")  # when the roster was read last, too
        self._trouble = Trouble(log, "worker", "works again")
        self._stopping = threading.Event()
        self._pulling = threading.Thread(target=self._pull, name="pull", daemon=True)

    @property
    def faults(self) -> tuple[str | None, ...]:
        """What stands against its parts, in words; None for each that is well."""
        parts = [one.part for one in self._at_work.values()]
        judges = [part.fault for part in parts if isinstance(part, JudgeLoop)]
        desks = [fault for part in parts if isinstance(part, Desk) for fault in part.faults]
        return self.fault, self._intake.fault, *judges, *desks

    @property
    def lanes(self) -> frozenset[int]:
        """Those that it works in now, DESK among them."""
        return frozenset(self._at_work)

    def start(self) -> None:
        """Begin to take in what comes, once it holds lanes."""
        self._intake.start()
        self._pulling.start()

    def stop(self) -> None:
        """Give all lanes back, each when what is in hand of it is finished, and end. In _STOP_S, and some seconds."""
        until, self._beaten_at = time.monotonic() + _STOP_S, float("-inf")
        while self._at_work and time.monotonic() < until:
            lanes = frozenset(one.lane for one in self._at_work.values())
            if time.monotonic() - self._beaten_at > BEAT_S:
                self._beaten_at = time.monotonic()
                with contextlib.suppress(LedgerError):
                    lanes = self._book.beat(is_leaving=True)
            self._end_what_was_lost(lanes)
            self._hand_on_to_others(self._book.held.keys() | self._at_work.keys())
            time.sleep(BEAT_S / 20)
        self._stopping.set()
        self._pulling.join()
        self._intake.take_care_of(lambda robot: False)  # what still waits is given to the next at once
        self._intake.stop()
        try:
            self._book.leave()
        except LedgerError as error:
            log.error("worker: %s; its lanes are free in some seconds", error)

    def _held(self) -> Mapping[int, int]:
        """The lanes that the intake may write in: the desk's is no robot's."""
        return {number: epoch for number, epoch in self._book.held.items() if number != DESK}

    def _committed(self, robots: Collection[str]) -> None:
        """Evidence of these came: wake the judges of their lanes, and no others."""
        for number in {lane_of(robot, self._lanes) for robot in robots}:
            one = self._at_work.get(number)
            if one is not None:
                one.bell.ring()

    def turn(self) -> None:
        """Say that this worker is there, and begin and end what has to be."""
        self._wrong.clear()
        try:
            lanes = self._beat()
            self._read_roster()
        except LedgerError as error:
            # Who has to begin anew reads up to an hour again. What is another's by now he can't write in.
            self._wrong.append(str(error))
            lanes = frozenset(one.lane for one in self._at_work.values())
        self._end_what_was_lost(lanes)
        self._begin_and_take_again(lanes)
        self._hand_on_to_others(self._book.surplus)
        self.fault = next(iter(self._wrong), None)
        if self.fault is None:
            self._trouble.is_over()
        else:
            self._trouble.begins(f"{self.fault}; trying again")

    def _read_roster(self) -> None:
        try:
            self._roster.refresh()
        finally:
            self._read_at = time.monotonic()  # which may have taken long

    def _beat(self) -> frozenset[Lane]:
        self._beaten_at = time.monotonic()
        return self._book.beat()

    def _take(self, lane: Lane) -> None:
        """Have a lane's messages come. Nodes may be slow to answer, and who is silent meanwhile loses his lanes."""
        try:
            self._stream.take(lane.number, lane.epoch)
        except LaneTaken as taken:
            self._book.pass_by(lane, taken.epoch)
            raise
        finally:
            if time.monotonic() - self._beaten_at > BEAT_S:
                self._beat()  # what it gives is looked at in the next turn

    def _begin_and_take_again(self, lanes: frozenset[Lane]) -> None:
        """Where nodes do not answer, each lane would be waited for: others come first the next time."""
        coming, until = self._stream.lanes, time.monotonic() + BEAT_S
        for lane in sorted(lanes, key=lambda one: (self._refused_at.get(one.number, 0.0), one.number)):
            one = self._at_work.get(lane.number)
            try:
                if one is None and lane.number not in self._book.surplus:
                    self._begin(lane)
                elif one is not None and lane.number != DESK and one.handing_on is None and lane.number not in coming:
                    self._take(lane)  # its consumer went with a node, or with somebody who was late
            except (LedgerError, WireError, LaneTaken) as error:
                self._wrong.append(str(error))
                self._refused_at[lane.number] = time.monotonic()
                if time.monotonic() > until:
                    return

    def _begin(self, lane: Lane) -> None:
        if lane.number == DESK:
            desk = self._make_desk(self._ledger.on_lanes(lambda: {DESK: lane.epoch}))
            desk.start()
            self._at_work[DESK] = _AtWork(lane, desk, self._ledger.changes, desk.stop)
            return
        self._take(lane)
        own, rules = self._ledger.of_lane(lane), RulesOfOne(self._rules)
        judge = JudgeLoop(own, (), retry_s=_LOOK_S, rule_folder=rules, is_only=False)
        judge.start()
        self._at_work[lane.number] = _AtWork(lane, judge, own.changes, functools.partial(judge.stop, None))
        self._intake.take_care_of(self._is_mine)
        log.info("worker: lane %d: taken, epoch %d", lane.number, lane.epoch)

    def _is_mine(self, robot: str) -> bool:
        return lane_of(robot, self._lanes) in self._at_work

    def _end_what_was_lost(self, lanes: frozenset[Lane]) -> None:
        """End what is at work in a lane that is another's, or was taken anew. It can write nothing more."""
        for number, one in list(self._at_work.items()):
            if one.handing_on is not None and not one.handing_on.is_alive():
                del self._at_work[number]
                self._stream.drop(number)
                self._intake.take_care_of(self._is_mine)  # until now it took care of what was in hand
            elif one.lane not in lanes and one.handing_on is None:
                log.warning("worker: lane %d: lost", number)
                self._stream.drop(number)
                self._hand_on(one)

    def _hand_on_to_others(self, numbers: Collection[int]) -> None:
        """Give these lanes back, each once nothing is at work in it: who takes it goes on where that ended.

        Evidence is taken in until then."""
        ended = []
        free = _AT_ONCE - sum(one.handing_on is not None for one in self._at_work.values())
        for number in sorted(numbers):
            one = self._at_work.get(number)
            if one is None:
                ended.append(number)
            elif one.handing_on is None and free > 0:
                self._hand_on(one)
                free -= 1
        if ended:
            try:
                self._book.give_back(ended)
            except LedgerError as error:
                self._wrong.append(str(error))

    def _hand_on(self, one: _AtWork) -> None:
        # What it has in mind is written down, which takes a while for many robots.
        one.handing_on = threading.Thread(target=one.end, name="handing-on", daemon=True)
        one.handing_on.start()

    def _pull(self) -> None:
        """Fetch what there is room for. While the ledger takes nothing, all waits on the nodes, and then on robots."""
        while not self._stopping.is_set():
            most = min(_MOST, self._intake.room) if self._intake.fault is None else _FEW
            if most < _FEW or not self._stream.lanes:
                self._stopping.wait(_PULL_S / 10)
                continue
            try:
                self._offer(self._stream.pull(most, _PULL_S))
            except Exception:  # a worker that takes nothing would look well: what is left out comes again
                log.exception("worker: what came could not be handed on")
                self._stopping.wait(_PULL_S)
            if self._intake.fault is not None:
                self._stopping.wait(_PULL_S)

    def _offer(self, messages: Sequence[StreamMessage]) -> None:
        now = time.time()
        self._intake.comes_late(max([0.0, *(now - one.received_t for one in messages)]))
        for message in messages:
            while not self._intake.has_room_for(len(message.payload)) and not self._stopping.is_set():
                self._stopping.wait(_PULL_S / 20)  # what has no room would be let go
                self._intake.comes_late(time.time() - message.received_t)
            if self._stopping.is_set():
                return
            self._know(message.robot)
            topic = f"wachhund/1/{message.robot}/{message.place}"
            self._intake.offer(topic, message.payload, message.received_t, message.acknowledge, message.times > 1)

    def _know(self, robot: str) -> None:
        """A node knows who is new before we do: what it sends first would be refused."""
        if self._roster.get(robot) is None and time.monotonic() - self._read_at > BEAT_S / 2:
            with contextlib.suppress(LedgerError):
                self._read_roster()
