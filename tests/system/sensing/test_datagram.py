"""Flows beyond TCP and names behind addresses, on the real kernel."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

Fact = dict[str, Any]
RESOLVER, NAMED = "127.66.6.53", "127.66.6.7"


class Observer:
    """`observe` as a process of its own."""

    def __init__(self, out: Path) -> None:
        self._out = out
        with out.open("wb") as target:
            self.process = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
        until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), 30, "the senses are awake")

    def facts(self) -> list[Fact]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def wait_for(self, wanted: Callable[[Fact], object], what: str, seconds: float = 15) -> Fact:
        until(lambda: any(wanted(fact) for fact in self.facts()), seconds, what)
        return next(fact for fact in self.facts() if wanted(fact))


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observer]:
    made = Observer(tmp_path_factory.mktemp("observer") / "facts.jsonl")
    yield made
    made.process.send_signal(signal.SIGINT)
    made.process.wait(20)


@pytest.mark.needs_root("a packet socket")
def test_both_ends_of_a_udp_exchange_have_their_process(observer: Observer) -> None:
    code = (
        "import socket; s = socket.socket(2, 2); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True);"
        "[s.sendto(b'yes', s.recvfrom(99)[1]) for _ in range(9)]"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        opened = observer.wait_for(
            lambda fact: fact["kind"] == "listen.open" and fact["proto"] == "udp" and fact["local"][1] == port,
            "the door",
        )
        assert opened["pid"] == server.pid and opened["scope"] == "loopback"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.sendto(b"x" * 100, ("127.0.0.1", port))
            caller.recv(10)
            flow = observer.wait_for(
                lambda fact: fact["kind"] == "flow.open" and fact["remote"] == ["127.0.0.1", port], "the flow"
            )
            assert flow["pid"] == os.getpid() and flow["peer"]["pid"] == server.pid
            assert (flow["proto"], flow["direction"], flow["bytes_out"], flow["bytes_in"]) == ("udp", "out", 128, 31)
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


@pytest.mark.needs_root("a packet socket")
def test_a_ping_is_a_flow_of_the_program_that_pings(observer: Observer) -> None:
    ping = subprocess.Popen(["ping", "-i", "0.2", "-c", "15", "127.0.0.9"], stdout=subprocess.DEVNULL)
    flow = observer.wait_for(
        lambda fact: fact["kind"] == "flow.open" and fact["proto"] == "icmp" and fact["remote"][0] == "127.0.0.9",
        "the ping",
    )
    ping.kill()
    ping.wait()
    assert flow["exe"].endswith("/ping")


@pytest.mark.needs_root("a packet socket, port 53")
def test_a_flow_carries_the_name_by_which_its_address_was_looked_up(observer: Observer) -> None:
    question = b"\x07\x77\x01\x00\x00\x01" + b"\0" * 6 + b"\x04nano\x07example\x03org\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver, socket.socket() as listener:
        resolver.bind((RESOLVER, 53))
        listener.bind((NAMED, 0))
        listener.listen(1)

        def answer() -> None:
            data, client = resolver.recvfrom(600)
            head = data[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
            reply = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(NAMED)
            resolver.sendto(head + data[12:] + reply, client)

        thread = threading.Thread(target=answer)
        thread.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.sendto(question, (RESOLVER, 53))
            asker.settimeout(10)
            asker.recv(600)
        thread.join()
        # The names are read each half second, as the flow's owner is: both are told of in the same round or the next.
        until(lambda: _named(listener, observer), 20, "a flow with its name")


def _named(listener: socket.socket, observer: Observer) -> bool:
    with socket.create_connection(listener.getsockname()), listener.accept()[0]:
        return any(
            fact["kind"] == "flow.open" and fact["remote"][0] == NAMED and fact["remote_name"] == "nano.example.org"
            for fact in observer.facts()
        )


@pytest.mark.thorough
@pytest.mark.needs_root("a packet socket")
def test_a_crowd_of_short_exchanges_is_told_or_counted_and_nothing_is_dropped(observer: Observer) -> None:
    with ExitStack() as held, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        for _ in range(400):  # all open at once: each has a port of its own
            caller = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            caller.sendto(b"x", ("127.0.0.1", port))
            door.recv(1)

        def seen() -> int:
            facts = observer.facts()
            told = sum(fact["kind"] == "flow.open" and fact["remote"] == ["127.0.0.1", port] for fact in facts)
            counted = sum(
                fact["count"] for fact in facts if fact["kind"] == "flow.summary" and port in fact["remote_ports"]
            )
            return told + counted

        until(lambda: seen() >= 400, 20, "all are told or counted")
    dropped = [fact["sensors"]["udp"]["dropped"] for fact in observer.facts() if fact["kind"] == "coverage"]
    assert max(dropped) == 0


def test_without_root_the_doors_are_seen_and_the_rest_is_said(observer: Observer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        observer.wait_for(lambda fact: fact["kind"] == "listen.open" and fact["local"][1] == port, "the door")
    sensors = next(fact["sensors"] for fact in observer.facts() if fact["kind"] == "coverage")
    if os.geteuid() != 0:
        assert sensors["udp"]["state"] == "poll" and "not who speaks to them" in sensors["udp"]["why"]
        assert sensors["dns"]["state"] == "poll" and "unknown" in sensors["dns"]["why"]
    else:
        assert sensors["udp"]["state"] == sensors["dns"]["state"] == "event"
