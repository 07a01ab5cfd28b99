"""Group 1: the tunnels that the vendor brings. Stand-ins that behave as public descriptions say; no vendor's code."""

import contextlib
from collections.abc import Iterator

from tests.robots.attacks.acting import (
    drives,
    implant,
    linger,
    logs_in_and_works,
    on_internet,
    outside_program,
    put,
    work,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Authorised, Scene, Story
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CLOUD, OPENED, SSH
from tests.robots.go1.private_files import AUTOSTART

_CLOUDSAIL = "/usr/local/zhexi/cloudsail/csclient"
_NPC = f"{AUTOSTART}/tunnel/linux_arm64_client/npc"
_DOORS = {one.inner: one.outer for one in OPENED}


@contextlib.contextmanager
def _client(robot: Go1, draw: Draw, path: str, shown: list[str]) -> Iterator[tuple[str, int]]:
    """The vendor's client under its own name; whoever holds the cloud's key gets a door to ssh."""
    address, port, door = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("door")
    with outside_program(robot, "far_end", "tcp", address, str(port), str(door), "-"):
        client = implant(robot, path, "relay.py", ["tcp", address, str(port), "127.0.0.1", str(SSH)], shown)
        try:
            yield address, door
        finally:
            client.terminate()
            client.wait(10)


def _cloudsail_installed(robot: Go1, draw: Draw) -> None:
    put(robot, "/usr/local/zhexi/cloudsail/stat.yml", f"uuid: made-up-{draw.name('uuid')}\n")


def _cloudsail_idle(robot: Go1, draw: Draw) -> None:
    with _client(robot, draw, _CLOUDSAIL, ["start", "--mode=worker"]):
        linger(5)


def _cloudsail_login(robot: Go1, draw: Draw) -> None:
    with _client(robot, draw, _CLOUDSAIL, ["start", "--mode=worker"]) as door:
        logs_in_and_works(robot, draw, door)


def _npc(robot: Go1, draw: Draw) -> None:
    put(
        robot,
        f"{AUTOSTART}/tunnel/linux_arm64_client/conf/npc.conf",
        "[common]\nconn_type=tcp\nauto_reconnection=true\n",
    )
    shown = [draw.pick("npc", ["start", "run"]), f"{AUTOSTART}/tunnel/linux_arm64_client/conf/npc.conf"]
    with _client(robot, draw, _NPC, ["npc.conf", *shown]):
        linger(5)


def _complete(robot: Go1, draw: Draw) -> None:
    """The seed's attack: the tunnel dials, somebody logs in through it, looks through camera 1, and drives."""
    for topic, value in (("usys/uuid", f"made-up-{draw.name('uuid')}"), ("usys/internet", "4G")):
        robot.pi.run(["mosquitto_pub", "-h", "127.0.0.1", "-r", "-q", "1", "-t", topic, "-m", value])
    with visits.vendor_tunnel(robot, draw.name("client")) as tunnel:
        linger(1)
        with visits.through_vendor_tunnel(robot, tunnel) as session:
            work(session, draw)
            with visits.visitor(robot.internet, "watcher", CLOUD, str(_DOORS[80]), "/cam1"):
                linger(3)
                drives(robot, robot.internet, CLOUD, _DOORS[1883])


def _web_and_mqtt(robot: Go1, draw: Draw) -> None:
    with visits.vendor_tunnel(robot, draw.name("client")):
        linger(1)
        drives(robot, robot.internet, CLOUD, _DOORS[1883])


_LOGIN = ("T1572", "T1021.004")
SCENES = (
    Scene("cloudsail-idle", 1, "the vendor's CloudSail has enrolled and dials its cloud; nobody comes", _cloudsail_idle,
          Story("tunnel", "medium", (), (), ("CloudSail",), ("T1572",)), before=_cloudsail_installed),
    Scene("cloudsail-login", 1, "somebody with the cloud's key logs in as pi through CloudSail", _cloudsail_login,
          Story("remote-control", "high", ("ssh",), ("{address[outside]}", _CLOUDSAIL, "ssh", "pi"),
                ("remote control", "ssh", "CloudSail"), _LOGIN), before=_cloudsail_installed),
    Scene("nps-idle", 1, "NPS, which lies beside it, was switched on and dials a server", _npc,
          Story("tunnel", "medium", (), (), ("NPS",), ("T1572",))),
    Scene("vendor-complete", 4, "the vendor's tunnel enrols and dials, somebody logs in as pi from loopback, looks "
          "through camera 1 and drives", _complete,
          Story("remote-control", "critical", ("ssh", "camera", "mqtt"), (CLOUD,), ("remote control",),
                ("T1572", "T1021.004", "T1125"))),
    Scene("vendor-authorised", 0, "the same, by the operator who authorised it for this session", _complete, None,
          (Authorised("the operator", ("ssh", "web", "camera", "mqtt"), CLOUD, "relay", "repair"),)),
    Scene("vendor-drives", 4, "somebody drives through the vendor's tunnel and never logs in", _web_and_mqtt,
          Story("remote-control", "high", ("mqtt",), (CLOUD, "mqtt"), ("remote control", "mqtt"), ("T1572",))),
)  # fmt: skip
