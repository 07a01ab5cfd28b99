"""Links, routes, forwarding and NAT of a real network namespace: each change is told within a second."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

pytestmark = pytest.mark.needs_root("network namespaces, tun devices")
Fact = dict[str, Any]


class Robot:
    """A network namespace with an agent that observes in it."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up; echo held; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        self._enter = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]
        with out.open("wb") as target:
            self._agent = subprocess.Popen(
                [*self._enter, AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target
            )
        until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), 30, "the senses are awake")

    def facts(self) -> list[Fact]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def run(self, *command: str) -> None:
        subprocess.run([*self._enter, *command], check=True, timeout=10)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([*self._enter, *command], stdin=subprocess.PIPE)

    def tells(self, what: str, wanted: Callable[[Fact], object]) -> Fact:
        until(lambda: any(wanted(fact) for fact in self.facts()), 10, what)
        return next(fact for fact in self.facts() if wanted(fact))

    def link(self, name: str, **fields: object) -> Fact:
        return self.tells(
            f"{name} {fields}",
            lambda fact: fact["kind"] == "link.change" and fact["ifname"] == name
            and all(fact.get(field) == value for field, value in fields.items()),
        )  # fmt: skip

    def state(self, name: str, value: object) -> Fact:
        return self.tells(
            f"{name} {value}",
            lambda fact: fact["kind"] == "config.state" and fact["name"] == name and fact["value"] == value,
        )

    def close(self) -> None:
        self._agent.kill()
        self._agent.wait()
        assert self._holder.stdin is not None and self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.wait(10)
        self._holder.stdout.close()


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Robot]:
    made = Robot(tmp_path / "facts.jsonl")
    yield made
    made.close()


def test_a_tunnel_interface_its_address_and_its_route_are_told(robot: Robot) -> None:
    robot.run("ip", "tuntap", "add", "tun7", "mode", "tun")
    robot.link("tun7", link_kind="tun")
    robot.run("ip", "address", "add", "10.1.0.2/24", "dev", "tun7")
    robot.run("ip", "link", "set", "tun7", "up")
    robot.link("tun7", addresses=["10.1.0.2/24"])
    robot.run("ip", "route", "add", "default", "via", "10.1.0.1", "dev", "tun7")
    robot.link("tun7", default_route=True)
    robot.state("default-route", "tun7 via 10.1.0.1")
    robot.run("ip", "link", "delete", "tun7")
    robot.link("tun7", gone=True)


_HOLDS = """
import fcntl, os, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"tap7", 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
sys.stdin.readline()
if os.fork():
    os._exit(0)
sys.stdin.readline()
"""


def test_the_program_behind_a_tunnel_is_told_also_when_it_forks_and_until_it_ends(robot: Robot) -> None:
    """Whoever comes by the interface comes through that program; a name of an interface says nothing."""
    with robot.start(sys.executable, "-c", _HOLDS) as first:
        assert first.stdin is not None
        made = robot.tells("its maker", lambda fact: fact.get("ifname") == "tap7" and fact["holders"])
        assert made["link_kind"] == "tap"
        (holder,) = made["holders"]
        assert holder["pid"] == first.pid and holder["exe"] == str(Path(sys.executable).resolve())
        assert holder["user"] == "root"
        first.stdin.write(b"\n")
        first.stdin.flush()
        first.wait(10)

        def is_childs(fact: Fact) -> bool:
            return fact.get("ifname") == "tap7" and first.pid not in [one["pid"] for one in fact["holders"] or [holder]]

        assert len(robot.tells("its child", is_childs)["holders"]) == 1
        first.stdin.write(b"\n")
    assert robot.link("tap7", gone=True)


def test_an_interface_that_stands_without_a_program_is_held_by_nobody(robot: Robot) -> None:
    robot.run("ip", "tuntap", "add", "tun8", "mode", "tun")
    assert (
        robot.link("tun8", holders=[])["link_kind"] == "tun"
    )  # told as that of `ip` before, where that is still there


def test_a_tunnel_of_the_kernels_own_is_told_by_its_word(robot: Robot) -> None:
    robot.run(
        "ip", "link", "add", "vx7", "type", "vxlan", "id", "7", "remote", "127.0.0.2", "dev", "lo", "dstport", "4789"
    )
    robot.link("vx7", link_kind="vxlan")


def test_a_robot_that_becomes_a_router_is_told(robot: Robot) -> None:
    robot.run("ip", "link", "add", "br7", "type", "bridge")
    robot.link("br7", link_kind="bridge")
    robot.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    robot.state("ip-forwarding", True)
    robot.run("nft", "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "
              "add rule ip nat post masquerade")  # fmt: skip
    robot.state("nat", True)
    robot.run("nft", "delete table ip nat")
    robot.tells(
        "nat off again",
        lambda fact: fact["kind"] == "config.state" and fact["name"] == "nat" and fact["value"] is False
        and not fact.get("existing"),
    )  # fmt: skip


def test_a_rule_that_leads_a_port_on_is_told_beside_those_that_stood_before(robot: Robot) -> None:
    """A stock Go1 rewrites addresses from its start: only the rules themselves tell that a way in was made."""
    robot.run("nft", "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "
              "add rule ip nat post masquerade")  # fmt: skip
    robot.state("nat", True)
    robot.run("nft", "table ip way { chain in { type nat hook prerouting priority -100; "
              'iifname "ppp0" tcp dport 2280 dnat to 192.168.123.13:22; }; }')  # fmt: skip
    came = robot.state("port-forward", True)
    assert came["what"] == "tcp 2280 on ppp0 to 192.168.123.13:22" and came["to"] == ["192.168.123.13", 22]
    robot.run("nft", "delete table ip way")
    assert robot.state("port-forward", False)["what"] == came["what"]
