"""`wachhund serve`: one process that starts broker, intake, judge and pages, and stops them in the order of the data.

This is a composition root: it makes the parts, hands them to each other and lets go. It decides nothing.
"""

import argparse
import contextlib
import datetime
from typing import TYPE_CHECKING, Any

from wachhund import service_manager
from wachhund.config import (
    BROKER_LISTEN,
    OPEN_BROKER_LISTEN,
    OPEN_ENROL_LISTEN,
    Address,
    ServeConfig,
)
from wachhund.keeping.policy import FOR_EVER, KEEP_DAYS
from wachhund.serving import options
from wachhund.serving.stopping import StopRequested, stop_signals
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.fleet.authority import Authority
    from wachhund.fleet.data_folder import DataFolder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.ledger import Ledger
    from wachhund.web.enrol_page import WayIn


def add_parser(subparsers: Any) -> None:
    """Add `serve` to the command line."""
    parser = subparsers.add_parser("serve", help="start the host: broker, intake, judge and pages in one process")
    options.add_where(parser)
    parser.add_argument(
        "--pages-at", metavar="URL",
        help="where people find the pages by a reverse proxy on this machine, such as https://wachhund.example.org",
    )  # fmt: skip
    parser.add_argument(
        "--name", metavar="ADDRESS", action="append", default=[],
        help="a name or address by which robots reach this host (repeatable, up to 8; they try in this order): opens "
        "broker and enrolment, by TLS",
    )  # fmt: skip
    parser.add_argument(
        "--broker-listen", metavar="ADDRESS:PORT",
        help=f"where robots find the broker (default {BROKER_LISTEN} in clear, with --name {OPEN_BROKER_LISTEN})",
    )  # fmt: skip
    parser.add_argument(
        "--enrol-listen", metavar="ADDRESS:PORT", help=f"where robots enrol (with --name; default {OPEN_ENROL_LISTEN})"
    )
    options.add_login_link(parser)
    parser.add_argument(
        "--keep-days", metavar="N",
        help=f"days for which evidence is kept, or {FOR_EVER} (default {KEEP_DAYS}); then hashes only",
    )  # fmt: skip
    parser.add_argument(
        "--keep-size", metavar="SIZE",
        help="how large the ledger may become, such as 20G: then the oldest goes sooner (default: no bound)",
    )  # fmt: skip
    options.add_who_may(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0. Raises WachhundError when a part cannot start."""
    from wachhund.log_lines import log_to_stderr

    config = ServeConfig.from_arguments(args)
    log_to_stderr()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stop_signals())
        with contextlib.suppress(StopRequested):
            _serve(config, stack)
    return 0


def _serve(config: ServeConfig, stack: contextlib.ExitStack) -> None:
    """Start all parts; `stack` stops them, the last first: pages, notifier, keeper, judge, intake, broker, ledger."""
    from wachhund.alerts.campaign_watch import CampaignWatch
    from wachhund.alerts.watch import SilenceWatch
    from wachhund.broker import Broker
    from wachhund.fleet import host_key_change
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.held_off import HeldOff
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.one_host import only_host
    from wachhund.fleet.refused import Rejections
    from wachhund.fleet.roster import Roster
    from wachhund.intake.mqtt import Wire
    from wachhund.intake.service import IntakeService
    from wachhund.judge.loop import JudgeLoop
    from wachhund.judge.rule_folder import RuleFolder
    from wachhund.keeping.keeper import Keeper
    from wachhund.ledger import Ledger
    from wachhund.ledger.place import server_of, settle
    from wachhund.notify.holding_back import by_life
    from wachhund.notify.sealing import Sealer
    from wachhund.notify.service import Notifier
    from wachhund.people.sign_on_config import read_sign_on
    from wachhund.serving.first_login import say_how_to_log_in
    from wachhund.serving.listening import listen_for_pages
    from wachhund.serving.pages import Pages, origin_of, proxies_of, serve_pages
    from wachhund.web.door import Door
    from wachhund.web.metrics import MetricsWish
    from wachhund.witness.secrets import WitnessSecrets

    sign_on = None if config.sign_on is None else read_sign_on(config.sign_on)
    data = DataFolder(config.data or default_data_folder()).make()
    stack.enter_context(only_host(data))
    host_key_change.finish(data)
    listener = stack.enter_context(listen_for_pages(config.web))
    keys = HostKeys.load_or_create(data)
    if config.ledger is not None:
        settle(data.ledger, config.ledger)
    ledger = Ledger.open(data.ledger)
    stack.callback(ledger.close)
    if ledger.lanes.count():
        raise MisuseError("serve: this ledger is a cluster's: start its nodes, workers and webs (docs/cluster.md)")
    roster = Roster(ledger)
    authority = _authority(data, config) if config.names else None
    rejections, held_off = Rejections(), HeldOff()
    broker = Broker(
        data, roster, config.broker.host, config.broker.port,
        authority=authority, rejections=rejections, held_off=held_off,
    )  # fmt: skip
    stack.callback(broker.stop)
    broker.start()
    way_in = None
    if authority is not None and config.enrol is not None:
        way_in = _open_enrolment(config, config.enrol, data, keys, authority, ledger, stack)

    intake = IntakeService(
        ledger, roster, keys, lambda on_evidence: Wire(broker.access(), on_evidence),
        rejections=rejections, held_off=held_off, witness_secrets=WitnessSecrets(data),
    )  # fmt: skip
    stack.callback(intake.stop)
    intake.start()
    judge = JudgeLoop(ledger, (), rule_folder=RuleFolder(data.rules, keys={keys.kid: keys.key.public_key()}))
    stack.callback(judge.stop)
    judge.start()
    silences = SilenceWatch(ledger)
    stack.callback(silences.stop)
    silences.start()
    campaigns = CampaignWatch(ledger)
    stack.callback(campaigns.stop)
    campaigns.start()
    keeper = Keeper(ledger, config.keep)
    stack.callback(keeper.stop)
    keeper.start()
    door = Door(ledger)
    web = Address(config.web.host, listener.getsockname()[1])
    sealer = Sealer.load_or_make(data)
    notifier = Notifier(ledger, sealer, f"{origin_of(web, config.pages_at)}/", by_life(ledger))
    stack.callback(notifier.stop)
    notifier.start()

    def faults() -> tuple[str | None, ...]:
        return broker.fault, intake.fault, judge.fault, campaigns.fault, keeper.fault, notifier.fault

    pages = Pages(
        ledger, door, data, keys, web, config.pages_at, proxies_of(config.pages_at), faults, faults, sealer,
        MetricsWish(config.metrics_open, config.metrics_robots), sign_on, lambda: (keeper.keep, keeper.last.ended_t),
        way_in, is_one_of_many=server_of(data.ledger) is not None,
    )  # fmt: skip

    def say_ready() -> None:
        say_how_to_log_in(door, pages.address, config.login_link, data)
        scheme = "mqtts" if config.names else "mqtt"
        doors = f", enrolment {config.enrol}" if config.enrol is not None else ""
        print(f"wachhund: ready: {pages.address} (broker {scheme}://{config.broker}{doors})", flush=True)
        service_manager.tell(f"READY=1\nSTATUS=ready: {pages.address}")

    serve_pages(pages, listener, say_ready)


def _authority(data: "DataFolder", config: ServeConfig) -> "Authority":
    from wachhund.fleet.authority import Authority

    # The host's own parts come by loopback and check the name as strictly as anybody.
    names = [*config.names, "127.0.0.1", "::1", "localhost"]
    return Authority.load_or_create(data, names, datetime.datetime.now(datetime.UTC))


def _open_enrolment(
    config: ServeConfig, where: Address, data: "DataFolder", keys: "HostKeys", authority: "Authority",
    ledger: "Ledger", stack: contextlib.ExitStack,
) -> "WayIn":  # fmt: skip
    """The door for robots that enrol, and the file that says where it is. Returns how the pages invite."""
    from wachhund.fleet import doors
    from wachhund.serving.enrolment import open_enrolment, way_in
    from wachhund.serving.listening import listen

    listener = stack.enter_context(listen(where, "--enrol-listen"))
    reached = doors.doors_of(config.names, listener.getsockname()[1], config.broker.port)
    doors.save(data.doors, reached)

    open_enrolment(listener, data, keys, authority, ledger, reached.brokers, stack)
    return way_in(data, keys, ledger)
