"""A real cluster of nodes on loopback, each a `wachhund node` of its own, that a test may kill and start again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.robots.ports import free_port
from tests.waiting import until
from wachhund.cluster import secret, settings
from wachhund.cluster.evidence_stream import EvidenceStream
from wachhund.cluster.membership import authority_of
from wachhund.cluster.nats_access import NatsAccess, access_of
from wachhund.cluster.nats_wire import NatsWire
from wachhund.cluster.settings import Cluster, Node
from wachhund.fleet.data_folder import DataFolder

READY_S = 60.0  # a node that finds no other within 30 s would be told by its log


class NatsCluster:
    """Use it as a context; everything it started is gone at the end. `data`: with the ledger that the nodes read."""

    program: tuple[str, ...] = ("wachhund", "node")

    def __init__(self, data: DataFolder, nodes: int = 3, lanes: int = 16, tls: bool = False) -> None:
        self.data = data.make()
        made = tuple(
            Node(f"n{number}", "127.0.0.1", free_port(), free_port(), free_port()) for number in range(1, nodes + 1)
        )
        self.cluster = settings.checked(Cluster(lanes, made, tls), "test")
        settings.write(data, self.cluster)
        self.secret = secret.make(data)
        self.authority = authority_of(data, self.cluster)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            for node in self.cluster.nodes:
                self.start(node.name, wait=False)
            for node in self.cluster.nodes:
                self.wait_for(node.name)
            self.wait_for_stream()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self, name: str) -> Path:
        """What a node said, of all its lives."""
        return self.data.path / f"{name}.said"

    def start(self, name: str, wait: bool = True) -> None:
        """Start a node; returns when robots can connect to it."""
        self.log(name).touch()
        self._said_before = getattr(self, "_said_before", {})
        self._said_before[name] = self.log(name).read_text().count(": ready: ")
        with self.log(name).open("ab") as said:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *self.program, name, "--data", str(self.data.path)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip
        if wait:
            self.wait_for(name)

    def wait_for(self, name: str) -> None:
        """Until it says that it is ready."""

        def ready() -> bool:
            assert self._running[name].poll() is None, self.log(name).read_text()
            return self.log(name).read_text().count(": ready: ") > self._said_before[name]

        until(ready, READY_S, f"{name} is ready")

    def wait_for_stream(self) -> None:
        """Until the nodes have found each other, and the stream is there."""
        wire = NatsWire(self.access(), "test")
        stream = EvidenceStream(wire, self.cluster.lanes, self.cluster.replicas)
        wire.start()
        try:
            until(lambda: _answers(stream), READY_S, "the stream is there", 0.2)
        finally:
            wire.stop()

    def access(self, only: str | None = None) -> NatsAccess:
        """How a worker comes in; `only`: by that node."""
        found = access_of(self.data, self.cluster, self.secret, self.authority)
        if only is None:
            return found
        port = self.cluster.node(only).client
        servers = [server for server in found.servers if server.endswith(f":{port}")]
        return NatsAccess(servers, found.username, found.password, found.tls)

    def mqtt(self, name: str) -> int:
        """The port of a node's door for robots."""
        return self.cluster.node(name).mqtt

    def client(self, name: str) -> int:
        """The port of a node's door for workers."""
        return self.cluster.node(name).client

    def pid(self, name: str) -> int:
        """The process id of the node itself."""
        return self._running[name].pid

    def nats_server(self, name: str, none: int = 0) -> int:
        """The process id of the node's nats-server; `none` where it has none."""
        pids = []
        for task in Path(f"/proc/{self._running[name].pid}/task").iterdir():
            with contextlib.suppress(OSError):
                pids += [int(one) for one in (task / "children").read_text().split()]
        alive = [pid for pid in pids if not _is_dead(pid)]
        assert len(alive) == 1 or none, alive
        return alive[0] if len(alive) == 1 else none

    def configuration(self, name: str) -> dict[str, Any]:
        """What its nats-server was told."""
        found: dict[str, Any] = json.loads((self.data.path / "nodes" / name / "broker.conf").read_text())
        return found

    def kill(self, name: str) -> None:
        """SIGKILL: the node's nats-server dies with it, as on a machine that loses its power."""
        self.end(name, signal.SIGKILL)

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a node. Returns when its ports are free."""
        server = self.nats_server(name)
        process = self._running.pop(name)
        process.send_signal(number)
        process.wait(30)
        until(
            lambda: not Path(f"/proc/{server}").exists() or _is_dead(server), 30, f"the nats-server of {name} is gone"
        )

    def stop(self) -> None:
        """End what runs."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def _answers(stream: EvidenceStream) -> bool:
    from wachhund.cluster.nats_wire import WireError

    try:
        stream.waiting()
    except WireError:
        return False
    return True
