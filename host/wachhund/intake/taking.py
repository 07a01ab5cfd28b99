"""Taking a batch of messages in: verify each, commit what is good, owe a receipt. No network, no thread."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.refused import NOBODY, Rejections, sample_of
from wachhund.fleet.roster import Enrolled, Roster
from wachhund.intake.quota import Bucket, Quota
from wachhund.intake.receipts import Owed, ReceiptSchedule
from wachhund.intake.verify import of_an_ended_key, receipt_topic, verify
from wachhund.intake.waiting import Message
from wachhund.ledger import Held, LaneLost, Ledger, LedgerError, LedgerRefused, NotLetIn, Robot, Standing, VerifiedToken
from wachhund.ledger.roll import RETIRED, REVOKED
from wachhund.ledger.trouble import Trouble
from wachhund.witness.desk import WitnessDesk
from wachhund_evidence import (
    MAX_HELD_RANGES,
    ReceiptClaims,
    RejectedEvidence,
    make_nonce,
    sign_receipt,
    unpack_message,
)

log = logging.getLogger("wachhund.intake")

_MAX_ENDED = 1_000  # signs of ended keys that wait for a ledger that is away
_MAY_BE_ENDED = frozenset({REVOKED, RETIRED, "key", "ueid", "ended"})  # why a token of an ended key is refused


class Intake:
    """Not safe to share between threads, except `rejections`.

    `fault`: why the ledger takes nothing at the moment, in words; None while it does. What it does not take is not
    receipted. `lost`: robots of which another worker takes care, in what was committed last: they are told nothing.
    """

    def __init__(
        self,
        ledger: Ledger,
        roster: Roster,
        keys: HostKeys,
        rejections: Rejections | None = None,
        quota: Quota | None = None,
        on_excess: Callable[[str, int], None] = lambda robot, size: None,
        witnesses: WitnessDesk | None = None,
    ) -> None:
        """`on_excess`: told of what is over quota, by robot and bytes. `witnesses`: where their statements go."""
        self._witnesses = witnesses
        self._ledger = ledger
        self._roster = roster
        self._keys = keys
        self._quota = quota or Quota()
        self._on_excess = on_excess
        self._texts: dict[str, Bucket] = {}  # how much text of each robot may be read; bounded by registered robots
        self._schedule = ReceiptSchedule()
        self._ended: list[tuple[VerifiedToken, str, float]] = []
        self._pins: dict[str, str | None] = {}  # which host key each robot believes, where ours was changed once
        self.rejections = rejections or Rejections()
        self.fault: str | None = None
        self.lost: frozenset[str] = frozenset()
        self._trouble = Trouble(log, "intake", "the ledger takes evidence again")
        self._unreceipted = Trouble(log, "intake", "receipts go out again")

    def verified(self, message: Message) -> VerifiedToken | None:
        """The token in a message; None if it is refused, which is counted. Never raises for what a robot sent."""
        sender = self._roster.get(message.robot)
        if sender is None:
            self.rejections.count(NOBODY, "robot", "a topic of no registered robot", message.received_t)
            return None
        text = ""
        try:
            text = self._text(message)
            if not sender.is_let_in:
                raise RejectedEvidence(sender.robot.state, "not let in any more")
            return verify(text, sender, self._keys.nonce_secret, message.received_t, self._keys.succession.keys)
        except RejectedEvidence as refused:
            self._refuse(message, text, sender, refused)
        except Exception as error:  # noqa: BLE001 - whatever a robot sends, the next one's evidence must get in
            self.rejections.count(message.robot, "fault", type(error).__name__, message.received_t)
            log.error("intake: a token of %s broke the reader: %s", message.robot, type(error).__name__)
        return None

    def _text(self, message: Message) -> str:
        """Step 1, and what it holds against the robot's quota: before anything of it is read."""
        text = unpack_message(message.payload)
        bucket = self._texts.get(message.robot)
        if bucket is None:
            quota = self._quota
            bucket = self._texts[message.robot] = Bucket(quota.text_per_s, quota.text_at_once, message.received_t)
        if not bucket.holds(len(text), message.received_t):
            self._on_excess(message.robot, len(text))
            raise RejectedEvidence("quota", "more text than one robot may send: it waits in its journal")
        bucket.take(len(text))
        return text

    def _refuse(self, message: Message, text: str, sender: Enrolled, refused: RejectedEvidence) -> None:
        """Count it, and look whether it is more than noise: a key that had ended, and still signs."""
        sample = f"{refused.detail}: {sample_of(message.payload)}"
        self.rejections.count(message.robot, refused.reason, sample, message.received_t)
        if sender.ended and refused.reason in _MAY_BE_ENDED:
            seen = of_an_ended_key(text, sender, message.received_t)
            if seen is not None:
                self._ended.append(seen)

    def commit(self, tokens: Sequence[VerifiedToken]) -> list[Standing]:
        """Commit verified tokens in one transaction, and note whom a receipt is owed. To be called after each batch.

        It also keeps what was found of ended keys, if there is no token at all.
        """
        self.lost = frozenset()
        standings = self._commit(tokens)
        for standing in standings:
            self._schedule.note(standing)
        if self._witnesses is not None and standings:
            self._witnesses.take(tokens, max(token.received_t for token in tokens))
        for token in tokens:
            if any(observation.kind == "host.key" for observation in token.claims.obs):
                self._pins.pop(token.robot, None)
        self._note_ended_keys()
        return standings

    def _note_ended_keys(self) -> None:
        seen, self._ended = self._ended, []
        if seen:
            try:
                self._ledger.integrity.note_ended_keys(seen)
            except LedgerRefused as error:
                log.error("intake: that an ended key is in use could not be kept: %s", error)
            except LaneLost as error:
                if error.robots:
                    log.warning("intake: that an ended key is in use was not kept: %s", error)
                self._ended = [one for one in seen if one[0].robot not in error.robots][:_MAX_ENDED]
            except BaseException as error:
                self._ended = [*seen, *self._ended][:_MAX_ENDED]  # with the next batch: nobody sends it again
                if not isinstance(error, LedgerError):
                    raise

    def _commit(self, tokens: Sequence[VerifiedToken]) -> list[Standing]:
        if not tokens:
            return []
        try:
            standings = self._ledger.commit(tokens)
        except NotLetIn as refused:
            self.fault = None
            return self._commit(self._let_in(tokens, refused.reasons))
        except LaneLost as lost:
            self.fault = None if lost.robots else str(lost)
            self.lost |= frozenset(lost.robots)
            return self._commit([token for token in tokens if token.robot not in self.lost]) if lost.robots else []
        except Exception as error:  # noqa: BLE001 - as above: one token that the ledger cannot hold stops no other
            if isinstance(error, LedgerError) and not isinstance(error, LedgerRefused):
                self._trouble.begins(f"nothing is receipted: {error}")
                self.fault = str(error)
                return []
            if len(tokens) > 1:
                return self._commit_each(tokens)
            self.rejections.count(tokens[0].robot, "fault", type(error).__name__, tokens[0].received_t)
            log.error("intake: a token of %s cannot be stored: %s", tokens[0].robot, type(error).__name__)
            self.fault = None  # it takes others
            return []
        self._trouble.is_over()
        self.fault = None
        return standings

    def _commit_each(self, tokens: Sequence[VerifiedToken]) -> list[Standing]:
        """What one of them meets is no harm to the others; what the ledger did not take of any is a fault of all."""
        standings: list[Standing] = []
        fault = None
        for token in tokens:
            standings += self._commit([token])
            fault = fault or self.fault
        self.fault = fault
        return standings

    def _let_in(self, tokens: Sequence[VerifiedToken], ended: Mapping[tuple[str, str], str]) -> list[VerifiedToken]:
        """The tokens of boards that are still let in. `ended`: why others are not, since they were read."""
        kept = []
        for token in tokens:
            reason = ended.get((token.robot, token.claims.ueid))
            if reason is None:
                kept.append(token)
            else:
                self.rejections.count(token.robot, reason, "not let in any more", token.received_t)
        return kept

    def due_receipts(self, now_mono: float, now: float) -> list[tuple[str, bytes]]:
        """Topic and message of each receipt to send now. `now`: host time, for its nonce."""
        made: list[tuple[str, bytes]] = []
        away = False
        for owed in self._schedule.due(now_mono):
            if away:  # each would be waited for as long as the first was
                self._schedule.owe(owed)
                continue
            sender = self._roster.get(owed.standing.robot)
            if sender is None or not sender.is_let_in:
                continue
            try:
                made.append((receipt_topic(sender.robot.id), self._receipt(owed, sender.robot, now)))
            except LedgerError as error:
                self._unreceipted.begins(f"no receipt for {sender.robot.id} yet: {error}")
                self._schedule.owe(owed)
                away = not isinstance(error, LedgerRefused)
        if made and not away:
            self._unreceipted.is_over()
        return made

    def _receipt(self, owed: Owed, robot: Robot, now: float) -> bytes:
        held = self._held(owed)
        claims = ReceiptClaims(
            ueid=robot.ueid,
            chain=owed.standing.chain,
            seq=held.seq,
            head=held.head,
            held=held.runs,
            seen=owed.standing.seen,
            nonce=make_nonce(self._keys.nonce_secret, robot.ueid, int(now * 1_000_000)),
            iat=int(now),
            next=self._next(robot.id),
            confirm=self._witnesses.confirmation(robot.id, now) if self._witnesses is not None else None,
        )
        return sign_receipt(claims, self._keys.key).encode("ascii")

    def _next(self, robot: str) -> tuple[str, ...]:
        """How the host's key became the present one, for a robot that has not said that it believes it."""
        if not self._keys.succession.statements:
            return ()
        if robot not in self._pins:
            self._pins[robot] = self._ledger.pinned_host_key(robot)
        return self._keys.succession.next_for(self._pins[robot])

    def _held(self, owed: Owed) -> Held:
        """What the receipt says is committed. What it has no room for comes with the next one."""
        standing = owed.standing
        if standing.last_seq <= standing.seq:
            return Held(standing.seq, standing.head, ())
        held = self._ledger.held(standing.robot, standing.chain, owed.came, MAX_HELD_RANGES)
        told = [number for number in owed.came if any(first <= number <= last for first, last in held.runs)]
        untold = [number for number in owed.came if number > held.seq and number not in told]
        if untold:
            self._schedule.owe(replace(owed, came=tuple(untold)))
        return held

    def begin_anew(self) -> None:
        """Others may have taken evidence in meanwhile: what is known of it here is read anew."""
        self._pins.clear()
        self.fault = None  # of what may be theirs now

    def wait(self, now_mono: float) -> float | None:
        """Seconds until a receipt is due; None while none is owed."""
        return self._schedule.wait(now_mono)

    def store_rejections(self) -> None:
        """Write the counts of what was refused. The caller does so at most once a second."""
        taken = self.rejections.take()
        if not taken:
            return
        try:
            self._ledger.add_rejections(taken)
        except LedgerError:
            self.rejections.give_back(taken)
