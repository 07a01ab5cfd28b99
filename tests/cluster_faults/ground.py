"""A cluster whose machines can be cut off: each node in a network namespace of its own, and one of the workers too.

Robots, PostgreSQL and the other worker are on this machine; a bridge joins all. Needs root.
"""

import contextlib
import datetime
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.robots.ledger_place import name_server
from tests.robots.throw_away_postgres import ThrowAwayPostgres
from tests.waiting import until
from wachhund.cluster import secret, settings
from wachhund.cluster.settings import Cluster, Node
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger

NODES, WORKERS = ("n1", "n2", "n3"), ("w1", "w2")
APART = (*NODES, "w2")  # those with a namespace
BRIDGE, NETWORK = "whcf0", "10.77.41"
HOME = f"{NETWORK}.1"
READY_S = 60.0
_ADDRESSES = {name: f"{NETWORK}.{11 + place}" for place, name in enumerate(APART)}


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=not check, timeout=20)


def clear() -> None:
    """Take away what an earlier run left."""
    for name in APART:
        _ip("netns", "del", f"whcf-{name}", check=False)
    _ip("link", "del", BRIDGE, check=False)


class Ground:
    """Use it as a context; everything it started is gone at the end."""

    def __init__(self, folder: Path, lanes: int) -> None:
        self.data = DataFolder(folder).make()
        self._lanes = lanes
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            clear()
            self._stack.callback(clear)
            self._lay_wires()
            self.postgres = ThrowAwayPostgres(listens_at=HOME)
            self._stack.callback(self.postgres.end)
            inside = self.postgres.database()
            name_server(self.data.ledger, inside.set(host=HOME, query={}))
            self.keys = HostKeys.load_or_create(self.data)
            self.ledger = Ledger.open(self.data.ledger)
            self._stack.callback(self.ledger.close)
            self.ledger.lanes.make(self._lanes)
            self.cluster = settings.checked(
                Cluster(self._lanes, tuple(Node(name, _ADDRESSES[name]) for name in NODES)), "cluster faults"
            )
            settings.write(self.data, self.cluster)
            secret.make(self.data)
            now = datetime.datetime.now(datetime.UTC)
            self.authority = Authority.load_or_create(self.data, self.cluster.door_names(), now)
            self._stack.callback(self._end_all)
            self.start(*NODES, *WORKERS)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _lay_wires(self) -> None:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{HOME}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for name in APART:
            _ip("netns", "add", f"whcf-{name}")
            _ip("link", "add", f"whcf-{name}", "type", "veth", "peer", "name", "eth0", "netns", f"whcf-{name}")
            _ip("link", "set", f"whcf-{name}", "master", BRIDGE)
            _ip("link", "set", f"whcf-{name}", "up")
            for words in (
                ("addr", "add", f"{_ADDRESSES[name]}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
            ):  # fmt: skip
                _ip("-n", f"whcf-{name}", *words)

    def cut(self, name: str) -> None:
        """Nothing goes from or to this machine any more."""
        _ip("link", "set", f"whcf-{name}", "down")

    def mend(self, name: str) -> None:
        """Its wire is whole again."""
        _ip("link", "set", f"whcf-{name}", "up")

    def said(self, name: str) -> str:
        """What a process has said, over all its lives."""
        with contextlib.suppress(FileNotFoundError):
            return (self.data.path / f"{name}.said").read_text(errors="replace")
        return ""

    def start(self, *names: str) -> None:
        """Start nodes and workers. Returns when all say that they are ready."""
        before = {name: self.said(name).count(": ready") for name in names}
        for name in names:
            inside = ["nsenter", f"--net=/run/netns/whcf-{name}"] if name in APART else []
            what = ["node", name, "--listen-at", _ADDRESSES[name]] if name in NODES else ["worker"]
            with (self.data.path / f"{name}.said").open("ab") as said:
                self._running[name] = subprocess.Popen(
                    [*inside, sys.executable, "-m", "wachhund", *what, "--data", str(self.data.path)],
                    stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                )  # fmt: skip
        for name in names:
            until(lambda name=name: self._is_ready(name, before[name]), READY_S, f"{name} is ready")  # type: ignore[misc]

    def _is_ready(self, name: str, before: int) -> bool:
        if self._running[name].poll() is not None:
            raise AssertionError(f"{name} ended: {self.said(name)[-2_000:]}")
        return self.said(name).count(": ready") > before

    def kill(self, name: str) -> None:
        """SIGKILL. Returns when it is gone; a node's nats-server goes with it."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    def _end_all(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def doors(self) -> Sequence[tuple[str, int]]:
        """Where robots come in."""
        return [(node.host, node.mqtt) for node in self.cluster.nodes]
