"""DNS on the real kernel: a robot and its network in two namespaces, real look-ups, and a liar in the network."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

pytestmark = pytest.mark.needs_root("network namespaces, a packet socket")
ROBOT, SERVER, LIAR = "192.0.2.9", "192.0.2.53", "192.0.2.66"
WATCH = """
import json, select, sys, time
from pathlib import Path
from wachhund_agent.sensors.dns import DnsSense
sense = DnsSense(Path(sys.argv[1]))
sense.start(time.monotonic())
print(json.dumps(sense.coverage().to_json()), flush=True)
while True:
    for told in sense.look(time.monotonic()):
        print(json.dumps(told.to_json()), flush=True)
    if select.select([sys.stdin], [], [], 0.1)[0]:
        line = sys.stdin.readline()
        if not line:
            break
        print(json.dumps({"name": sense.name_of(line.strip())}), flush=True)
sense.close()
"""
TUNNEL = """
import base64, os, socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
    for number in range(60):
        label = base64.b32encode(os.urandom(36)).rstrip(b"=").lower()
        name = bytes([len(label)]) + label + b"\\x01t\\x06tunnel\\x04test\\0"
        head = number.to_bytes(2, "big") + b"\\1\\0\\0\\1" + bytes(6)
        asker.sendto(head + name + b"\\0\\x0a\\0\\1", (sys.argv[1], 53))
"""
# A packet as it comes from the network, whatever its addresses say: argv is hardware address, source, target, payload.
FORGE = """
import socket, struct, sys
def packet(source, sport, target, dport, data):
    udp = struct.pack("!4H", sport, dport, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    head += socket.inet_aton(source) + socket.inet_aton(target)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + udp
hardware, robot, server, liar = sys.argv[1:]
question = b"\\x05trust\\x07example\\x03org\\0\\0\\1\\0\\1"
asked = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + question
address = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("203.0.113.66")
reply = struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + question + address
frame = bytes.fromhex(hardware.replace(":", "")) + bytes(6) + b"\\x08\\0"
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
    wire.bind(("n0", 0))
    wire.send(frame + packet(server, 53, robot, 40000, reply))
    wire.send(frame + packet(liar, 40001, robot, 53, asked))
    wire.send(frame + packet(robot, 53, liar, 40001, reply))
    wire.send(frame + packet(server, 53, liar, 40001, reply))
    for number in range(300):
        name = b"\\x04x%03d\\x04test\\0" % number
        lie = struct.pack("!6H", number, 0x8180, 1, 0, 0, 0) + name + b"\\0\\1\\0\\1"
        wire.send(frame + packet(server, 53, robot, 40000, lie))
"""


class Net:
    """The robot's namespace and the one of its network, a name server in the latter, the sense in the former."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._robot, self._net = (f"wachhund-dns-{os.getpid()}-{end}" for end in "rn")
        self._out = folder / "told"
        self._children: list[subprocess.Popen[Any]] = []

    def open(self) -> None:
        for name in (self._robot, self._net):
            subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip(self._robot, f"link add r0 type veth peer name n0 netns {self._net}", "link set lo up")
        self.ip(self._robot, f"addr add {ROBOT}/24 dev r0", "link set r0 up")
        self.ip(self._net, f"addr add {SERVER}/24 dev n0", "link set n0 up", "link set lo up")
        self._popen(
            self._net, "/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--user=root", "--pid-file=", f"--listen-address={SERVER}", "--bind-interfaces",
            "--host-record=c2.example.org,203.0.113.8", "--cname=cloud.example.org,c2.example.org",
            "--address=/test/203.0.113.9",
        )  # fmt: skip
        (self._folder / "resolv.conf").write_text(f"nameserver {SERVER}\noptions timeout:1 attempts:10\n")
        (self._folder / "hosts").write_text("10.0.0.7 nano\n")
        with self._out.open("wb") as out:
            self._sense = self._popen(
                self._robot, AGENT_PYTHON, "-c", WATCH, str(self._folder / "hosts"), stdin=subprocess.PIPE, stdout=out
            )
        until(self.told, 20, "the sense is awake")
        assert self.told()[0]["state"] == "event"

    def close(self) -> None:
        for child in self._children:
            if child.stdin is not None:
                child.stdin.close()
            child.kill()
            child.wait()
        for name in (self._robot, self._net):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)

    def ip(self, where: str, *commands: str) -> None:
        text = "\n".join(commands) + "\n"
        subprocess.run(["ip", "-n", where, "-batch", "-"], input=text, text=True, check=True, timeout=10)

    def _popen(self, where: str, *argv: str, **more: Any) -> "subprocess.Popen[Any]":
        usual = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen(["nsenter", f"--net=/run/netns/{where}", *argv], **{**usual, **more})
        self._children.append(child)
        return child

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def look_up(self, name: str) -> None:
        """As any program on the robot does it."""
        code = f"import socket; socket.getaddrinfo({name!r}, 80, socket.AF_INET)"
        mounted = f'mount --bind "{self._folder}/resolv.conf" /etc/resolv.conf && exec "$0" -c "$1"'
        self.on_robot("unshare", "--mount", "sh", "-c", mounted, sys.executable, code)

    def on_robot(self, *argv: str) -> None:
        subprocess.run(["nsenter", f"--net=/run/netns/{self._robot}", *argv], check=True, timeout=30)

    def lie(self) -> None:
        said = subprocess.run(["ip", "-n", self._robot, "-j", "link", "show", "r0"], check=True, capture_output=True)
        hardware = json.loads(said.stdout)[0]["address"]
        argv = [sys.executable, "-c", FORGE, hardware, ROBOT, SERVER, LIAR]
        subprocess.run(["nsenter", f"--net=/run/netns/{self._net}", *argv], check=True, timeout=30)

    def name_of(self, address: str) -> str | None:
        assert self._sense.stdin is not None
        before = sum("name" in one for one in self.told())
        self._sense.stdin.write(address.encode() + b"\n")
        self._sense.stdin.flush()
        until(lambda: sum("name" in one for one in self.told()) > before, 10, "an answer")
        return str(name) if (name := [one for one in self.told() if "name" in one][-1]["name"]) else None


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    try:
        made.open()
        yield made
    finally:
        made.close()


def test_an_address_has_the_name_that_was_asked_for_also_through_an_alias(net: Net) -> None:
    net.look_up("cloud.example.org")
    until(lambda: net.name_of("203.0.113.8"), 10, "a name")
    assert net.name_of("203.0.113.8") == "cloud.example.org"
    assert net.name_of("10.0.0.7") == "nano" and net.name_of("203.0.113.250") is None


def test_nobody_in_the_network_gives_an_address_a_name_or_hides_a_domain(net: Net) -> None:
    """Neither an answer that nobody asked for, nor one to a question that came from outside."""
    net.look_up("cloud.example.org")
    net.lie()
    net.look_up("later.test")
    until(lambda: net.name_of("203.0.113.9") == "later.test", 10, "packets are read in order: the lies were before")
    assert net.name_of("203.0.113.66") is None
    net.on_robot(sys.executable, "-c", TUNNEL, SERVER)
    until(lambda: any(one.get("domain") == "tunnel.test" for one in net.told()), 10, "not lost among the lies' domains")


def test_the_shape_of_a_tunnel_is_told_at_once(net: Net) -> None:
    net.on_robot(sys.executable, "-c", TUNNEL, SERVER)
    until(lambda: [one for one in net.told() if "domain" in one], 10, "the tunnel")
    told = next(one for one in net.told() if "domain" in one)
    assert (told["kind"], told["domain"], list(told["qtypes"])) == ("dns.summary", "tunnel.test", ["NULL"])
    assert told["longest_label"] >= 57 and told["entropy"] > 4 and told["servers"] == [SERVER]
    assert 1 <= told["distinct_names"] == told["queries"] <= 60 and told["bytes_out"] > 100 * told["queries"]
