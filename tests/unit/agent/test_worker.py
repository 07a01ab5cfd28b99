"""Between senses and attester: the worker sleeps until there is something to do, and is woken for what may not wait."""

import threading
import time
from pathlib import Path
from typing import List

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.waiting import until
from wachhund_agent.agent_run import Queue, Worker
from wachhund_agent.attester import Attester, is_of_interest
from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.host_key import HostKey
from wachhund_agent.journal import Journal
from wachhund_agent.mqtt_wire import MqttWire
from wachhund_agent.uplink import Uplink
from wachhund_evidence import Observation, make_nonce, ueid_of

LONG_S = 30.0  # longer than any test: what ends such a wait was not the time
INTEREST = Observation("process.start", 1.0, 1.0, "test", {})


def waited(queue: Queue, known: bool) -> List[bool]:
    """Where the answer of a wait in another thread will stand."""
    answers: List[bool] = []
    thread = threading.Thread(target=lambda: answers.append(queue.wait(LONG_S, known)), daemon=True)
    thread.start()
    return answers


def test_something_of_interest_ends_a_wait_at_once() -> None:
    """It may be what somebody waits for."""
    queue = Queue(10)
    answers = waited(queue, known=False)
    queue.put([INTEREST])
    until(lambda: answers, 10, "it comes")
    assert answers == [True]


def test_a_receipt_ends_a_wait_that_interest_would_not_end() -> None:
    """Nobody looks for receipts meanwhile: they make room for what waits in the journal."""
    queue = Queue(10)
    queue.put([INTEREST])
    answers = waited(queue, known=True)
    queue.wake()
    until(lambda: answers, 10, "it comes")
    assert answers == [True]
    assert queue.wait(0.0) is True, "it was woken once"


def test_a_closed_queue_is_not_waited_for() -> None:
    queue = Queue(10)
    queue.close()
    for _ in range(2):
        answers = waited(queue, known=True)
        until(lambda answers=answers: answers, 10, "it comes")  # type: ignore[misc]


def test_the_worker_sleeps_while_something_of_interest_may_not_leave_yet(tmp_path: Path) -> None:
    """It once asked the clock without end until the time had come: a whole core for half a second each time."""
    assert is_of_interest(INTEREST)
    key = Ed25519PrivateKey.generate()
    limits = Limits(first_delay_s=1.5, lively_every_s=1.5)
    journal = Journal(tmp_path / "journal", limits, lambda folder, limits: False)
    host = Ed25519PrivateKey.generate().public_key()
    nonce = make_nonce(b"s" * 32, ueid_of(key.public_key()), 1)
    config = Config("abcdefghij", (Broker("127.0.0.1", 9),), "c", "u", "p", host, nonce, tmp_path, tmp_path)
    attester = Attester(journal, key, nonce, "A" * 43, {}, limits)
    queue = Queue(10)
    wire = MqttWire(config, limits, lambda line: None)
    uplink = Uplink(HostKey(config, lambda line: None), journal, limits, ueid_of(key.public_key()), wire)
    worker = Worker(queue, attester, journal, uplink, limits, lambda: False)
    used: List[float] = []

    def work() -> None:
        worker.run()
        used.append(time.thread_time())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(lambda: journal.next_seq == 2, 10, "it comes")  # the first heartbeat
    queue.put([INTEREST])
    until(lambda: journal.next_seq == 3, 10, "it comes")
    worker.stop()
    thread.join(10)
    journal.close()
    assert worker.failure is None and used[0] < 0.1, "seconds of a processor for one token"
