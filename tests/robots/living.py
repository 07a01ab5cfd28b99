"""A real host and a real agent as processes of their own, for tests and benches that pull plugs.

Everything lies in one folder; every process is gone when the `with` block ends, however it ends.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.cluster_host import ClusterHost
from tests.robots.engine import ON_CLUSTER
from tests.robots.ledger_place import ready
from tests.robots.ports import free_port
from tests.waiting import until
from wachhund.ledger import Ledger

READY_S = 60.0
_STOP_S = 20.0


class Living:
    """`folder` holds the host's data in `host`, the agent's in `agent-data`, and what each of them printed.

    `serves`: the host is started when the block begins; else later, by `start_host`. Where hosts are clusters
    (engine.py) it is three nodes, a worker and pages.
    """

    serve_more: tuple[str, ...] = ()  # further options of `wachhund serve`

    def __init__(self, folder: Path, serves: bool = True) -> None:
        self.folder, self._serves = folder, serves
        self.web, self.broker = free_port(), free_port()
        self._host: subprocess.Popen[bytes] | None = None
        self._cluster: ClusterHost | None = None
        self.agent: subprocess.Popen[bytes] | None = None
        self.robot = ""

    @property
    def data(self) -> Path:
        return self.folder / "host"

    @property
    def host_pid(self) -> int:
        if self._cluster is not None:
            return self._cluster.pid
        if self._host is None:
            raise AssertionError("the host does not run")
        return self._host.pid

    def __enter__(self) -> Self:
        if ON_CLUSTER:
            self.data.mkdir(mode=0o700, exist_ok=True)
            ready(self.data / "ledger.sqlite")
            self._cluster = ClusterHost(self.data, self.web, self.folder / "host.out")
            self.broker = self._cluster.broker
        self.run("wachhund_agent", "keygen", "agent.key")
        said = self.run(
            "wachhund", "robots", "add", "rex", "--key", "agent.key.pub", "--data", "host", "--out", "agent.json",
            "--broker-address", f"mqtt://127.0.0.1:{self.broker}",
        )  # fmt: skip
        self.robot = said.split()[0]
        if self._serves:
            try:
                self.start_host()
            except BaseException:
                self.__exit__(None, None, None)  # nobody else would end what does not get ready
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self.agent, self._host):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self._cluster is not None:
            self._cluster.stop()

    def run(self, module: str, *arguments: str) -> str:
        """One command to its end. Returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise AssertionError(f"{module} {arguments}: {done.returncode}: {done.stderr}")
        return done.stdout

    def _start(self, name: str, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.out").open("ab") as out:
            return subprocess.Popen(
                [AGENT_PYTHON if name == "agent" else sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def said(self, name: str) -> str:
        """What "host" or "agent" has printed so far, over all its starts."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / f"{name}.out").read_text(errors="replace")
        return ""

    def start_host(self) -> None:
        """Returns when the host says that it is ready."""
        if self._cluster is not None:
            if self.serve_more:
                raise AssertionError("options of `wachhund serve`: mark the test `of_one_machine`")
            self._cluster.start()
            return
        before = self.said("host").count("wachhund: ready:")
        self._host = self._start(
            "host", "wachhund", "serve", "--data", "host", "--listen", f"127.0.0.1:{self.web}",
            "--broker-listen", f"127.0.0.1:{self.broker}", *self.serve_more,
        )  # fmt: skip
        host = self._host

        def ready() -> bool:
            if host.poll() is not None:
                raise AssertionError(f"the host ended with {host.returncode}: {self.said('host')}")
            return self.said("host").count("wachhund: ready:") > before

        until(ready, READY_S, "the host is ready")

    def stop_host(self) -> None:
        """A clean stop of the host and everything of its own."""
        if self._cluster is not None:
            self._cluster.stop()
        if self._host is not None:
            self._host.terminate()
            self._host.wait(_STOP_S)
            self._host = None

    def kill_host(self) -> None:
        """End the host with SIGKILL, as a power cut would; its broker goes with it."""
        if self._cluster is not None:
            self._cluster.kill()
        if self._host is not None:
            self._host.kill()
            self._host.wait(_STOP_S)
            self._host = None

    def choose_profile(self, name: str) -> None:
        """The agent's next start takes this robot model."""
        path = self.folder / "agent.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "profile": name}))

    def start_agent(self, module: str = "wachhund_agent") -> "subprocess.Popen[bytes]":
        """`module`: the program to run it by."""
        self.agent = self._start("agent", module, "run", "--config", "agent.json")
        return self.agent

    def kill_agent(self) -> None:
        """As a power cut would end it."""
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()

    def kill_broker(self) -> int:
        """End the broker with SIGKILL. Returns the pid that it had."""
        pid = self.broker_pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    def broker_pid(self) -> int:
        """The nats-server below the host; 0 while there is none."""
        if self._cluster is not None:
            return self._cluster.broker_pid()
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                found = re.match(r"(\d+) \((.*)\) \S (\d+)", path.read_text())
                if found and found.group(2).startswith("nats-server") and int(found.group(3)) == self.host_pid:
                    return int(found.group(1))
        return 0

    def ledger(self) -> Ledger:
        """The host's ledger, opened beside it. The caller closes it."""
        return Ledger.open(self.data / "ledger.sqlite")
