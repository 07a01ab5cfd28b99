"""Flows that cross a robot without ending there: three network namespaces in a row, the agent in the middle."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

pytestmark = pytest.mark.needs_root("network namespaces")
LAB, NANO = "192.168.123.50", "192.168.124.13"
SERVE = """
import socket, threading
tcp = socket.create_server(("0.0.0.0", 8080)); udp = socket.socket(2, 2); udp.bind(("0.0.0.0", 9101))
def datagrams():
    while True:
        data, who = udp.recvfrom(99); udp.sendto(data, who)
threading.Thread(target=datagrams, daemon=True).start()
print("serving", flush=True)
while True:
    tcp.accept()[0].close()
"""
VISIT = """
import socket
udp = socket.socket(2, 2); udp.sendto(b"hello", ("{nano}", 9101)); udp.recv(9)
socket.create_connection(("{nano}", 8080)).recv(1)
"""


class Row:
    """Lab, robot, Nano; the robot routes when told to."""

    def __init__(self, out: Path) -> None:
        self._out, self._children = out, []  # type: Path, list[subprocess.Popen[bytes]]
        self.lab, self.robot, self.nano = (self._hold() for _ in range(3))
        for near, address, far, other in (
            ("lab0", LAB, "eth0", "192.168.123.1"),
            ("nano0", NANO, "eth1", "192.168.124.1"),
        ):
            end = self.lab if near == "lab0" else self.nano
            self.run(self.robot, "ip", "link", "add", far, "type", "veth", "peer", "name", near, "netns", str(end))
            self.run(self.robot, "ip", "address", "add", f"{other}/24", "dev", far)
            self.run(end, "ip", "address", "add", f"{address}/24", "dev", near)
            for place, name in ((self.robot, far), (end, near)):
                self.run(place, "ip", "link", "set", name, "up")
            self.run(end, "ip", "route", "add", "default", "via", other)
        with out.open("wb") as target:
            self.start(self.robot, AGENT_PYTHON, "-m", "wachhund_agent", "observe", stdout=target)
        until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), 30, "the senses are awake")

    def _hold(self) -> int:
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up; echo held; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._children.append(holder)
        assert holder.stdout is not None
        holder.stdout.readline()
        return holder.pid

    def start(self, place: int, *command: str, **more: Any) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(["nsenter", f"--net=/proc/{place}/ns/net", *command], **more)
        self._children.append(child)
        return child

    def run(self, place: int, *command: str) -> None:
        subprocess.run(["nsenter", f"--net=/proc/{place}/ns/net", *command], check=True, timeout=20)

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def tells(self, what: str, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        until(lambda: any(wanted(fact) for fact in self.facts()), 15, what)
        return next(fact for fact in self.facts() if wanted(fact))

    def close(self) -> None:
        for child in reversed(self._children):
            child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()


@pytest.fixture
def row(tmp_path: Path) -> Iterator[Row]:
    made = Row(tmp_path / "facts.jsonl")
    yield made
    made.close()


def test_the_labs_way_through_the_robot_to_a_nano_is_told_once(row: Row) -> None:
    row.run(row.robot, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    row.tells(
        "forwarding", lambda fact: fact["kind"] == "config.state" and fact["name"] == "ip-forwarding" and fact["value"]
    )
    until(
        lambda: any(
            fact["kind"] == "coverage" and fact["sensors"]["routed"]["why"] is None for fact in row.facts()
        ), 15, "the routed sense is awake",
    )  # fmt: skip
    server = row.start(row.nano, sys.executable, "-c", SERVE, stdout=subprocess.PIPE)
    assert server.stdout is not None and server.stdout.readline() == b"serving\n"
    row.run(row.lab, sys.executable, "-c", VISIT.format(nano=NANO))
    for proto, port in (("udp", 9101), ("tcp", 8080)):
        opened = row.tells(
            f"{proto} through the robot",
            lambda fact, proto=proto, port=port: fact["kind"] == "flow.open" and fact["direction"] == "through"
            and fact["proto"] == proto and fact["target"] == [NANO, port],
        )  # fmt: skip
        assert opened["source"][0] == LAB
    row.tells("its end", lambda fact: fact["kind"] == "flow.close" and fact.get("target") == [NANO, 8080])
    through = [fact for fact in row.facts() if fact["kind"] == "flow.open" and fact["direction"] == "through"]
    assert len(through) == 2, "each packet crosses two interfaces and is one"


_LEADS_ON = f"""
table ip led {{
    chain in {{
        type nat hook prerouting priority -100
        tcp dport 2280 dnat to {NANO}:8080
        udp dport 2281 dnat to {NANO}:9101
    }}
    chain out {{ type nat hook postrouting priority 100; oifname "eth1" masquerade; }}
}}
"""


def test_what_the_firewall_leads_on_is_told_with_who_began_it_and_where_it_ends(row: Row) -> None:
    """Each packet of it names the robot at one end: only the kernel's table of connections knows both others."""
    row.run(row.robot, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    row.run(row.robot, "nft", _LEADS_ON)
    until(
        lambda: any(
            fact["kind"] == "coverage" and fact["sensors"]["routed"]["why"] is None for fact in row.facts()
        ), 15, "the routed sense is awake",
    )  # fmt: skip
    server = row.start(row.nano, sys.executable, "-c", SERVE, stdout=subprocess.PIPE)
    assert server.stdout is not None and server.stdout.readline() == b"serving\n"
    visit = VISIT.format(nano="192.168.123.1").replace("9101", "2281").replace("8080", "2280")
    row.run(row.lab, sys.executable, "-c", visit)
    for proto, port, door in (("udp", 9101, 2281), ("tcp", 8080, 2280)):
        opened = row.tells(
            f"{proto} through the robot",
            lambda fact, proto=proto, port=port: fact["kind"] == "flow.open" and fact["direction"] == "through"
            and fact["proto"] == proto and fact["target"] == [NANO, port],
        )  # fmt: skip
        assert opened["source"][0] == LAB and opened["addressed"] == ["192.168.123.1", door]
    row.tells("its end", lambda fact: fact["kind"] == "flow.close" and fact.get("target") == [NANO, 8080])
    through = [fact for fact in row.facts() if fact["kind"] == "flow.open" and fact["direction"] == "through"]
    assert len(through) == 2, "what comes in and what goes out is one flow"


def test_while_forwarding_is_off_the_sense_sleeps_and_says_so(row: Row) -> None:
    said = [fact["sensors"]["routed"] for fact in row.facts() if fact["kind"] == "coverage"][-1]
    assert said["state"] == "event" and "nothing can cross" in said["why"]
