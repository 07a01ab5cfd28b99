"""The uplink: lets evidence leave and takes receipts. Only a receipt counts; a PUBACK proves nothing.

It takes nothing else from the network: there are no commands. What leaves next is decided in delivery.py, what a
receipt changes in receipts.py; mqtt_wire.py carries both.
"""

import time
from collections import OrderedDict
from typing import Callable, Dict, List

from wachhund_agent.config import Limits
from wachhund_agent.delivery import Delivery, Held
from wachhund_agent.host_key import HostKey
from wachhund_agent.journal import Journal
from wachhund_agent.mqtt_wire import MqttWire
from wachhund_agent.receipts import Verdict, forget_lost, verdict_on
from wachhund_evidence import RejectedEvidence, unpack_message


class Uplink:
    """Called by one thread. `sent_bytes`: messages and their topic, as often as they were sent.

    `rejected` counts receipts that were not believed, by reason.
    """

    def __init__(
        self,
        host_key: HostKey,
        journal: Journal,
        limits: Limits,
        ueid: str,
        wire: MqttWire,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._limits, self._ueid, self._mono = journal, limits, ueid, mono
        self.wire = wire
        self._host_key = host_key
        self._overhead = len(wire.evidence_topic)
        self._delivery = Delivery(journal, limits, self._overhead, mono())
        self._connection = 0
        # Hashes of what left in this connection, in the order in which it left last. Newer receipts answer newer ones:
        # so what left before the last that was answered is not here any more.
        self._sent: "OrderedDict[str, None]" = OrderedDict()
        self.rejected: Dict[str, int] = {}
        self.sent_bytes = 0

    @property
    def host_kid(self) -> str:
        """The name of the host's key that receipts are checked with; it may change with each of them."""
        return self._host_key.kid

    def receipts(self) -> List[Verdict]:
        """Use the receipts that have come. Raises JournalError."""
        verdicts = []
        for message in self.wire.take() if self._connection == self.wire.connections else ():
            try:
                text = unpack_message(message)
                claims, pinned = self._host_key.read(text, self._ueid)
                if claims.seen not in self._sent:
                    raise RejectedEvidence("replayed", "answers no token of this connection, or an older one")
                if not self._host_key.keep(pinned):
                    raise RejectedEvidence("kept", "the host's new key can't be kept")
            except RejectedEvidence as error:
                self.rejected[error.reason] = self.rejected.get(error.reason, 0) + 1
                continue
            while next(iter(self._sent)) != claims.seen:
                self._sent.popitem(last=False)
            verdict = verdict_on(claims, text, self._journal)._replace(confirm=claims.confirm)
            if verdict.receipt is not None and verdict.new_chain is None:
                lost = self._delivery.heard(claims.seq, claims.held, self._mono())
                verdict = verdict._replace(lost=lost)
            verdicts.append(verdict)
            if verdict.new_chain is not None:
                forget_lost(claims, self._journal)
                break  # the others speak of the chain that ends now
        return verdicts

    def pump(self) -> int:
        """Publish what may leave now. Returns how many tokens went. Raises JournalError."""
        if not self.wire.connected or self._connection != self.wire.connections:
            return 0
        leaving = self._delivery.next(self._mono())
        for one in leaving:
            self._sent[one.hash] = None
            self._sent.move_to_end(one.hash)  # also what goes again
            if len(self._sent) > self._limits.sent_hashes:
                self._sent.popitem(last=False)
            self.sent_bytes += len(one.message) + self._overhead
            self.wire.publish(one.message)
        return len(leaving)

    def has_new_connection(self) -> bool:
        """Whether there is a new connection since the last call. Before that was asked nothing leaves over it.

        Not done when it comes: that is in another thread.
        """
        if self._connection == self.wire.connections:
            return False
        self._connection = self.wire.connections
        self._sent.clear()
        self._delivery.begin_connection()
        return True

    def held(self) -> Held:
        """What waits in the journal."""
        return self._delivery.held()

    def over_modem(self, on_modem: bool) -> None:
        """Whether bytes are paid for, and held to `Limits.modem_day_bytes`."""
        self._delivery.on_modem = on_modem

    def begin_chain(self) -> None:
        """A new chain began."""
        self._delivery.begin_chain()
