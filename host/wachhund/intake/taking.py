"""Taking a batch of messages in: verify each, commit what is good, owe a receipt. No network, no thread."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.roster import Roster
from wachhund.intake.receipts import Owed, ReceiptSchedule
from wachhund.intake.rejected import Rejections
from wachhund.intake.verify import receipt_topic, verify
from wachhund.intake.waiting import Message
from wachhund.ledger import Held, Ledger, LedgerError, LedgerRefused, Standing, VerifiedToken
from wachhund_evidence import MAX_HELD_RANGES, ReceiptClaims, RejectedEvidence, make_nonce, sign_receipt

log = logging.getLogger("wachhund.intake")


class Intake:
    """Not safe to share between threads, except `rejections`.

    `fault`: why the ledger takes nothing at the moment, in words; None while it does. What it does not take is not
    receipted, and comes again.
    """

    def __init__(self, ledger: Ledger, roster: Roster, keys: HostKeys) -> None:
        self._ledger = ledger
        self._roster = roster
        self._keys = keys
        self._own_keys = keys.own
        self._schedule = ReceiptSchedule()
        self.rejections = Rejections()
        self.fault: str | None = None

    def _verified(self, message: Message) -> VerifiedToken | None:
        sender = self._roster.get(message.robot)
        if sender is None:
            self.rejections.count("", "robot", "a topic of no registered robot", message.received_t)
            return None
        if not sender.is_let_in:
            self.rejections.count(message.robot, sender.robot.state, "not let in any more", message.received_t)
            return None
        try:
            return verify(message.payload, sender, self._keys.nonce_secret, message.received_t, self._own_keys)
        except RejectedEvidence as refused:
            self.rejections.count(message.robot, refused.reason, refused.detail, message.received_t)
        except Exception as error:  # noqa: BLE001 - whatever a robot sends, the next one's evidence must get in
            self.rejections.count(message.robot, "fault", type(error).__name__, message.received_t)
            log.error("intake: a token of %s broke the reader: %s", message.robot, type(error).__name__)
        return None

    def take(self, messages: Sequence[Message]) -> list[Standing]:
        """Verify, commit in one transaction, and note whom a receipt is owed. Never raises for what a robot sent."""
        tokens = [token for message in messages if (token := self._verified(message)) is not None]
        standings = self._commit(tokens)
        for standing in standings:
            self._schedule.note(standing)
        return standings

    def _commit(self, tokens: Sequence[VerifiedToken]) -> list[Standing]:
        if not tokens:
            return []
        try:
            standings = self._ledger.commit(tokens)
        except Exception as error:  # noqa: BLE001 - as above: one token that the ledger cannot hold stops no other
            if isinstance(error, LedgerError) and not isinstance(error, LedgerRefused):
                if str(error) != self.fault:
                    log.error("intake: nothing is receipted: %s", error)
                self.fault = str(error)
                return []
            if len(tokens) > 1:
                return [standing for token in tokens for standing in self._commit([token])]
            self.rejections.count(tokens[0].robot, "fault", type(error).__name__, tokens[0].received_t)
            log.error("intake: a token of %s cannot be stored: %s", tokens[0].robot, type(error).__name__)
            return []
        if self.fault is not None:
            log.warning("intake: the ledger takes evidence again")
            self.fault = None
        return standings

    def due_receipts(self, now_mono: float, now: float) -> list[tuple[str, bytes]]:
        """Topic and message of each receipt to send now. `now`: host time, for its nonce."""
        made = []
        for owed in self._schedule.due(now_mono):
            sender = self._roster.get(owed.standing.robot)
            if sender is None or not sender.is_let_in:
                continue
            try:
                made.append((receipt_topic(sender.robot.id), self._receipt(owed, sender.robot.ueid, now)))
            except LedgerError as error:
                log.error("intake: no receipt for %s yet: %s", sender.robot.id, error)
                self._schedule.owe(owed)
        return made

    def _receipt(self, owed: Owed, ueid: str, now: float) -> bytes:
        held = self._held(owed)
        claims = ReceiptClaims(
            ueid=ueid,
            chain=owed.standing.chain,
            seq=held.seq,
            head=held.head,
            held=held.runs,
            seen=owed.standing.seen,
            nonce=make_nonce(self._keys.nonce_secret, ueid, int(now * 1_000_000)),
            iat=int(now),
        )
        return sign_receipt(claims, self._keys.key).encode("ascii")

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
