"""`wachhund serve`: one process that starts broker, intake, judge and pages, and stops them in the order of the data.

This is a composition root: it makes the parts, hands them to each other and lets go. It decides nothing.
"""

import argparse
import contextlib
import dataclasses
import datetime
import functools
import logging
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from wachhund import service_manager
from wachhund.config import (
    BROKER_LISTEN,
    OPEN_BROKER_LISTEN,
    OPEN_ENROL_LISTEN,
    WEB_LISTEN,
    Address,
    ServeConfig,
)
from wachhund.keeping.policy import FOR_EVER, KEEP_DAYS
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.fleet.authority import Authority
    from wachhund.fleet.data_folder import DataFolder
    from wachhund.fleet.enrolling import Enrolment
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.ledger import Ledger
    from wachhund.notify.sealing import Sealer
    from wachhund.people.sign_on_config import SignOn
    from wachhund.reports.making import Reports
    from wachhund.rulebook.hunts import Hunts
    from wachhund.web.door import Door
    from wachhund.web.enrol_page import Token, WayIn
    from wachhund.web.handing_on import HandOn
    from wachhund.web.keeping_view import Keeping
    from wachhund.web.keys_page import Keys
    from wachhund.web.rules_page import Rulebook

_log = logging.getLogger(__name__)
_LAST_WORDS_S = 3  # for pages that are being sent when the host stops
_BACKLOG = 128
_DOWNLOAD_BYTES = 64 * 1024 * 1024  # of a bundle by the pages; `wachhund export` makes larger ones


class _StopRequested(BaseException):
    """SIGTERM or SIGINT came: not an error, and no handler of errors may swallow it."""


def add_parser(subparsers: Any) -> None:
    """Add `serve` to the command line."""
    parser = subparsers.add_parser("serve", help="start the host: broker, intake, judge and pages in one process")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder (default: the user's own)")
    parser.add_argument(
        "--ledger", metavar="URL",
        help="a PostgreSQL server that is to hold the ledger, such as postgresql://wachhund@db.example.org/wachhund; "
        "written into the data folder, and needed once. No password in it: ~/.pgpass, PGPASSWORD or a service file",
    )  # fmt: skip
    parser.add_argument(
        "--listen", metavar="ADDRESS:PORT", default=WEB_LISTEN, help=f"where the pages are (default {WEB_LISTEN})"
    )
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
    parser.add_argument(
        "--login-link", action="store_true",
        help="print a new one-time login link, as at the first start: for a forgotten password",
    )  # fmt: skip
    parser.add_argument(
        "--keep-days", metavar="N",
        help=f"days for which evidence is kept, or {FOR_EVER} (default {KEEP_DAYS}); then hashes only",
    )  # fmt: skip
    parser.add_argument(
        "--keep-size", metavar="SIZE",
        help="how large the ledger may become, such as 20G: then the oldest goes sooner (default: no bound)",
    )  # fmt: skip
    parser.add_argument(
        "--metrics-open", action="store_true",
        help="let every program on this machine read /metrics without a login (default: as all pages, only with one)",
    )  # fmt: skip
    parser.add_argument(
        "--metrics-robots", action="store_true",
        help="let /metrics name robots: one series each (default: it counts them)",
    )  # fmt: skip
    parser.add_argument(
        "--single-sign-on", metavar="FILE", type=Path,
        help="let people in by an OpenID Connect provider, as that JSON file says (default: only by this host itself)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0. Raises WachhundError when a part cannot start."""
    from wachhund.log_lines import log_to_stderr

    config = ServeConfig.from_arguments(args)
    log_to_stderr()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_stop_signals())
        with contextlib.suppress(_StopRequested):
            _serve(config, stack)
    return 0


@contextlib.contextmanager
def _stop_signals() -> Iterator[None]:
    """SIGTERM and SIGINT end what runs inside; once it ends, they wait until all is put away."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise _StopRequested

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    from wachhund.ledger.place import settle
    from wachhund.notify.holding_back import by_life
    from wachhund.notify.sealing import Sealer
    from wachhund.notify.service import Notifier
    from wachhund.people.sign_on_config import read_sign_on
    from wachhund.reports.making import Reports
    from wachhund.rulebook import shelf
    from wachhund.rulebook.hunts import Hunts
    from wachhund.rulebook.listing import listing
    from wachhund.web.door import Door
    from wachhund.witness.secrets import WitnessSecrets

    sign_on = None if config.sign_on is None else read_sign_on(config.sign_on)
    data = DataFolder(config.data or default_data_folder()).make()
    stack.enter_context(only_host(data))
    host_key_change.finish(data)
    listener = stack.enter_context(_listen_for_pages(config.web))
    keys = HostKeys.load_or_create(data)
    if config.ledger is not None:
        settle(data.ledger, config.ledger)
    ledger = Ledger.open(data.ledger)
    stack.callback(ledger.close)
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
    page = f"{config.pages_at.origin if config.pages_at is not None else f'http://{web}'}/"
    sealer = Sealer.load_or_make(data)
    notifier = Notifier(ledger, sealer, page, by_life(ledger))
    stack.callback(notifier.stop)
    notifier.start()

    def faults() -> tuple[str | None, ...]:
        return broker.fault, intake.fault, judge.fault, campaigns.fault, keeper.fault, notifier.fault

    def say_ready() -> None:
        _say_how_to_log_in(door, page, config.login_link, data)
        scheme = "mqtts" if config.names else "mqtt"
        doors = f", enrolment {config.enrol}" if config.enrol is not None else ""
        print(f"wachhund: ready: {page} (broker {scheme}://{config.broker}{doors})", flush=True)
        service_manager.tell(f"READY=1\nSTATUS=ready: {page}")

    hand_on = functools.partial(_bundle, ledger, keys, data)
    about_keeping: Keeping = lambda: (keeper.keep, keeper.last.ended_t)  # noqa: E731
    _serve_pages(
        ledger, door, listener, web, config, faults, say_ready, about_keeping, hand_on, sealer, way_in,
        Hunts(ledger, data), sign_on, lambda: listing(shelf.in_use(data)), lambda: _about_keys(keys, data),
        Reports(ledger, keys.key, data.path),
    )  # fmt: skip


def _about_keys(keys: "HostKeys", data: "DataFolder") -> "Keys":
    """The names of the host's keys; the recovery key may be made while the host serves."""
    from wachhund.fleet.host_keys import recovery_public_key
    from wachhund.judge.signed_packs import release_keys
    from wachhund.web.keys_page import Keys
    from wachhund_evidence import thumbprint

    recovery, earlier, had = recovery_public_key(data.recovery_key), [], keys.succession.first
    for step in keys.succession.steps:
        earlier.append(("lost" if had is None else thumbprint(had), step.signer))
        had = step.key
    return Keys(keys.kid, None if recovery is None else thumbprint(recovery), earlier[::-1], tuple(release_keys()))


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
    from wachhund.fleet.enrolling import enrol
    from wachhund.fleet.enrolment_door import EnrolmentDoor
    from wachhund.fleet.host_keys import recovery_public_key
    from wachhund.fleet.inviting import invite
    from wachhund.web.enrol_page import WayIn

    listener = stack.enter_context(_listen(where, "--enrol-listen"))
    reached = doors.doors_of(config.names, listener.getsockname()[1], config.broker.port)
    doors.save(data.doors, reached)

    def answer(body: bytes) -> "Enrolment":
        # The recovery key may be made while the host serves: from then on robots pin it.
        now_known = dataclasses.replace(keys, recovery_key=recovery_public_key(data.recovery_key))
        return enrol(body, ledger, now_known, authority, reached.brokers, time.time())

    if keys.recovery_key is None:
        print(
            "wachhund: no recovery key: `wachhund host-key recovery --out FILE` makes one; robots that enrol before "
            "can't be won back when this host's key is stolen"
        )
    door = EnrolmentDoor(listener, authority, ledger, answer)
    stack.callback(door.stop)
    door.start()

    def ask(name: str, by: str) -> "Token":
        return invite(ledger, keys, authority, name, reached.enrol, by, time.time())

    return WayIn(ask, keys.kid, reached.enrol)


def _serve_pages(
    ledger: "Ledger", door: "Door", listener: socket.socket, web: Address, config: ServeConfig,
    faults: Callable[[], tuple[str | None, ...]], say_ready: Callable[[], None], keeping: "Keeping", hand_on: "HandOn",
    sealer: "Sealer", way_in: "WayIn | None", hunts: "Hunts", sign_on: "SignOn | None", rulebook: "Rulebook",
    about_keys: Callable[[], "Keys"], reports: "Reports",
) -> None:  # fmt: skip
    """Serve the pages in this thread until a signal ends it."""
    import uvicorn

    from wachhund.people.passkeys import site_of
    from wachhund.web.app import create_app
    from wachhund.web.live import LiveBoard
    from wachhund.web.metrics import MetricsWish
    from wachhund.web.notify_pages import tells_of
    from wachhund.web.sign_on_door import SignOnDoor

    board, pages_at = LiveBoard(), config.pages_at
    origin = pages_at.origin if pages_at is not None else f"http://{web}"

    class Server(uvicorn.Server):
        """uvicorn, which says when it is ready, and whose open event streams end when it is told to stop."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                say_ready()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            board.close()
            service_manager.tell("STOPPING=1")
            super().handle_exit(sig, frame)

    async def turns() -> None:
        service_manager.tell("WATCHDOG=1")

    names = [web.host] if pages_at is None else [web.host, pages_at.host]
    origins = [] if pages_at is None else [pages_at.origin]
    app = create_app(
        ledger, door, board, names=names, origins=origins, faults=faults, keeping=keeping, hand_on=hand_on,
        way_in=way_in, hunts=hunts, rulebook=rulebook, about_keys=about_keys, reports=reports,
        metrics_wish=MetricsWish(config.metrics_open, config.metrics_robots),
        sealer=sealer, tells_of=tells_of(ledger.notifying),
        site=site_of(origin), sign_on=None if sign_on is None else SignOnDoor(ledger, door, sign_on, origin),
    )  # fmt: skip
    sign_s = service_manager.sign_of_life_s()
    settings = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="on", backlog=_BACKLOG,
        timeout_graceful_shutdown=_LAST_WORDS_S,
        # Who came, and by https or not: a proxy on this machine is believed, and only when we were told of one.
        proxy_headers=pages_at is not None, forwarded_allow_ips="127.0.0.1,::1",
        callback_notify=turns if sign_s else None, timeout_notify=sign_s,
    )  # fmt: skip
    Server(settings).run(sockets=[listener])


def _bundle(
    ledger: "Ledger", keys: "HostKeys", data: "DataFolder", robot: str, from_t: float, to_t: float, by: str
) -> IO[bytes]:
    """A bundle of a span in a file that is gone from the disk when it is closed, and a note of who asked for it."""
    from wachhund.audit.exporting import Wanted, export

    stream = tempfile.TemporaryFile(dir=data.path)  # noqa: SIM115  whoever sends it closes it
    try:
        with ledger.moment() as connection:
            made = export(connection, Wanted(robot, from_t, to_t), keys.key, time.time(), stream, _DOWNLOAD_BYTES)
        ledger.note_act(robot, "export", by, f"{made.tokens} tokens by the pages")
    except BaseException:
        stream.close()
        raise
    return stream


def _say_how_to_log_in(door: "Door", page: str, again: bool, data: "DataFolder") -> None:
    """The first start makes the operator `admin`; what it prints is shown once and stands nowhere.

    But of a service, whose words others read in the system's log: then it lies in a file for the host's user only.
    """
    from wachhund.fleet.data_folder import write_secret_file

    keys = door.first_keys()
    code = keys.code if keys is not None else door.new_code("admin") if again else None
    lines = []
    if keys is not None:
        lines.append(f'wachhund: first start: operator "{keys.operator}", password {keys.password} (shown this once)')
    if code is not None:
        lines.append(f"wachhund: log in, once, within an hour: {page}login#{code}")
    if lines and service_manager.is_managed():
        data.way_in.unlink(missing_ok=True)
        write_secret_file(data.way_in, "".join(f"{line}\n" for line in lines).encode())
        lines = [f"wachhund: how to log in stands in {data.way_in}, for this user only: read it, and delete it"]
    for line in lines:
        print(line)


def _listen(where: Address, option: str) -> socket.socket:
    """A listening socket. Raises MisuseError."""
    try:
        family = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((where.host, where.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        what = error.strerror or str(error)
        raise MisuseError(f"{option}: {where}: {what}: stop what listens there, or give another {option}") from None


def _listen_for_pages(web: Address) -> socket.socket:
    listener = _listen(web, "--listen")
    if not web.is_loopback:
        _log.warning(
            "pages: %s can be reached from other machines, and there is no TLS yet: "
            "passwords and pages cross the network in clear",
            web,
        )
    return listener
