"""A real host that robots reach by TLS, with the commands by which they come to it, for tests of a robot's life."""

import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.living import READY_S, Living
from tests.robots.ports import free_port
from tests.waiting import until


class Open(Living):
    """A host that robots reach by TLS. Nobody is registered beforehand.

    `names`: by which robots reach it. `at`: where its doors listen; it may be changed while the host is stopped.
    """

    def __init__(self, folder: Path, names: Sequence[str] = ("127.0.0.1",), at: str = "127.0.0.1") -> None:
        super().__init__(folder)
        self.names, self.at = names, at

    def __enter__(self) -> Self:
        self.enrol_port = free_port()
        self.start_host()
        return self

    def start_host(self) -> None:
        before = self.said("host").count("wachhund: ready:")
        host = self._host = self._start(
            "host", "wachhund", "serve", "--data", "host", *(f"--name={name}" for name in self.names),
            "--listen", f"127.0.0.1:{self.web}", "--broker-listen", f"{self.at}:{self.broker}",
            "--enrol-listen", f"{self.at}:{self.enrol_port}",
        )  # fmt: skip

        def ready() -> bool:
            assert host.poll() is None, self.said("host")
            return self.said("host").count("wachhund: ready:") > before

        until(ready, READY_S, "the host is ready")

    def robots(self, command: str, *arguments: str) -> str:
        return self.run("wachhund", "robots", command, *arguments, "--data", "host")

    def enrol(self, token: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [AGENT_PYTHON, "-m", "wachhund_agent", "enrol", "-", *arguments],
            cwd=self.folder, input=token, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def tokens(self) -> int:
        with closing(self.ledger()) as ledger:
            newest = ledger.newest(self.robot)
            return 0 if newest is None else newest.tokens
