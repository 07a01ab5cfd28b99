"""A real host that robots reach by TLS, with the commands by which they come to it, for tests of a robot's life."""

import subprocess
from contextlib import closing
from typing import Self

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.living import Living, free_port
from tests.waiting import until


class Open(Living):
    """A host that robots reach by TLS. Nobody is registered beforehand."""

    name = "127.0.0.1"  # by which robots reach it

    def __enter__(self) -> Self:
        self.enrol_port = free_port()
        self.start_host()
        return self

    def start_host(self) -> None:
        before = self.said("host").count("wachhund: ready:")
        host = self._host = self._start(
            "host", "wachhund", "serve", "--data", "host", "--name", self.name, "--listen", f"127.0.0.1:{self.web}",
            "--broker-listen", f"127.0.0.1:{self.broker}", "--enrol-listen", f"127.0.0.1:{self.enrol_port}",
        )  # fmt: skip

        def ready() -> bool:
            assert host.poll() is None, self.said("host")
            return self.said("host").count("wachhund: ready:") > before

        until(ready, 30, "the host is ready")

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
