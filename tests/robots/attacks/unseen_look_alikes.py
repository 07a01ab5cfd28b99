"""Look-alikes by the same somebody: what laboratories and owners do that is near to an attack, and is none."""

import sys

from tests.robots.attacks.acting import (
    linger,
    logs_in_and_works,
    looks,
    on_internet,
    outside_broker,
    put,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Authorised, Scene
from tests.robots.go1 import Go1
from tests.robots.go1.addresses import CAMERA_PORT, CAMERAS, LAB, MQTT, PI_LAN, SSH, WEB


def _forwards(robot: Go1, draw: Draw) -> None:
    """ssh -L from the laboratory's desk to a Nano's camera, through the robot's sshd."""
    desk, nano = draw.high_port("desk"), CAMERAS[draw.pick("camera", sorted(CAMERAS))]
    robot.lab.popen(robot.ssh("-N", "-L", f"{desk}:{nano}:{CAMERA_PORT}", f"pi@{PI_LAN}"))
    robot.lab.wait_for(desk)
    looks(robot, robot.lab, "127.0.0.1", desk, "/")


def _bridge(robot: Go1, draw: Draw) -> None:
    """The owner's bridge takes the robot's state to the owner's broker, and brings nothing."""
    address, port = on_internet(robot, draw.address("server")), draw.pick("port", [1883, 2883, 21883])
    outside_broker(robot, address, port)
    inside, topics = draw.high_port("inside"), ("bms/state", "robot/state")
    far = f"connection {draw.name('far')}\naddress {address}:{port}\n"
    near = f"connection {draw.name('near')}\naddress 127.0.0.1:{MQTT}\n"
    config = f"/etc/mosquitto/{draw.name('config')}.conf"
    put(robot, config, f"listener {inside} 127.0.0.1\nallow_anonymous true\n"
        + far + "".join(f"topic {one} out 0\n" for one in topics)
        + near + "".join(f"topic {one} in 0\n" for one in topics))  # fmt: skip
    start(robot, ["mosquitto", "-c", config])
    robot.pi.wait_for(inside)
    linger(10)


def _server(robot: Go1, draw: Draw, size: int) -> str:
    """The owner's web server with one file; its address."""
    address, port = on_internet(robot, draw.address("server")), draw.high_port("server")
    folder = robot.log.parent / "outside" / "pages"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"nothing\n" * (size // 8))
    robot.internet.popen([sys.executable, "-m", "http.server", str(port), "--bind", address], cwd=folder)
    robot.internet.wait_for(port)
    return f"http://{address}:{port}/file"


def _updater(robot: Go1, draw: Draw) -> None:
    """One family has a long download and the robot's state at once, and neither has to do with the other."""
    page, script = _server(robot, draw, 4_000_000), f"/home/pi/{draw.name('place')}/{draw.name('updater')}.sh"
    jobs = draw.order("jobs", [
        f"curl -s --limit-rate {draw.number('rate', 200, 350)}k -o /dev/null {page} &\n",
        "mosquitto_sub -h 127.0.0.1 -t bms/state -t robot/state -W 11 > /dev/null &\n",
    ])  # fmt: skip
    put(robot, script, "".join(jobs) + "wait\n")
    start(robot, ["sh", script]).wait(40)


def _health(robot: Go1, draw: Draw) -> None:
    """The laboratory's monitor asks each second whether the services answer, and logs in nowhere."""
    code = "import socket, sys, time\nfor turn in range(8):\n    for port in map(int, sys.argv[1:]):\n"
    code += f"        with socket.create_connection(({PI_LAN!r}, port), timeout=5) as line:\n"
    code += f"            if port == {SSH}:\n                line.recv(64)\n"
    code += f"            if port == {WEB}:\n                line.sendall(b'HEAD / HTTP/1.0\\r\\n\\r\\n')\n"
    code += "                line.recv(512)\n    time.sleep(1)\n"
    ports = draw.order("ports", [str(SSH), str(WEB), str(MQTT)])
    client = robot.lab.popen([sys.executable, "-c", code, *ports])
    assert client.wait(30) == 0


def _leaves_job(robot: Go1, draw: Draw) -> None:
    """A developer logs out; a job of theirs goes on for a while and reports to the laboratory's server."""
    page = _server(robot, draw, 800)
    every = draw.pick("every", ["0.7", "1", "1.3"])
    job = f"for turn in 1 2 3 4 5 6; do sleep {every}; curl -s -o /dev/null '{page}?turn='$turn; done"
    name = draw.name("job")
    put(robot, f"/home/pi/{name}.sh", job + "\n")
    logs_in_and_works(robot, draw, (PI_LAN, SSH), robot.lab, [f"nohup sh {name}.sh > /dev/null 2>&1 &"])
    linger(5)


def _may(*surfaces: str) -> Authorised:
    return Authorised("the laboratory", surfaces, LAB, "lan", "works on this robot")


SCENES = (
    Scene("developer-forwards-camera", 0, "a developer looks through a Nano's camera by ssh -L from the laboratory",
          _forwards, None, (_may("ssh", "camera"),)),
    Scene("bridge-reports", 0, "the owner's second broker takes the robot's state to the owner's, and brings nothing",
          _bridge, None),
    Scene("updater-reads-state", 0, "a script downloads from the internet while it reads the robot's state", _updater,
          None),
    Scene("lab-health-check", 0, "the laboratory's monitor asks each second whether the services answer", _health, None,
          (_may("ssh", "web", "mqtt"),)),
    Scene("developer-leaves-job", 0, "a developer logs out and leaves a job that reports to the laboratory's server",
          _leaves_job, None, (_may("ssh"),)),
)  # fmt: skip
