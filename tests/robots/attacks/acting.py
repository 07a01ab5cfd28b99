"""What several scenes do: bring programs and files to the robot, open doors outside, and use them as people do."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.robots.attacks.draw import Draw
from tests.robots.go1 import Go1, leftovers, visits
from tests.robots.go1.addresses import MQTT, SSH, WEB
from tests.robots.go1.namespace import Namespace
from tests.robots.go1.services import robot_python

PROGRAMS = Path(__file__).parent / "programs"
_PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/pi", "LANG": "C.UTF-8"}
_PERSON_PAUSE_S = 0.35  # between two things that a person does
_SEES_S = 5.0  # how long somebody looks or drives
_COMMANDS = (
    "uname -a",
    "ls -la /home/pi/Unitree/autostart",
    "cat /home/pi/Unitree/autostart/.startlist.sh",
    "ip addr",
    "ip route",
    "cat /etc/hostname",
    "df -h /",
    "last -n 3",
    "ls -la /home/pi",
    "uptime",
)
# Run instead of site's own hook: the program's name and arguments are then those that the scene wants, and no others.
_HOOK = """\
import json, os, sys
if "STAGE" in os.environ:
    sys.argv = json.loads(os.environ.pop("STAGE"))
    with open(sys.argv[0]) as source:
        exec(compile(source.read(), sys.argv[0], "exec"), {"__name__": "__main__"})
    os._exit(0)
"""


def put(robot: Go1, path: str, content: str | bytes, mode: int = 0o644) -> None:
    """A file appears on the robot; no program of the robot writes it."""
    file = robot.pi.root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)


def start(robot: Go1, argv: Sequence[str], **more: Any) -> "subprocess.Popen[Any]":
    """A program of the robot, which no terminal and no session of ours started."""
    return robot.pi.popen(argv, **{"env": _PLAIN, "cwd": robot.pi.root / "home/pi", **more})


def run(robot: Go1, argv: Sequence[str], **more: Any) -> str:
    """The same, to its end; what it printed."""
    return robot.pi.run(argv, **{"env": _PLAIN, "cwd": robot.pi.root / "home/pi", **more}).stdout


def implant(
    robot: Go1, path: str, program: str, arguments: Sequence[str], shown: Sequence[str] = (), **more: Any
) -> "subprocess.Popen[Any]":
    """Bring one of programs/ to the robot and start it.

    Its file is `path` and its arguments are `shown`, which it does not read: what it really does, `arguments` says.
    """
    bring(robot, path)
    code = f"{Path(path).parent}/.{Path(path).name}"
    put(robot, f"{code}/sitecustomize.py", _HOOK)
    put(robot, f"{code}/code", (PROGRAMS / program).read_text())
    put(robot, f"{code}/relay", (PROGRAMS / "relay.py").read_text())
    stage = json.dumps([f"{code}/code", *arguments])
    environment = {**_PLAIN, "PYTHONHOME": _prefix(), "PYTHONPATH": code, "STAGE": stage}
    return start(robot, [*more.pop("before", ()), path, *shown], env=environment, **more)


def bring(robot: Go1, path: str) -> None:
    """A copy of the robot's interpreter under another name: the kernel knows a program by its file."""
    put(robot, path, Path(robot_python()).resolve().read_bytes(), 0o755)


@cache
def _prefix() -> str:
    command = [robot_python(), "-c", "import sys; print(sys.base_prefix)"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def on_internet(robot: Go1, address: str) -> str:
    """Somebody on the internet has this address from now on."""
    robot.internet.ip(f"addr replace {address}/32 dev lo")
    return address


@contextlib.contextmanager
def door_to(
    robot: Go1, draw: Draw, inner: tuple[str, int], transport: str = "tcp", more: Sequence[str] = (),
    shown: Sequence[str] = (), path: str = "", before: Sequence[str] = (),
) -> Iterator[tuple[str, int]]:  # fmt: skip
    """An unnamed relay on the robot leads from a door on the internet to `inner`. Yields the door.

    Drawn: its path (`relay`), the address that it dials (`outside`) and the port there (`outside`).
    """
    address, port, door = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("door")
    certificate = self_signed(robot) if transport == "tls" else "-"
    far = [transport, address, str(port), str(door), certificate, *(word for word in more if word == "padded")]
    with outside_program(robot, "far_end", *far):
        path = path or draw.path("relay")
        relay = implant(robot, path, "relay.py", [transport, address, str(port), inner[0], str(inner[1]), *more], shown,
                        before=before)  # fmt: skip
        try:
            yield address, door
        finally:
            relay.terminate()
            relay.wait(10)


@contextlib.contextmanager
def outside_program(robot: Go1, name: str, *arguments: str) -> Iterator[visits.Visit]:
    """One of our programs/ on the internet."""
    with visits.visitor(robot.internet, name, *arguments, package="tests.robots.attacks.programs") as visit:
        yield visit


def self_signed(robot: Go1) -> str:
    """A certificate with its key, in one file that is none of the robot's."""
    folder = robot.log.parent / "outside"
    folder.mkdir(exist_ok=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    made = ["-subj", "/CN=nobody", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *made], check=True, capture_output=True, timeout=20)
    certificate.write_text(certificate.read_text() + key.read_text())
    return str(certificate)


def outside_sshd(robot: Go1, address: str, port: int) -> None:
    """A real sshd on the internet, to which the robot may dial; returns when it listens."""
    folder = robot.log.parent / "outside"
    folder.mkdir(exist_ok=True)
    host_key = folder / f"host-{port}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key)], check=True, timeout=10)
    settings = {
        "Port": port, "ListenAddress": address, "HostKey": host_key, "AuthorizedKeysFile": f"{login_key(robot)}.pub",
        "PidFile": "none", "UsePAM": "no", "StrictModes": "no", "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password", "PermitTunnel": "yes", "GatewayPorts": "clientspecified",
        "LogLevel": "ERROR",
    }  # fmt: skip
    file = folder / f"sshd-{port}"
    file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    # Where sshd was never started by the system, the folder that it wants is missing.
    script = f"mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -f {file}"
    robot.internet.popen(["unshare", "--mount", "sh", "-c", script])
    robot.internet.wait_for(port)


def outside_broker(robot: Go1, address: str, port: int) -> None:
    """A mosquitto on the internet; returns when it listens. As root: a port below 1024 may be drawn."""
    config = robot.log.parent / "outside.conf"
    config.write_text(f"user root\nlistener {port} {address}\nallow_anonymous true\n")
    robot.internet.popen(["mosquitto", "-c", config])
    robot.internet.wait_for(port)


def login_key(robot: Go1) -> str:
    """The private key that opens pi, and root at `outside_sshd`."""
    command = robot.ssh()
    return command[command.index("-i") + 1]


def ssh_from_pi(robot: Go1, draw: Draw, *arguments: str) -> list[str]:
    """An ssh command line for the Pi, with a key that somebody left there."""
    key = f"/home/pi/.ssh/{draw.name('ssh key')}"
    put(robot, key, Path(login_key(robot)).read_bytes(), 0o600)
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    return ["ssh", "-F", "none", "-i", key, *(f"-o{one}" for one in options), *arguments]


def work(session: visits.Session, draw: Draw, commands: Sequence[str] = (), label: str = "work") -> None:
    """Somebody types at a shell for some seconds: what they came for, among what everybody types."""
    for line in [*draw.order(label, _COMMANDS)[:6], *commands, *draw.order(label + " after", _COMMANDS)[:4]]:
        session.type(line)
        time.sleep(_PERSON_PAUSE_S)


def logs_in_and_works(
    robot: Go1, draw: Draw, door: tuple[str, int], where: Namespace | None = None, commands: Sequence[str] = ()
) -> None:
    """Somebody opens a shell on the Pi by this door, works, and leaves."""
    with visits.logs_in(robot, where or robot.internet, door[1], door[0]) as session:
        work(session, draw, commands)


def drives(robot: Go1, where: Namespace, address: str, port: int = MQTT, topic: str = "controller/action") -> None:
    """Somebody drives by MQTT for some seconds."""
    command = ["mosquitto_pub", "-h", address, "-p", str(port), "-q", "1", "-t", topic, "-l"]
    client = where.popen(command, stdin=subprocess.PIPE)
    assert client.stdin is not None
    for word in ("standUp", "walk", "walk", "run", "jumpYaw", "walk", "climb", "standDown") * 2:
        client.stdin.write(word.encode() + b"\n")
        client.stdin.flush()
        time.sleep(_SEES_S / 16)
    client.stdin.close()
    assert client.wait(15) == 0, f"mosquitto_pub cannot reach {address}:{port}"


def looks(robot: Go1, where: Namespace, address: str, port: int = WEB, path: str = "/cam1") -> None:
    """Somebody looks through a camera for some seconds."""
    with visits.visitor(where, "watcher", address, str(port), path):
        time.sleep(_SEES_S)


def agent_pid(robot: Go1) -> int:
    """The agent's process on the Pi."""
    for pid in leftovers.pids(robot.pi.name):
        with contextlib.suppress(OSError):
            if b"wachhund_agent" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
    raise AssertionError("no agent runs on the Pi")


def linger(seconds: float = _SEES_S) -> None:
    """Time passes on the robot."""
    time.sleep(seconds)


SSH_INSIDE, WEB_INSIDE, MQTT_INSIDE = ("127.0.0.1", SSH), ("127.0.0.1", WEB), ("127.0.0.1", MQTT)
