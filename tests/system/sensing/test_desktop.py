"""Desktop sharing as a login: a real VNC server, and somebody who connects."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.ports import free_port
from tests.waiting import until

SERVER = shutil.which("Xtigervnc")
pytestmark = pytest.mark.skipif(SERVER is None, reason="tigervnc-standalone-server is not installed")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """The port of a VNC server that asks for no password."""
    port = free_port()
    command = [str(SERVER), ":77", "-rfbport", str(port), "-SecurityTypes", "None", "-localhost", "-nolisten", "tcp"]
    with (tmp_path / "vnc.out").open("wb") as out:
        child = subprocess.Popen([*command, "-nolisten", "unix"], stdout=out, stderr=out)
    try:
        until(lambda: listens(port), 20, "the server listens")
        yield port
    finally:
        child.terminate()
        child.wait(20)


def facts(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]


def test_who_connects_to_a_shared_desktop_is_told_from_beginning_to_end(server: int, tmp_path: Path) -> None:
    out = tmp_path / "facts.jsonl"
    with out.open("wb") as target:
        agent = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
    try:
        until(lambda: any(fact["kind"] == "coverage" for fact in facts(out)), 30, "the senses are awake")
        with socket.create_connection(("127.0.0.1", server), 10) as viewer:
            assert viewer.recv(12).startswith(b"RFB ")
            mine = list(viewer.getsockname())

            def began() -> list[dict[str, Any]]:
                return [fact for fact in facts(out) if fact["kind"] == "login.start" and fact["from"] == mine]

            until(began, 15, "the session is told")
        (told,) = began()
        assert (told["service"], told["method"]) == ("vnc", "connection")
        assert told["exe"].endswith("/Xtigervnc")

        def ended() -> bool:
            return any(fact["kind"] == "login.end" and fact["flow"] == told["flow"] for fact in facts(out))

        until(ended, 15, "its end is told")
    finally:
        agent.send_signal(signal.SIGINT)
        agent.wait(20)
