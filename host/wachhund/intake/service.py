"""The intake at work: messages from the broker through quota and queue into the ledger, and receipts back."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from wachhund.fleet.held_off import HeldOff
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.refused import NOBODY, Rejections, sample_of
from wachhund.fleet.roster import Roster
from wachhund.intake.links import Links
from wachhund.intake.quota import Allowance, Quota
from wachhund.intake.taking import Intake
from wachhund.intake.verify import place_of_topic
from wachhund.intake.waiting import Message, Waiting
from wachhund.ledger import Ledger, VerifiedToken
from wachhund.pacing import Pace
from wachhund.witness.desk import WitnessDesk
from wachhund.witness.findings import WitnessLimits
from wachhund.witness.secrets import WitnessSecrets
from wachhund_evidence import RejectedEvidence

log = logging.getLogger("wachhund.intake")

# One transaction: its sync to disk is shared by all tokens in it, and all of them are as late as the last. So it is
# bounded by what it costs: tokens, their text, and the time that was spent on reading what may have been rubbish.
_BATCH = 512
_BATCH_TEXT = 512 * 1024
_BATCH_SECONDS = 0.2
_PACE_S = 0.05, 0.25  # from one commit to the next, at least and at most
_AGAIN_SECONDS = 1.0  # after the ledger took nothing
_IDLE_SECONDS = 1.0  # also how often counts of what was refused are written
_EXCESS_BYTES = 32 * 1024  # what is over quota weighs one for each message and one for each so many bytes


class WayOut(Protocol):
    """What brings messages, and takes receipts (mqtt.Wire)."""

    def start(self) -> None:
        """Begin. Returns at once."""

    def publish(self, topic: str, message: bytes) -> None:
        """Send, if there is a connection."""

    def stop(self) -> None:
        """End."""


class IntakeService:
    """Start once, stop once. `connect` makes the wire to the broker; a test gives one without a network."""

    def __init__(
        self,
        ledger: Ledger,
        roster: Roster,
        keys: HostKeys,
        connect: Callable[[Callable[[str, bytes], None]], WayOut],
        quota: Quota | None = None,
        rejections: Rejections | None = None,
        held_off: HeldOff | None = None,
        witness_secrets: WitnessSecrets | None = None,
        witness_limits: WitnessLimits | None = None,
        on_commit: Callable[[Collection[str]], None] = lambda robots: None,
    ) -> None:
        """`rejections`, `held_off`: shared with the broker. Who is far over its quota is put into `held_off`.

        `on_commit`: told of the robots (ids) whose evidence was just committed, or of which it was found that they are
        gone.
        """
        self._on_commit = on_commit
        self._roster = roster
        self._quota = quota or Quota()
        self._held_off = held_off or HeldOff()
        counted = rejections or Rejections()
        self._witnesses: WitnessDesk | None = None
        if witness_secrets is not None:
            self._witnesses = WitnessDesk(ledger, witness_secrets, keys.nonce_secret, counted.count, witness_limits)
        self._intake = Intake(ledger, roster, keys, counted, self._quota, self._excess, self._witnesses)
        self._allowances: dict[str, Allowance] = {}
        self._links = Links(ledger, lambda: self._held_off.held(time.monotonic()), on_commit)
        self._waiting = Waiting()
        self._over: tuple[VerifiedToken, Message] | None = None  # verified already, and to be committed next
        self._kept: list[tuple[VerifiedToken, Message]] = []  # a batch that the ledger did not take
        self._pace = Pace(*_PACE_S)
        self._failed: str | None = None  # how the last turn did
        self._looked_at = time.monotonic()  # after what is looked at now and then
        self._is_drained = True  # the last batch left nothing waiting
        self._late_s = 0.0
        self._is_mine: Callable[[str], bool] = lambda robot: True
        self._begins_anew = False
        self._stopping = threading.Event()
        self._wire = connect(self.offer)
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)

    @property
    def fault(self) -> str | None:
        """Why nothing is taken in at the moment, in words; None while it is."""
        return self._intake.fault or self._failed

    @property
    def room(self) -> int:
        """How many messages there is room for: who fetches them need not lose any."""
        return self._waiting.room

    def has_room_for(self, size: int) -> bool:
        """Whether a message of so many bytes can be offered, and nothing that waits has to go for it."""
        return self._waiting.has_room_for(size)

    def take_care_of(self, is_mine: Callable[[str], bool]) -> None:
        """From now on only of these robots (ids), of which others took care meanwhile: what is in mind is read anew."""
        self._is_mine, self._begins_anew = is_mine, True

    def comes_late(self, by_s: float) -> None:
        """What is offered from now on was received so long ago: who seems to be gone may have come back since."""
        self._late_s = by_s

    def offer(
        self,
        topic: str,
        payload: bytes,
        received_t: float | None = None,
        settled: Callable[[], None] = lambda: None,
        comes_again: bool = False,
    ) -> None:
        """A message from the broker, in the broker's thread: counted against the quota, and put into the queue.

        All robots share this thread, so what is refused here is refused before anything of it is looked at.
        `received_t`: host time, if it was not now. `settled`: see Message. `comes_again`: it was given out before.
        """
        mono, now = time.monotonic(), time.time() if received_t is None else received_t
        if not self._sorted(topic, payload, mono, now, settled, comes_again):
            settled()

    def _sorted(
        self, topic: str, payload: bytes, mono: float, now: float, settled: Callable[[], None], comes_again: bool
    ) -> bool:
        """Put it where it belongs. False when it was refused."""
        rejections = self._intake.rejections
        try:
            robot, place = place_of_topic(topic)
        except RejectedEvidence as refused:
            rejections.count(NOBODY, refused.reason, refused.detail, now)
            return False
        known = robot if self._roster.get(robot) is not None else NOBODY
        allowance = self._allowances.get(known)
        if allowance is None:
            allowance = self._allowances[known] = Allowance(self._quota, mono)
        if not allowance.allows(len(payload), mono):
            rejections.count(known, "quota", f"{len(payload)} bytes: they wait in its journal", now)
            if known != NOBODY:
                self._excess(known, len(payload))
        elif known == NOBODY:
            rejections.count(NOBODY, "robot", "a topic of no registered robot", now)
        elif place == "status":
            if self._links.note(robot, payload, now, settled, comes_again):
                return True
            rejections.count(robot, "status", f"neither online nor offline: {sample_of(payload)}", now)
        else:
            for loser in self._waiting.put(Message(robot, payload, now, settled)):
                rejections.count(loser.robot, "busy", "the intake has no room: it waits in the robot's journal", now)
                loser.settled()
            return True
        return False

    def _excess(self, robot: str, size: int) -> None:
        """Something of a robot was over its quota. Called in both threads."""
        pause = self._held_off.note(robot, 1.0 + size / _EXCESS_BYTES, time.monotonic())
        if pause is not None:
            self._intake.rejections.count(robot, "held-off", f"for {pause:.0f} s: far over its quota", time.time())

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

    def _gather(self, timeout: float) -> list[tuple[VerifiedToken, Message]] | None:
        """The tokens of one batch; None when there was no message. A large token is a batch of its own."""
        over, self._over = self._over, None
        batch = [] if over is None else [over]
        text = sum(len(token.text) for token, _ in batch)
        came = over is not None
        until = time.monotonic() + _BATCH_SECONDS
        self._is_drained = False
        while len(batch) < _BATCH and text < _BATCH_TEXT and (not came or time.monotonic() < until):
            message = self._waiting.take(0.0 if came else timeout)
            if message is None:
                self._is_drained = True
                break
            if not came:
                self._stopping.wait(self._pace.rest_s())
                self._pace.begin()
                until = time.monotonic() + _BATCH_SECONDS
            came = True
            token = self._intake.verified(message)
            if token is None:
                message.settled()
                continue
            self._waiting.charge(token.robot, len(token.text))
            if batch and text + len(token.text) > _BATCH_TEXT:
                self._over = token, message
                break
            batch.append((token, message))
            text += len(token.text)
        return batch if came else None

    def _commit(self, batch: Sequence[tuple[VerifiedToken, Message]]) -> None:
        standings = self._intake.commit([token for token, _ in batch])
        if standings:
            self._on_commit({standing.robot for standing in standings})
        if self._intake.fault is None:
            for _, message in batch:
                if message.robot not in self._intake.lost:
                    message.settled()
        else:
            self._kept = list(batch)
        if self._is_drained:
            self._pace.end()

    def _begin_anew(self) -> None:
        """Others may have written meanwhile what is in mind here."""
        self._begins_anew = False
        self._intake.begin_anew()
        self._waiting.let_go(self._is_mine)
        self._kept = [one for one in self._kept if self._is_mine(one[1].robot)]
        if self._over is not None and not self._is_mine(self._over[1].robot):
            self._over = None
        self._links.forget_others(self._is_mine)
        if self._witnesses is not None:
            self._witnesses.begin_anew(self._is_mine)

    def _work(self) -> None:
        while True:
            try:
                is_last = self._turn()
                self._failed = None
                if is_last:
                    return
            except Exception as error:  # a host whose intake has ended would look calm; nothing in hand is receipted
                log.exception("intake: a turn failed; it goes on")
                self._failed = f"the intake fails ({type(error).__name__}); it is tried again"
                if self._stopping.wait(_IDLE_SECONDS):
                    return

    def _turn(self) -> bool:
        """Take a batch in, and send what is due. Whether that was the last one.

        One that the ledger did not take is tried again before the next: what comes meanwhile waits, here and then where
        it comes from.
        """
        if self._kept:
            self._stopping.wait(_AGAIN_SECONDS)
        owed = self._intake.wait(time.monotonic())
        if self._begins_anew:
            self._begin_anew()
        batch = self._kept or self._gather(_IDLE_SECONDS if owed is None else min(owed, _IDLE_SECONDS))
        self._kept = []
        came = batch is not None
        if batch is not None:
            self._commit(batch)
        for topic, receipt in self._intake.due_receipts(time.monotonic(), time.time()):
            self._wire.publish(topic, receipt)
        self._links.store(time.time(), self._late_s)
        last = self._stopping.is_set() and (not came or bool(self._kept))
        if last or time.monotonic() - self._looked_at >= _IDLE_SECONDS:
            self._intake.store_rejections()
            if self._witnesses is not None:
                self._witnesses.look(time.time())
            self._looked_at = time.monotonic()
        return last
