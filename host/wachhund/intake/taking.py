"""Taking a batch of messages in: verify each, commit what is good, owe a receipt. No network, no thread."""

import logging
from collections.abc import Callable, Sequence

from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.refused import NOBODY, Rejections, sample_of
from wachhund.fleet.roster import Enrolled, Roster
from wachhund.intake.quota import Bucket, Quota
from wachhund.intake.receipts import ReceiptSchedule
from wachhund.intake.verify import receipt_topic, verify
from wachhund.intake.waiting import Message
from wachhund.ledger import Ledger, LedgerError, LedgerRefused, Standing, VerifiedToken
from wachhund_evidence import ReceiptClaims, RejectedEvidence, make_nonce, sign_receipt, unpack_message

log = logging.getLogger("wachhund.intake")


class Intake:
    """Not safe to share between threads, except `rejections`.

    `fault`: why the ledger takes nothing at the moment, in words; None while it does. What it does not take is not
    receipted, and comes again.
    """

    def __init__(
        self,
        ledger: Ledger,
        roster: Roster,
        keys: HostKeys,
        rejections: Rejections | None = None,
        quota: Quota | None = None,
        on_excess: Callable[[str, int], None] = lambda robot, size: None,
    ) -> None:
        """`on_excess`: told of what is over quota, by robot and bytes."""
        self._ledger = ledger
        self._roster = roster
        self._keys = keys
        self._quota = quota or Quota()
        self._on_excess = on_excess
        self._texts: dict[str, Bucket] = {}  # how much text of each robot may be read; bounded by registered robots
        self._schedule = ReceiptSchedule()
        self.rejections = rejections or Rejections()
        self.fault: str | None = None

    def verified(self, message: Message) -> VerifiedToken | None:
        """The token in a message; None if it is refused, which is counted. Never raises for what a robot sent."""
        robot, received_t = message.robot, message.received_t
        sender = self._roster.get(robot)
        if sender is None:
            self.rejections.count(NOBODY, "robot", "a topic of no registered robot", received_t)
            return None
        if not sender.is_let_in:
            self.rejections.count(robot, sender.robot.state, "not let in any more", received_t)
            return None
        try:
            return self._read(message, sender)
        except RejectedEvidence as refused:
            sample = f"{refused.detail}: {sample_of(message.payload)}"
            self.rejections.count(robot, refused.reason, sample, received_t)
        except Exception as error:  # noqa: BLE001 - whatever a robot sends, the next one's evidence must get in
            self.rejections.count(robot, "fault", type(error).__name__, received_t)
            log.error("intake: a token of %s broke the reader: %s", robot, type(error).__name__)
        return None

    def _read(self, message: Message, sender: Enrolled) -> VerifiedToken:
        text = unpack_message(message.payload)
        bucket = self._texts.get(message.robot)
        if bucket is None:
            quota = self._quota
            bucket = self._texts[message.robot] = Bucket(quota.text_per_s, quota.text_at_once, message.received_t)
        if not bucket.holds(len(text), message.received_t):
            self._on_excess(message.robot, len(text))
            raise RejectedEvidence("quota", "more text than one robot may send: it waits in its journal")
        bucket.take(len(text))
        return verify(text, sender, self._keys.nonce_secret, message.received_t)

    def commit(self, tokens: Sequence[VerifiedToken]) -> list[Standing]:
        """Commit verified tokens in one transaction, and note whom a receipt is owed."""
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
        return [
            (receipt_topic(one.robot), self._receipt(one, sender.robot.ueid, now))
            for one in self._schedule.due(now_mono)
            if (sender := self._roster.get(one.robot)) is not None and sender.is_let_in
        ]

    def _receipt(self, standing: Standing, ueid: str, now: float) -> bytes:
        claims = ReceiptClaims(
            ueid=ueid,
            chain=standing.chain,
            seq=standing.seq,
            head=standing.head,
            held=(),
            seen=standing.seen,
            nonce=make_nonce(self._keys.nonce_secret, ueid, int(now * 1_000_000)),
            iat=int(now),
        )
        return sign_receipt(claims, self._keys.key).encode("ascii")

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
