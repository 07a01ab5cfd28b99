"""Evidence by three nodes, each a `wachhund node` of its own, and a worker in the tests' process, which has all lanes.

In their process, so that a test gives it a quota and looks into what was refused; tests of worker processes start them
(whole_cluster.py, cluster_host.py).
"""

import contextlib
import secrets
import threading
from collections.abc import Callable, Collection

from tests.robots.evidence_way import Parts
from tests.robots.nats_cluster import NatsCluster
from tests.waiting import until
from wachhund.cluster.bell_wire import BellWire
from wachhund.cluster.desk import Desk
from wachhund.cluster.evidence_stream import EvidenceStream
from wachhund.cluster.joining import join
from wachhund.cluster.receipts import Receipts
from wachhund.cluster.shared_rules import SharedRules
from wachhund.cluster.worker import BEAT_S, Worker
from wachhund.fleet.roster import Roster
from wachhund.intake.service import IntakeService
from wachhund.judge.rule_folder import RuleFolder
from wachhund.keeping.policy import Keep
from wachhund.ledger import Ledger
from wachhund.notify.sealing import Sealer
from wachhund.witness.secrets import WitnessSecrets

LANES = 4
READY_S = 60.0


class NodesAndWorker:
    """Robots connect to the first node. A node has its own patience with who floods: `Parts.held_off` cuts nobody."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        parts.ledger.lanes.make(LANES)
        self.nats = NatsCluster(parts.data, lanes=LANES, tls=parts.authority is not None)
        self._stopping = threading.Event()
        self._stack = contextlib.ExitStack()

    @property
    def port(self) -> int:
        return self.nats.mqtt("n1")

    def start(self) -> None:
        with self._stack:
            self._stack.enter_context(self.nats)
            worker = self._worker()
            turns = threading.Thread(target=self._turns, args=(worker,), name="turns")
            turns.start()
            self._stack.callback(turns.join)
            self._stack.callback(self._stopping.set)
            until(lambda: len(worker.lanes) == LANES + 1, READY_S, "the worker has all lanes and the desk")
            self._stack = self._stack.pop_all()

    def stop(self) -> None:
        self._stack.close()

    def _worker(self) -> Worker:
        parts, name = self._parts, f"tests-{secrets.token_hex(4)}"
        wire = join(parts.data, self.nats.cluster, name)
        stream = EvidenceStream(wire, LANES, self.nats.cluster.replicas)
        bell = BellWire(wire, parts.ledger.changes)
        self._stack.callback(wire.stop)
        self._stack.callback(bell.stop)
        wire.start()
        sealer = Sealer.load_or_make(parts.data)

        def intake(own: Ledger, roster: Roster, committed: Callable[[Collection[str]], None]) -> IntakeService:
            return IntakeService(
                own, roster, parts.keys, lambda _: Receipts(stream.publish), parts.quota, parts.rejections,
                parts.held_off, WitnessSecrets(parts.data), on_commit=committed,
            )  # fmt: skip

        return Worker(
            parts.ledger, parts.ledger.book(name), stream, LANES,
            SharedRules(RuleFolder(parts.data.rules, keys={parts.keys.kid: parts.keys.key.public_key()})),
            intake, lambda own: Desk(own, sealer, Keep(), "http://127.0.0.1/"),
        )  # fmt: skip

    def _turns(self, worker: Worker) -> None:
        worker.start()
        while not self._stopping.is_set():
            worker.turn()
            self._stopping.wait(BEAT_S)
        worker.stop()
