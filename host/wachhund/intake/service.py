"""The intake at work: messages from the broker through quota and queue into the ledger, and receipts back."""

import threading
import time
from collections.abc import Callable

from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.roster import Roster
from wachhund.intake.mqtt import Wire
from wachhund.intake.quota import Allowance, Quota
from wachhund.intake.taking import Intake
from wachhund.intake.verify import robot_of_topic
from wachhund.intake.waiting import Message, Waiting
from wachhund.ledger import Ledger
from wachhund_evidence import RejectedEvidence

_BATCH = 512  # messages in one transaction: its sync to disk is shared by all of them
_IDLE_SECONDS = 1.0  # also how often counts of what was refused are written
_NOBODY = ""  # whose allowance all topics of no registered robot share


class IntakeService:
    """Start once, stop once. `connect` makes the wire to the broker; a test gives one without a network."""

    def __init__(
        self,
        ledger: Ledger,
        roster: Roster,
        keys: HostKeys,
        connect: Callable[[Callable[[str, bytes], None]], Wire],
        quota: Quota | None = None,
    ) -> None:
        self._roster = roster
        self._intake = Intake(ledger, roster, keys)
        self._quota = quota or Quota()
        self._allowances: dict[str, Allowance] = {}
        self._waiting = Waiting()
        self._stopping = threading.Event()
        self._wire = connect(self.offer)
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)

    @property
    def fault(self) -> str | None:
        """Why the ledger takes nothing at the moment, in words; None while it does."""
        return self._intake.fault

    def offer(self, topic: str, payload: bytes) -> None:
        """A message from the broker, in the broker's thread: counted against the quota, and put into the queue."""
        mono, now = time.monotonic(), time.time()
        rejections = self._intake.rejections
        try:
            robot = robot_of_topic(topic)
        except RejectedEvidence as refused:
            rejections.count(_NOBODY, refused.reason, refused.detail, now)
            return
        known = robot if self._roster.get(robot) is not None else _NOBODY
        allowance = self._allowances.get(known)
        if allowance is None:
            allowance = self._allowances[known] = Allowance(self._quota, mono)
        if not allowance.allows(len(payload), mono):
            rejections.count(known, "quota", "more than one robot may send: it waits in its journal", now)
        elif known == _NOBODY:
            rejections.count(_NOBODY, "robot", "a topic of no registered robot", now)
        elif not self._waiting.put(Message(robot, payload, now)):
            rejections.count(known, "busy", "the intake has no room: it waits in the robot's journal", now)

    def start(self) -> None:
        """Begin to take evidence in. Returns at once."""
        self._thread.start()
        self._wire.start()

    def stop(self) -> None:
        """Take nothing more, commit what is here, and send the receipts that are due."""
        self._waiting.close()
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._wire.stop()

    def _work(self) -> None:
        written = time.monotonic()
        while True:
            owed = self._intake.wait(time.monotonic())
            messages = self._waiting.take(_BATCH, _IDLE_SECONDS if owed is None else min(owed, _IDLE_SECONDS))
            if messages:
                self._intake.take(messages)
            for topic, receipt in self._intake.due_receipts(time.monotonic(), time.time()):
                self._wire.publish(topic, receipt)
            last = self._stopping.is_set() and not messages
            if last or time.monotonic() - written >= _IDLE_SECONDS:
                self._intake.store_rejections()
                written = time.monotonic()
            if last:
                return
