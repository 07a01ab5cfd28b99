"""What a service manager hears of the host, on a real socket of the kind that it listens on."""

import os
import socket
from pathlib import Path

import pytest

from wachhund.service_manager import is_managed, sign_of_life_s, tell


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_heard_on_the_socket_that_the_environment_names(tmp_path: Path, abstract: bool) -> None:
    """Abstract ones begin with @; containers use them."""
    path = f"@wachhund-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path.replace("@", "\0"))
        sock.settimeout(5)
        tell("READY=1\nSTATUS=ready", {"NOTIFY_SOCKET": path})
        assert sock.recv(4096) == b"READY=1\nSTATUS=ready"
    assert is_managed({"NOTIFY_SOCKET": path})


def test_without_a_manager_nothing_is_sent_and_nothing_fails(tmp_path: Path) -> None:
    """By hand, in tests; and a manager that is gone stops no host."""
    tell("READY=1", {})
    tell("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert not is_managed({}) and not is_managed({"NOTIFY_SOCKET": ""})


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "60000000"}, 20),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 20),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "1"}, 1),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ],
)
def test_signs_of_life_are_due_three_times_in_an_interval(environ: dict[str, str], seconds: int) -> None:
    """Two may get lost; and a child does not speak for its parent."""
    assert sign_of_life_s(environ) == seconds
