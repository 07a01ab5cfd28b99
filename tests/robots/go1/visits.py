"""People who come to the robot, each as a context: the visit lasts as long as the `with` block.

Entering returns when the visit has had its effect (the robot has answered), so that a test waits for the agent only.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.robots.go1.addresses import (
    CAMERA_PORT,
    CLOUD,
    CLOUD_NAME,
    HIGH_LEVEL,
    LAB,
    LCM,
    LCM_GROUP,
    NANO_HEAD,
    OPENED,
    PI_LAN,
    PI_WLAN,
    SSH,
    STREAM,
    TUNNEL,
    UPLOAD,
    WEB,
)
from tests.robots.go1.namespace import Namespace
from tests.robots.go1.private_files import AUTOSTART
from tests.robots.go1.robot import Go1
from tests.waiting import until

_ROOT = Path(__file__).resolve().parents[3]
_COME_SECONDS, _LEAVE_SECONDS = 15.0, 10.0
_SDK_HZ, _SDK_PORT = 50, 8090
_DATAGRAM_BYTES, _DATAGRAMS_HZ = 1400, 40


class Visit:
    """A visitor's process. `fact` is what it told when its visit began; `fact["address"]` is where it comes from."""

    def __init__(self, process: "subprocess.Popen[Any]", fact: dict[str, Any]) -> None:
        self.process, self.fact = process, fact

    @property
    def pid(self) -> int:
        return self.process.pid


class Session(Visit):
    """Somebody at a shell of the Pi, with a terminal. `tunnel` is the process on the Pi that carried them, if any."""

    def __init__(self, process: "subprocess.Popen[Any]", screen: Path) -> None:
        super().__init__(process, {"fact": "logged in"})
        self.tunnel: subprocess.Popen[Any] | None = None
        self._screen = screen

    def screen(self) -> str:
        """Everything that the terminal showed so far."""
        return self._screen.read_text(errors="backslashreplace")

    def type(self, line: str) -> None:
        """One command line, typed at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def phone_drives(robot: Go1) -> Iterator[Visit]:
    """The app on a phone at the robot's access point: MQTT in a websocket, through nginx."""
    with visitor(robot.phone, "phone", PI_WLAN, str(WEB)) as visit:
        yield visit


@contextlib.contextmanager
def lab_watches_camera(robot: Go1, number: int) -> Iterator[Visit]:
    """Somebody in the laboratory looks through one of the five cameras, through nginx."""
    with visitor(robot.lab, "watcher", PI_LAN, str(WEB), f"/cam{number}") as visit:
        yield visit


@contextlib.contextmanager
def phone_watches_through(robot: Go1) -> Iterator[Visit]:
    """Somebody at the access point asks a Nano itself for its camera: the Pi only routes."""
    with visitor(robot.phone, "watcher", NANO_HEAD, str(CAMERA_PORT), "/") as visit:
        yield visit


@contextlib.contextmanager
def pi_plays_stream(robot: Go1) -> Iterator[Visit]:
    """A program on the Pi takes the head camera's pictures by UDP. The visit is the program on the Pi."""
    numbers = (str(one) for one in (STREAM, _DATAGRAM_BYTES, _DATAGRAMS_HZ))
    with (
        visitor(robot.pi, "player", str(STREAM)) as player,
        visitor(robot.nanos, "sender", NANO_HEAD, PI_LAN, *numbers),
    ):
        yield player


@contextlib.contextmanager
def lab_speaks_lcm(robot: Go1) -> Iterator[Visit]:
    """A laptop of the laboratory talks on the robot's LCM bus, which is a multicast group."""
    with visitor(robot.lab, "sender", LAB, LCM_GROUP, str(LCM), "64", "20") as visit:
        yield visit


@contextlib.contextmanager
def sdk_moves(robot: Go1) -> Iterator[Visit]:
    """High-level commands by UDP from the laboratory."""
    with visitor(robot.lab, "sdk", str(_SDK_PORT), PI_LAN, str(HIGH_LEVEL), str(_SDK_HZ)) as visit:
        yield visit


@contextlib.contextmanager
def upload(robot: Go1) -> Iterator[Visit]:
    """A file goes to the robot from the laboratory; it is complete when the block ends."""
    with visitor(robot.lab, "uploader", PI_LAN, str(UPLOAD)) as visit:
        yield visit


@contextlib.contextmanager
def lab_logs_in(robot: Go1) -> Iterator[Session]:
    """Somebody in the laboratory opens a shell on the Pi."""
    with logs_in(robot, robot.lab, SSH, PI_LAN) as session:
        yield session


@contextlib.contextmanager
def vendor_tunnel(robot: Go1, program: str = "tunneld") -> Iterator[Visit]:
    """The vendor's tunnel stands and nobody uses it. Its program on the Pi has the name `program`.

    The ports of addresses.OPENED on the cloud lead to the Pi. The visit's process is the tunnel's on the Pi.
    """
    opened = [f"{one.outer}:{one.inner}" for one in OPENED]
    with visitor(robot.internet, "cloud", CLOUD, str(TUNNEL), *opened) as cloud:
        executable, environment = _interpreter(robot, program)
        script = f"{AUTOSTART}/tunnel/tunnel.py"
        tunnel = robot.pi.popen([executable, script, CLOUD_NAME, str(TUNNEL)], env=environment)
        try:
            yield Visit(tunnel, _fact(cloud.process))
        finally:
            tunnel.terminate()
            tunnel.wait(_LEAVE_SECONDS)


@contextlib.contextmanager
def vendor_tunnel_login(robot: Go1, program: str = "tunneld") -> Iterator[Session]:
    """An operator out on the internet opens a shell on the Pi through the vendor's tunnel."""
    with vendor_tunnel(robot, program) as tunnel, through_vendor_tunnel(robot, tunnel) as session:
        yield session


@contextlib.contextmanager
def through_vendor_tunnel(robot: Go1, tunnel: Visit) -> Iterator[Session]:
    """The same through a tunnel that stands already."""
    outer = next(one.outer for one in OPENED if one.inner == SSH)
    with logs_in(robot, robot.internet, outer, CLOUD) as session:
        session.tunnel = tunnel.process
        yield session


@contextlib.contextmanager
def visitor(
    where: Namespace, name: str, *arguments: str, package: str = "tests.robots.go1.programs"
) -> Iterator[Visit]:
    """One of our programs anywhere around the robot; entered when it tells that its visit began."""
    module = [sys.executable, "-m", f"{package}.{name}"]
    process = where.popen([*module, *arguments], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Visit(process, _fact(process))
    finally:
        _leave(process)


def _fact(process: "subprocess.Popen[Any]") -> dict[str, Any]:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], _COME_SECONDS)[0], f"{process.args!r}: the visit does not begin"
    line = process.stdout.readline()
    assert line, f"{process.args!r} ended before its visit began: see the robot's log folder"
    return dict(json.loads(line))


@contextlib.contextmanager
def logs_in(robot: Go1, where: Namespace, port: int, address: str) -> Iterator[Session]:
    """Somebody anywhere opens a shell on the Pi, by whatever leads from this address and port to its sshd."""
    screen = robot.log / f"screen-{time.monotonic_ns()}.out"
    with screen.open("wb") as shown:
        process = where.popen(
            robot.ssh("-tt", "-p", str(port), f"pi@{address}"), stdin=subprocess.PIPE, stdout=shown, stderr=shown
        )
    session = Session(process, screen)
    try:
        session.type("id")
        until(lambda: "uid=" in session.screen(), _COME_SECONDS, f"a shell at {address}:{port}: see {screen}")
        yield session
        # Who types this is gone: the shell ends as soon as it has read it.
        with contextlib.suppress(BrokenPipeError):
            session.type("exit")
    finally:
        _leave(process)


def _leave(process: "subprocess.Popen[Any]") -> None:
    """A visitor goes by itself when its input ends; who does not is an error of the stand-in."""
    try:
        process.communicate(timeout=_LEAVE_SECONDS)
    finally:
        process.kill()
        process.wait()


def _interpreter(robot: Go1, name: str) -> tuple[str, dict[str, str]]:
    """A copy of this Python under another name: the kernel, and so the agent, knows a program by its file."""
    place = f"{AUTOSTART}/tunnel/{name}"
    shutil.copy(Path(sys.executable).resolve(), robot.home / Path(place).relative_to("/home/pi"))
    library = str(sysconfig.get_config_var("LIBDIR") or "")
    paths = [part for part in (os.environ.get("LD_LIBRARY_PATH"), library) if part]
    return place, {**os.environ, "PYTHONHOME": sys.base_prefix, "LD_LIBRARY_PATH": ":".join(paths)}
