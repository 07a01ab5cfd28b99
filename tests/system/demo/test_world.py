"""The world of the demo: real namespaces, real addresses, and nothing left of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.demo.machine_links import left_since, links
from wachhund.demo import world as worlds
from wachhund.demo.children import Children

# Answers on the outside's address with the address of whoever calls.
ANSWER = """
import socket, sys
with socket.create_server((sys.argv[1], 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, peer = listener.accept()
    connection.sendall(peer[0].encode())
    connection.close()
"""
CALL = "import socket, sys; print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).recv(100).decode())"


def test_the_outside_is_another_network_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """An incident that says 203.0.113.x needs a 203.0.113.x; the machine must look as before when the demo is over."""
    before = links()
    with Children(tmp_path) as children:
        world = worlds.build(children)
        if not world.has_outside:
            pytest.skip(f"no namespaces here: {world.why}")
        assert world.outside_address.startswith("203.0.113.")
        answer = children.start("answer", (sys.executable, "-c", ANSWER, world.outside_address), inside=world.outside)
        port = answer.line(20)
        called = subprocess.run(
            [*world.robot, sys.executable, "-c", CALL, world.outside_address, port],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert called.stdout.strip().startswith("198.51.100.")
    assert left_since(before) == set()


def test_without_the_tools_the_demo_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare machine gets the part of the demo that it can play, and the reason for the rest."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with Children(tmp_path) as children:
        world = worlds.build(children)
    assert (world.kind, world.outside_address) == ("loopback", "127.0.0.1")
    assert world.why == "no ip command is installed (Debian: iproute2, util-linux)"
