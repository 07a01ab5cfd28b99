"""`wachhund node NAME`: this machine's part of a cluster, one nats-server that is watched and started again."""

import argparse
import contextlib
import datetime
import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund import service_manager
from wachhund.serving.stopping import stops_on_signals

if TYPE_CHECKING:
    from wachhund.broker import Broker
    from wachhund.cluster.settings import Cluster
    from wachhund.fleet.authority import Authority
    from wachhund.fleet.data_folder import DataFolder
    from wachhund.fleet.refused import Rejections
    from wachhund.ledger import Ledger

_log = logging.getLogger("wachhund.node")
_LOOK_S = 1.0  # between two signs of life; what was refused is written as often


def add_parser(subparsers: Any) -> None:
    """Add `node` to the command line."""
    parser = subparsers.add_parser(
        "node", help="start this machine's node of a cluster: the broker that robots, workers and pages meet at"
    )
    parser.add_argument("name", metavar="NAME", help="which of the nodes in cluster.json this machine is")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder (default: the user's own)")
    parser.add_argument(
        "--ledger", metavar="URL", help="the PostgreSQL server that holds the ledger: as with `wachhund serve`"
    )
    parser.add_argument(
        "--listen-at", metavar="ADDRESS",
        help="the address at which its doors are (default: all of this machine's, or loopback where the node has it)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Be a node until SIGTERM or SIGINT. Returns 0. Raises WachhundError when it cannot start."""
    from wachhund.broker import Broker
    from wachhund.cluster import secret as cluster_secret
    from wachhund.cluster import settings
    from wachhund.cluster.membership import member_of
    from wachhund.config import Address
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.held_off import HeldOff
    from wachhund.fleet.refused import Rejections
    from wachhund.fleet.roster import Roster
    from wachhund.ledger import Ledger
    from wachhund.ledger.place import settle
    from wachhund.log_lines import log_to_stderr

    log_to_stderr()
    stopping = threading.Event()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stops_on_signals(stopping))
        data = DataFolder(args.data or default_data_folder()).make()
        cluster = settings.read(data)
        node = cluster.node(args.name)
        secret = cluster_secret.read(data)
        if args.ledger is not None:
            settle(data.ledger, args.ledger)
        ledger = Ledger.open(data.ledger)
        stack.callback(ledger.close)
        authority = authority_of(data, cluster)
        member = member_of(data, cluster, secret, args.name, authority, args.listen_at)
        rejections = Rejections()
        broker = Broker(
            data, Roster(ledger), member.listens_at, node.mqtt,
            authority=authority, rejections=rejections, held_off=HeldOff(), member=member,
        )  # fmt: skip
        stack.callback(broker.stop)
        broker.start()
        scheme = "mqtts" if cluster.tls else "mqtt"
        print(f"wachhund: node {node.name}: ready: {scheme}://{Address(node.host, node.mqtt)}", flush=True)
        service_manager.tell(f"READY=1\nSTATUS=node {node.name}")
        _watch(stopping, broker, ledger, rejections)
        service_manager.tell("STOPPING=1")
    return 0


def authority_of(data: "DataFolder", cluster: "Cluster") -> "Authority | None":
    """The authority whose certificates a cluster's doors show; None where robots come in clear. Raises MisuseError."""
    from wachhund.fleet.authority import Authority

    if not cluster.tls:
        return None
    return Authority.load_or_create(data, cluster.door_names(), datetime.datetime.now(datetime.UTC))


def _watch(stopping: threading.Event, broker: "Broker", ledger: "Ledger", rejections: "Rejections") -> None:
    """Write down what the broker refused, and tell the service manager how it is, until it is to stop."""
    from wachhund.ledger import LedgerError

    signed, sign_s = time.monotonic(), service_manager.sign_of_life_s()
    while not stopping.wait(min(_LOOK_S, sign_s or _LOOK_S)):
        taken = rejections.take()
        if taken:
            try:
                ledger.add_rejections(taken)
            except LedgerError:
                rejections.give_back(taken)
        if sign_s and time.monotonic() - signed >= sign_s:
            signed = time.monotonic()
            service_manager.tell(f"WATCHDOG=1\nSTATUS={broker.fault or 'running'}")
