"""`wachhund web`: one of any number of processes that serve pages and API of a ledger on PostgreSQL, and nothing else.

Evidence is taken in, judged and forgotten elsewhere: by `wachhund serve`, or by the workers of a cluster. This is a
composition root: it makes the parts, hands them to each other and lets go.
"""

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from wachhund import service_manager
from wachhund.config import Address, WebConfig
from wachhund.serving import options
from wachhund.serving.stopping import StopRequested, stop_signals
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.fleet.data_folder import DataFolder
    from wachhund.ledger import Ledger


def add_parser(subparsers: Any) -> None:
    """Add `web` to the command line."""
    parser = subparsers.add_parser(
        "web",
        help="serve pages and API only, beside others that do, for a ledger on PostgreSQL",
        description="Any number of these may run, on any machines, behind any load balancer: a person may be sent to "
        "another one with each click. All need the host's data folder (its keys, and where the ledger is). Robots are "
        "served by `wachhund serve`, or by a cluster's workers.",
    )
    options.add_where(parser)
    parser.add_argument(
        "--pages-at", metavar="URL",
        help="where people find the pages by the load balancer, such as https://wachhund.example.org",
    )  # fmt: skip
    parser.add_argument(
        "--proxy", metavar="ADDRESS", action="append", default=[],
        help="the address of a load balancer, or its network (10.0.0.0/28), whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed, as are those from this machine (repeatable; with --pages-at)",
    )  # fmt: skip
    parser.add_argument(
        "--replica", metavar="URL",
        help="a standby of the ledger's server from which pages, hunts and reports are read; written into the data "
        "folder, and needed once (default: all is asked of the one server)",
    )  # fmt: skip
    options.add_login_link(parser)
    options.add_who_may(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0. Raises WachhundError when a part cannot start."""
    from wachhund.log_lines import log_to_stderr

    config = WebConfig.from_arguments(args)
    log_to_stderr()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stop_signals())
        with contextlib.suppress(StopRequested):
            _serve(config, stack)
    return 0


def _serve(config: WebConfig, stack: contextlib.ExitStack) -> None:
    """Start all parts; `stack` stops them, the last first."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.one_host import one_of_many
    from wachhund.ledger import Ledger
    from wachhund.ledger.place import server_of, settle, settle_replica
    from wachhund.notify.sealing import Sealer
    from wachhund.people.sign_on_config import read_sign_on
    from wachhund.serving.enrolment import way_in
    from wachhund.serving.first_login import say_how_to_log_in
    from wachhund.serving.listening import listen_for_pages
    from wachhund.serving.pages import Pages, proxies_of, serve_pages
    from wachhund.web.door import Door
    from wachhund.web.ledger_faults import LedgerFaults
    from wachhund.web.metrics import MetricsWish

    sign_on = None if config.sign_on is None else read_sign_on(config.sign_on)
    data = DataFolder(config.data or default_data_folder())
    _require_a_hosts(data)
    _finish_key_change(data)
    stack.enter_context(one_of_many(data))
    listener = stack.enter_context(listen_for_pages(config.web))
    keys = HostKeys.load_or_create(data)
    if config.ledger is not None:
        settle(data.ledger, config.ledger)
    if server_of(data.ledger) is None:
        raise MisuseError(
            f"web: the ledger of {data.path} is a file, whose pages `wachhund serve` serves: `wachhund ledger move` "
            "brings it to a server, and --ledger says where one is"
        )
    if config.replica is not None:
        settle_replica(data.ledger, config.replica)
    ledger = Ledger.open_with_replica(data.ledger)
    stack.callback(ledger.close)
    _hear_other_bells(data, ledger, stack)
    web = Address(config.web.host, listener.getsockname()[1])
    door, has_doors = Door(ledger), data.doors.is_file() and data.authority_key.is_file()
    pages = Pages(
        ledger, door, data, keys, web, config.pages_at, proxies_of(config.pages_at, config.proxies),
        LedgerFaults(ledger), tuple, Sealer.load_or_make(data) if data.notify_key.exists() else None,
        MetricsWish(config.metrics_open, config.metrics_robots), sign_on, keeping=None,
        way_in=way_in(data, keys, ledger) if has_doors else None, is_one_of_many=True,
    )  # fmt: skip

    def say_ready() -> None:
        say_how_to_log_in(door, pages.address, config.login_link, data)
        print(f"wachhund: ready: {pages.address} (pages only)", flush=True)
        service_manager.tell(f"READY=1\nSTATUS=ready: {pages.address}")

    serve_pages(pages, listener, say_ready)


def _hear_other_bells(data: "DataFolder", ledger: "Ledger", stack: contextlib.ExitStack) -> None:
    """In a cluster: ring `ledger.changes` when another process does, and theirs when this one does, until `stack` ends.

    Elsewhere what others commit is seen by the look that streams and boards take each second.
    """
    from wachhund.cluster import settings

    if not settings.is_cluster(data):
        return
    from wachhund.cluster.bell_wire import BellWire
    from wachhund.cluster.joining import join

    wire = join(data, settings.read(data), "web")
    stack.callback(wire.stop)
    stack.callback(BellWire(wire, ledger.changes).stop)
    wire.start()


def _require_a_hosts(data: "DataFolder") -> None:
    """This process makes no keys: of several that did, each would be another host. Raises MisuseError."""
    missing = [path.name for path in (data.host_key, data.nonce_secret) if not path.is_file()]
    if missing:
        raise MisuseError(
            f"data folder: {data.path}: holds no {' and no '.join(missing)}: copy the host's own folder there, but for "
            "its ledger (docs/server.md)"
        )


def _finish_key_change(data: "DataFolder") -> None:
    from wachhund.fleet import host_key_change
    from wachhund.fleet.one_host import nobody_else

    if data.next_host_key.exists():
        with nobody_else(data):
            host_key_change.finish(data)
