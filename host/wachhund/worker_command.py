"""`wachhund worker`: one of any number of processes that take in and judge what robots send to a cluster."""

import argparse
import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from wachhund import service_manager
from wachhund.config import WEB_LISTEN, parse_pages_at
from wachhund.keeping.policy import FOR_EVER, KEEP_DAYS, parse_keep
from wachhund.serving import options
from wachhund.serving.stopping import stops_on_signals
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.cluster.worker import Worker


def add_parser(subparsers: Any) -> None:
    """Add `worker` to the command line."""
    parser = subparsers.add_parser(
        "worker", help="take in and judge what robots send to a cluster: any number of them, on any machines"
    )
    options.add_data_and_ledger(parser)
    parser.add_argument(
        "--pages-at", metavar="URL", help=f"the address of the pages, for notifications (default http://{WEB_LISTEN})"
    )
    parser.add_argument(
        "--keep-days", metavar="N",
        help=f"days for which evidence is kept, or {FOR_EVER} (default {KEEP_DAYS}), the same for all workers",
    )  # fmt: skip
    parser.add_argument("--keep-size", metavar="SIZE", help="how large the ledger may become, such as 200G")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT. Returns 0. Raises WachhundError when it cannot start."""
    from wachhund.cluster import settings
    from wachhund.cluster.bell_wire import BellWire
    from wachhund.cluster.desk import Desk
    from wachhund.cluster.evidence_stream import EvidenceStream
    from wachhund.cluster.joining import join
    from wachhund.cluster.receipts import Receipts
    from wachhund.cluster.shared_rules import SharedRules
    from wachhund.cluster.worker import Worker
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.one_host import one_of_many
    from wachhund.fleet.roster import Roster
    from wachhund.intake.service import IntakeService
    from wachhund.judge.rule_folder import RuleFolder
    from wachhund.ledger import Ledger
    from wachhund.ledger.place import settle
    from wachhund.log_lines import log_to_stderr
    from wachhund.notify.sealing import Sealer
    from wachhund.witness.secrets import WitnessSecrets

    log_to_stderr()
    stopping = threading.Event()
    keep = parse_keep(args.keep_days, args.keep_size)
    page = f"{parse_pages_at(args.pages_at).origin if args.pages_at else f'http://{WEB_LISTEN}'}/"
    with contextlib.ExitStack() as stack:
        stack.enter_context(stops_on_signals(stopping))
        data = DataFolder(args.data or default_data_folder()).make()
        stack.enter_context(one_of_many(data))
        cluster = settings.read(data)
        if args.ledger is not None:
            settle(data.ledger, args.ledger)
        ledger = Ledger.open(data.ledger)
        stack.callback(ledger.close)
        lanes = ledger.lanes.count()
        if lanes != cluster.lanes:
            raise MisuseError(
                f"cluster.json: {cluster.lanes} lanes, and the ledger has {lanes}: it is another cluster's"
            )
        keys = HostKeys.load_or_create(data)
        wire = join(data, cluster, _name())
        stream = EvidenceStream(wire, lanes, cluster.replicas)
        bell = BellWire(wire, ledger.changes)
        sealer = Sealer.load_or_make(data)

        def intake(own: Ledger, roster: Roster, committed: Callable[[Collection[str]], None]) -> IntakeService:
            return IntakeService(
                own, roster, keys, lambda _: Receipts(stream.publish), witness_secrets=WitnessSecrets(data),
                on_commit=committed,
            )  # fmt: skip

        worker = Worker(
            ledger, ledger.book(_name()), stream, lanes,
            SharedRules(RuleFolder(data.rules, keys={keys.kid: keys.key.public_key()})),
            intake, lambda own: Desk(own, sealer, keep, page),
        )  # fmt: skip
        stack.callback(wire.stop)
        stack.callback(bell.stop)
        wire.start()
        stack.callback(worker.stop)
        worker.start()
        print("wachhund: worker: ready", flush=True)
        service_manager.tell("READY=1\nSTATUS=worker")
        _turn(stopping, worker)
        service_manager.tell("STOPPING=1")
    return 0


def _name() -> str:
    """A name that no other process has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _turn(stopping: threading.Event, worker: "Worker") -> None:
    from wachhund.cluster.worker import BEAT_S

    signs = service_manager.SignsOfLife()
    while not stopping.is_set():
        worker.turn()
        signs.give(lambda: next(filter(None, worker.faults), f"{len(worker.lanes)} lanes"))
        stopping.wait(BEAT_S)
