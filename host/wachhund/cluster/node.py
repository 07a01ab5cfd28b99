"""`wachhund node NAME`: this machine's part of a cluster, one nats-server that is watched and started again."""

import argparse
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from wachhund import service_manager
from wachhund.serving import options
from wachhund.serving.stopping import stops_on_signals

if TYPE_CHECKING:
    from wachhund.broker import Broker
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
    options.add_data_and_ledger(parser)
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
    from wachhund.cluster.membership import authority_of, member_of
    from wachhund.config import Address
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.held_off import HeldOff
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.one_host import one_of_many
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
        stack.enter_context(one_of_many(data))
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
        broker.start(stopping)
        if stopping.is_set():
            return 0
        if cluster.enrol and authority is not None:
            from wachhund.serving.enrolment import open_enrolment
            from wachhund.serving.listening import listen

            listener = stack.enter_context(listen(Address(member.listens_at, cluster.enrol), "cluster.json: enrol"))
            keys, brokers = HostKeys.load_or_create(data), cluster.doors().brokers
            open_enrolment(listener, data, keys, authority, ledger, brokers, stack)
        scheme = "mqtts" if cluster.tls else "mqtt"
        print(f"wachhund: node {node.name}: ready: {scheme}://{Address(node.host, node.mqtt)}", flush=True)
        service_manager.tell(f"READY=1\nSTATUS=node {node.name}")
        _watch(stopping, broker, ledger, rejections)
        service_manager.tell("STOPPING=1")
    return 0


def _watch(stopping: threading.Event, broker: "Broker", ledger: "Ledger", rejections: "Rejections") -> None:
    """Write down what the broker refused, and tell the service manager how it is, until it is to stop."""
    from wachhund.ledger import LedgerError

    signs = service_manager.SignsOfLife()
    while not stopping.wait(min(_LOOK_S, signs.every_s or _LOOK_S)):
        taken = rejections.take()
        if taken:
            try:
                ledger.add_rejections(taken)
            except LedgerError:
                rejections.give_back(taken)
        signs.give(lambda: broker.fault or "running")
