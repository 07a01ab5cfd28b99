"""A whole cluster on this machine: PostgreSQL, nodes and workers, each a process that a test may kill."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tests.robots.ledger_place import name_server
from tests.robots.nats_cluster import NatsCluster
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.robots.throw_away_postgres import ThrowAwayPostgres
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger

READY_S = 60.0


class WholeCluster:
    """Use it as a context; everything it started is gone at the end. `data` is every process's."""

    nats_type = NatsCluster
    disk: Path | None = None  # the folder on a disk that PostgreSQL is to use, and to wait for

    def __init__(self, folder: Path, nodes: int = 3, lanes: int = 4, workers: int = 2) -> None:
        self.data = DataFolder(folder).make()
        self._nodes, self._lanes, self._first_workers = nodes, lanes, workers
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._robots: list[OverMqtt] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self.postgres = ThrowAwayPostgres(self.disk, durable=self.disk is not None)
            self._stack.callback(self.postgres.end)
            name_server(self.data.ledger, self.postgres.database())
            self.keys = HostKeys.load_or_create(self.data)
            self.ledger = Ledger.open(self.data.ledger)
            self._stack.callback(self.ledger.close)
            self.ledger.lanes.make(self._lanes)
            self.nats = self._stack.enter_context(self.nats_type(self.data, self._nodes, self._lanes))
            self._stack.callback(self._end_workers)
            for number in range(1, self._first_workers + 1):
                self.start_worker(f"w{number}")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for robot in self._robots:
            robot.close()
        self._stack.close()

    def said(self, name: str) -> str:
        """What a worker has said, over all its lives."""
        with contextlib.suppress(FileNotFoundError):
            return (self.data.path / f"{name}.said").read_text(errors="replace")
        return ""

    def start_worker(self, name: str) -> None:
        """Returns when it says that it is ready."""
        before = self.said(name).count("worker: ready")
        with (self.data.path / f"{name}.said").open("ab") as said:
            worker = self._workers[name] = subprocess.Popen(
                [sys.executable, "-m", "wachhund", "worker", "--data", str(self.data.path)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip

        def ready() -> bool:
            assert worker.poll() is None, self.said(name)
            return self.said(name).count("worker: ready") > before

        until(ready, READY_S, f"{name} is ready")

    def worker_pid(self, name: str) -> int:
        """Of a worker that runs."""
        return self._workers[name].pid

    def end_worker(self, name: str, number: int = signal.SIGTERM) -> None:
        """Returns when it has ended."""
        worker = self._workers.pop(name)
        worker.send_signal(number)
        worker.wait(60)

    def _end_workers(self) -> None:
        for worker in self._workers.values():
            worker.terminate()
        for worker in self._workers.values():
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def connect(self, name: str, node: str = "n1", robot: ScriptedRobot | None = None) -> OverMqtt:
        """Register a robot and connect it, once that node lets it in."""
        robot = robot or ScriptedRobot()
        config = register(self.data, name, robot, self.nats.mqtt(node))
        made = OverMqtt(robot, config, self.keys.key.public_key())
        self._robots.append(made)
        return made

    def lanes_held(self) -> dict[int, str]:
        """Lanes and who holds them, by name as the ledger has it."""
        return {one.number: one.owner for one in self.ledger.lanes.standing() if one.owner}


@contextlib.contextmanager
def whole_cluster(folder: Path, nodes: int = 3, lanes: int = 4, workers: int = 2) -> Iterator[WholeCluster]:
    """One, ready: every lane is held."""
    with WholeCluster(folder, nodes, lanes, workers) as cluster:
        until(lambda: len(cluster.lanes_held()) == lanes + 1, READY_S, "every lane is held")
        yield cluster
