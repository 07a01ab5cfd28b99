"""What a service manager hears, on a real socket of the kind that it listens on."""

import os
import socket
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from wachhund_agent.service import SENSING_LATE_S, Service


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Tuple[socket.socket, str]]:
    """A listening manager, and the name of its socket."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.setblocking(False)
        yield sock, path


def heard(sock: socket.socket) -> List[str]:
    """All that has come."""
    found: List[str] = []
    while True:
        try:
            found.append(sock.recv(4096).decode())
        except BlockingIOError:
            return found


def test_a_sign_of_life_needs_both_threads(manager: Tuple[socket.socket, str]) -> None:
    """Whichever of them hangs, the robot would be unwatched and look watched."""
    sock, path = manager
    service = Service({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
    service.turn(100.0)
    assert heard(sock) == [], "nothing before the senses are there"
    service.ready(100.0)
    service.turn(101.0)
    service.turn(105.0)
    assert heard(sock) == ["READY=1", "WATCHDOG=1"], "once in a third of the interval"
    service.sensing(110.0)
    service.turn(112.0)
    assert heard(sock) == ["WATCHDOG=1"]
    service.turn(110.0 + SENSING_LATE_S)
    assert heard(sock) == [], "the senses turn no more"


def test_without_a_manager_nothing_is_sent_and_nothing_fails(tmp_path: Path) -> None:
    """By hand, in tests, on other systems."""
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        service = Service(environ)
        service.ready(1.0)
        service.turn(1.0)
        service.status("x")
        assert service.is_supervised is bool(environ)


def test_a_watchdog_that_is_meant_for_another_process_is_not_fed(manager: Tuple[socket.socket, str]) -> None:
    """A child inherits the environment of its parent."""
    sock, path = manager
    service = Service({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)})
    service.ready(1.0)
    service.turn(2.0)
    assert heard(sock) == ["READY=1"]


def test_abstract_sockets_are_understood() -> None:
    """Containers use them."""
    name = "wachhund-test-{}".format(os.getpid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.setblocking(False)
        Service({"NOTIFY_SOCKET": "@" + name}).status("verified by the host")
        assert heard(sock) == ["STATUS=verified by the host"]
