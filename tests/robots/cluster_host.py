"""A whole host of several machines in the place of `wachhund serve`: three nodes, a worker and pages, all processes."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.robots.nats_cluster import NatsCluster
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger import Ledger

LANES = 4
READY_S = 60.0


class ClusterHost:
    """Made before anybody is registered: it gives the ledger its lanes. `out`: what the pages' process prints."""

    def __init__(self, data: Path, web: int, out: Path) -> None:
        self._data, self._web, self._out = DataFolder(data), web, out
        with closing(Ledger.open(self._data.ledger)) as ledger:
            ledger.lanes.make(LANES)
        self.nats = NatsCluster(self._data, lanes=LANES)
        self._others: list[subprocess.Popen[bytes]] = []

    @property
    def broker(self) -> int:
        """The port at which robots come in: the first node's."""
        return self.nats.mqtt("n1")

    @property
    def pid(self) -> int:
        """Of the pages' process."""
        return self._others[-1].pid

    def start(self) -> None:
        """Returns when robots can connect, pages are served, and every lane is a worker's."""
        began = self._out.read_text(errors="replace").count("wachhund: ready:") if self._out.exists() else 0
        worker = self._start(self._data.path / "worker.said", "worker")
        web = self._start(self._out, "web", "--listen", f"127.0.0.1:{self._web}")
        self._others = [worker, web]
        self.nats.__enter__()

        def ready() -> bool:
            for one in self._others:
                assert one.poll() is None, self.said()
            return self._out.read_text(errors="replace").count("wachhund: ready:") > began

        until(ready, READY_S, "the pages are served")
        with closing(Ledger.open(self._data.ledger)) as ledger:
            # Those of a worker that was killed are free when its lease ends.
            until(
                lambda: len({one.number for one in ledger.lanes.standing() if f"-{worker.pid}-" in one.owner})
                == LANES + 1,
                READY_S, "every lane is held", 0.1,
            )  # fmt: skip

    def said(self) -> str:
        """What its processes said."""
        return "\n".join(path.read_text(errors="replace") for path in [self._out, *self._data.path.glob("*.said")])

    def stop(self) -> None:
        """A clean stop: the worker gives its lanes back while the nodes are still there."""
        self._end(signal.SIGTERM)
        self.nats.stop()

    def kill(self) -> None:
        """SIGKILL to each of them, as when all machines lose their power."""
        self._end(signal.SIGKILL)
        for node in self.nats.cluster.nodes:
            self.nats.kill(node.name)

    def broker_pid(self) -> int:
        """The nats-server at which robots come in; 0 while there is none."""
        return max(0, self.nats.nats_server("n1", none=-1))

    def _start(self, said: Path, *command: str) -> "subprocess.Popen[bytes]":
        with said.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "wachhund", *command, "--data", str(self._data.path)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip

    def _end(self, number: int) -> None:
        for one in self._others:
            one.send_signal(number)
        for one in self._others:
            try:
                one.wait(30)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        self._others.clear()
