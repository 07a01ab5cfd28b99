"""`wachhund cluster init`: what makes a host of several machines."""

import argparse
from typing import Any

from wachhund.serving import options
from wachhund_evidence import MisuseError


def add_parser(subparsers: Any) -> None:
    """Add `cluster` to the command line."""
    cluster = subparsers.add_parser("cluster", help="a host on several machines")
    acts = cluster.add_subparsers(dest="act", metavar="ACT", required=True)
    init = acts.add_parser(
        "init",
        help="make its settings and its lanes",
        description="Writes cluster.json and cluster-secret into the data folder, and divides the ledger, which a "
        "PostgreSQL server holds, into lanes. Copy the whole data folder to every machine then. The number of lanes "
        "stays: it is the most workers that can share the fleet.",
    )
    init.add_argument("--lanes", metavar="N", type=int, required=True, help="how many shares the fleet has, 1 to 128")
    init.add_argument(
        "--node", metavar="NAME=HOST[:MQTT[:CLIENT[:ROUTE]]]", action="append", required=True,
        help="a machine with a broker, and how it is reached (repeatable: one, or three and more; ports "
        "8883, 4222 and 6222 if none are given)",
    )  # fmt: skip
    init.add_argument(
        "--name", metavar="ADDRESS", action="append", default=[],
        help="a name or address by which robots reach the nodes beside their own, such as a load balancer's "
        "(repeatable)",
    )  # fmt: skip
    init.add_argument(
        "--enrol-port", metavar="PORT", type=int,
        help="the port of each node at which robots enrol; 0 for none (default 8443, by TLS)",
    )  # fmt: skip
    init.add_argument(
        "--in-clear", action="store_true", help="without TLS: where all nodes are on this machine, to try things out"
    )
    options.add_data_and_ledger(init)
    init.set_defaults(run=run_init)


def run_init(args: argparse.Namespace) -> int:
    """Make them. Raises MisuseError or LedgerError: nothing was changed then but, at most, lanes were made."""
    from wachhund.cluster import secret, settings
    from wachhund.cluster.membership import authority_of
    from wachhund.fleet import doors
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.one_host import nobody_else
    from wachhund.ledger import Ledger
    from wachhund.ledger.place import settle
    from wachhund.notify.sealing import Sealer

    nodes = tuple(settings.parse_node(text) for text in args.node)
    apart = len({node.host for node in nodes}) == len(nodes)  # each on a machine of its own
    enrol = settings.ENROL_PORT if apart and not args.in_clear else 0
    enrol = enrol if args.enrol_port is None else args.enrol_port
    monitor = settings.MONITOR_PORT if apart else 0
    wanted = settings.Cluster(args.lanes, nodes, not args.in_clear, tuple(args.name), enrol, monitor)
    cluster = settings.checked(wanted, "cluster init")
    data = DataFolder(args.data or default_data_folder()).make()
    path = settings.path_of(data)
    with nobody_else(data):
        if path.exists():
            raise MisuseError(f"cluster init: {path}: is there already: edit it, and copy it to every machine")
        if args.ledger is not None:
            settle(data.ledger, args.ledger)
        HostKeys.load_or_create(data)
        Sealer.load_or_make(data)  # one of them for all: what one machine seals, another opens
        if authority_of(data, cluster) is not None and cluster.enrol:
            doors.save(data.doors, cluster.doors())
        ledger = Ledger.open(data.ledger)
        try:
            ledger.lanes.make(cluster.lanes)
        finally:
            ledger.close()
        if not secret.path_of(data).exists():
            secret.make(data)
        settings.write(data, cluster)
    print(f"wachhund: cluster of {len(nodes)} nodes and {cluster.lanes} lanes: copy {data.path} to every machine")
    for node in nodes:
        print(f"wachhund: on {node.host}: wachhund node {node.name}")
    return 0
