"""What waits for a target, brought there: tried, noted, tried again later.

At least once: what arrived is noted after the receiver took it. A try whose end nobody noted (the host was killed, the
answer got lost) is repeated with the same id. What was noted as arrived is never sent again.
"""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection

from wachhund.ledger import notify_queue, notify_targets
from wachhund.ledger.notify_records import DEAD, DELIVERED, WAITING, Message, Target
from wachhund.ledger.notifying import Notifying
from wachhund.notify.plain_text import plain
from wachhund.notify.retrying import DEAD_AFTER_S, wait_s
from wachhund.notify.sealing import Sealer
from wachhund.notify.sending import SEND_S, Answer, Sender, SenderFailed, sender
from wachhund_evidence import MisuseError

AT_ONCE = 20  # messages in one transaction's look
IDLE_S = 20.0  # a process that sends stays so long for what comes next: starting one takes seconds
_GIVEN_UP = "given up after a day of tries"

_log = logging.getLogger(__name__)


class Delivery:
    """The delivering of one target's messages, in the thread that calls `run`."""

    def __init__(
        self, notifying: Notifying, sealer: Sealer, target: Target, stop: threading.Event,
        clock: Callable[[], float] = time.time, may_stay: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._notifying, self._sealer, self._target, self._stop, self._clock = notifying, sealer, target, stop, clock
        self._may_stay = may_stay

    def run(self) -> None:
        """Until nothing waits any more, or a try failed. Raises LedgerError.

        `may_stay`: whether the process may wait a while for more, or others wait for its place.
        """
        try:
            held = self._sealer.open(self._target.sealed, self._target.id)
            with sender(held, self._target.allowed) as (running, begun):
                if not begun.ok:
                    self._fail_all(begun.words)
                    return
                self._drain(running)
        except (SenderFailed, MisuseError) as error:
            self._fail_all(str(error))

    def _drain(self, running: Sender) -> None:
        idle_since = time.monotonic()
        while not self._stop.is_set():
            with self._notifying.reading() as connection:
                batch = notify_queue.waiting(connection, self._target.id, AT_ONCE)
            for message in batch:
                if self._stop.is_set() or not self._deliver(running, message):
                    return
            if batch:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= IDLE_S or not self._may_stay():
                return
            else:
                self._stop.wait(0.5)

    def _deliver(self, running: Sender, message: Message) -> bool:
        """Whether to go on with the next."""
        if self._clock() - message.made_t > DEAD_AFTER_S:
            self._settle(message, DEAD, Answer(False, f"{_GIVEN_UP}: {message.words or 'none was made'}"))
            return True
        with self._notifying.writing() as connection:
            if not notify_queue.begin(connection, message.id, self._clock()):
                return True
        answer = running.ask({**(message.body or {}), "id": message.id}, SEND_S)
        self._settle(message, DELIVERED if answer.ok else WAITING, answer)
        return answer.ok

    def _settle(self, message: Message, state: str, answer: Answer) -> None:
        t = self._clock()
        words = plain(answer.words, 400)
        with self._notifying.writing() as connection:
            notify_queue.settle(connection, message.id, state, words, t)
            self._note_try(connection, answer.ok, words, t)
        self._notifying.ring()
        if not answer.ok:
            _log.warning("notify: %s: %s: %s", plain(self._target.name), state, words)

    def _note_try(self, connection: Connection, ok: bool, words: str, t: float) -> None:
        failures = 0 if ok else self._failures(connection) + 1
        notify_targets.change(
            connection, self._target.id, last_t=t, last_ok=ok, last_words=words, failures=failures,
            retry_t=0.0 if ok else t + wait_s(failures),
        )  # fmt: skip

    def _failures(self, connection: Connection) -> int:
        return next((one.failures for one in notify_targets.all_targets(connection) if one.id == self._target.id), 0)

    def _fail_all(self, words: str) -> None:
        """Nothing can be sent there at all: everything waits, or is given up."""
        t, said = self._clock(), plain(words, 400)
        with self._notifying.writing() as connection:
            for message in notify_queue.waiting(connection, self._target.id, AT_ONCE):
                dead = t - message.made_t > DEAD_AFTER_S
                notify_queue.settle(
                    connection, message.id, DEAD if dead else WAITING, f"{_GIVEN_UP}: {said}" if dead else said, t
                )
            self._note_try(connection, False, said, t)
        self._notifying.ring()
        _log.warning("notify: %s: %s", plain(self._target.name), said)
