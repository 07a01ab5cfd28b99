"""`wachhund cluster init`: what makes a host of several machines."""

import argparse
from pathlib import Path
from typing import Any

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
        "--in-clear", action="store_true", help="without TLS: where all nodes are on this machine, to try things out"
    )
    init.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder (default: the user's own)")
    init.add_argument(
        "--ledger", metavar="URL", help="the PostgreSQL server that holds the ledger: as with `wachhund serve`"
    )
    init.set_defaults(run=run_init)


def run_init(args: argparse.Namespace) -> int:
    """Make them. Raises MisuseError or LedgerError: nothing was changed then but, at most, lanes were made."""
    from wachhund.cluster import secret, settings
    from wachhund.cluster.node import authority_of
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.one_host import only_host
    from wachhund.ledger import Ledger
    from wachhund.ledger.place import settle

    nodes = tuple(settings.parse_node(text) for text in args.node)
    wanted = settings.Cluster(args.lanes, nodes, not args.in_clear, tuple(args.name))
    cluster = settings.checked(wanted, "cluster init")
    data = DataFolder(args.data or default_data_folder()).make()
    path = settings.path_of(data)
    with only_host(data):
        if path.exists():
            raise MisuseError(f"cluster init: {path}: is there already: edit it, and copy it to every machine")
        if args.ledger is not None:
            settle(data.ledger, args.ledger)
        HostKeys.load_or_create(data)
        authority_of(data, cluster)
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
