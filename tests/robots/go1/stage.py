"""The stand-in Go1 as a program of its own, for `wachhund demo --robot go1`: commands in, facts out, a line each.

    python -m tests.robots.go1.stage FOLDER

First it says {"fact": "standing", ...}: how to start a program on the Pi, and its sshd. Commands: `noise` (the stock
robot's), `tunnel` (the vendor's stand-in dials out), `login` (somebody comes in through it and types until `leave`),
`camera` (somebody looks through a camera), `drive` (the phone drives), `leave`. Each is answered with a fact when it
has had its effect. When its input ends, or at SIGTERM, everything is taken down.
"""

import contextlib
import json
import os
import secrets
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CLOUD
from tests.robots.go1.private_files import AUTOSTART
from tests.waiting import until

_TYPING_SECONDS = 0.4  # between two command lines, as a person types
_MOST_TYPED = 60  # bytes of one, of any length below


class _Told(BaseException):
    """Somebody told us to go."""


class Stage:
    """One robot and who visits it, for as long as `scene` lasts."""

    def __init__(self, robot: Go1, scene: contextlib.ExitStack) -> None:
        self._robot, self._scene = robot, scene
        self._tunnel: visits.Visit | None = None
        self._typist: visits.Session | None = None
        self._stay = contextlib.ExitStack()
        self.commands: dict[str, Callable[[], dict[str, Any]]] = {
            "noise": self._noise,
            "tunnel": self._dial,
            "login": self._login,
            "camera": self._look,
            "drive": self._drive,
            "leave": self._leave,
        }

    def type_something(self) -> None:
        """What whoever is logged in does meanwhile."""
        if self._typist is not None:
            words = secrets.token_hex(1 + secrets.randbelow(_MOST_TYPED // 2))
            with contextlib.suppress(BrokenPipeError):
                self._typist.type(f"echo {words}; id")

    def _noise(self) -> dict[str, Any]:
        return {"pids": self._robot.start_noise()}

    def _dial(self) -> dict[str, Any]:
        self._tunnel = self._scene.enter_context(visits.vendor_tunnel(self._robot))
        return {"pid": self._tunnel.pid, "exe": f"{AUTOSTART}/tunnel/tunneld", "address": CLOUD}

    def _login(self) -> dict[str, Any]:
        assert self._tunnel is not None, "nobody can come in before the tunnel stands"
        self._scene.push(self._stay)
        self._typist = self._stay.enter_context(visits.through_vendor_tunnel(self._robot, self._tunnel))
        return {}

    def _look(self) -> dict[str, Any]:
        visit = self._scene.enter_context(visits.lab_watches_camera(self._robot, 1))
        return {"address": visit.fact["address"]}

    def _drive(self) -> dict[str, Any]:
        visit = self._scene.enter_context(visits.phone_drives(self._robot))
        return {"address": visit.fact["address"]}

    def _leave(self) -> dict[str, Any]:
        self._typist = None
        self._stay.close()
        return {}


def _lines(meanwhile: Callable[[], None]) -> Iterator[str]:
    """Lines of our input until it ends."""
    waiting = b""
    while True:
        if not select.select([0], [], [], _TYPING_SECONDS)[0]:
            meanwhile()
            continue
        piece = os.read(0, 4096)
        if not piece:
            return
        *whole, waiting = (waiting + piece).split(b"\n")
        yield from (line.decode() for line in whole)


def _tell(fact: str, **more: Any) -> None:
    print(json.dumps({"fact": fact, "mono": time.monotonic(), **more}), flush=True)


class _Door:
    """SIGTERM leads out once; nothing interrupts the taking down."""

    def __init__(self) -> None:
        self._open = True
        signal.signal(signal.SIGTERM, self._leave)

    def shut(self) -> None:
        self._open = False

    def _leave(self, number: int, frame: object) -> None:
        if self._open:
            self._open = False
            raise _Told


def play(folder: Path, door: _Door) -> None:
    """Until the input ends."""
    with Go1(folder, enrolled=True) as robot, contextlib.ExitStack() as scene:
        try:
            stage = Stage(robot, scene)
            pid_file = robot.run / "sshd.pid"
            until(lambda: pid_file.exists() and pid_file.read_text().strip(), 10, "sshd says its number")
            _tell("standing", inside=robot.pi.entry("/"), sshd=int(pid_file.read_text()))
            for command in _lines(stage.type_something):
                _tell(command, **stage.commands[command]())
        finally:
            door.shut()


def main() -> int:
    os.chdir(Path(__file__).resolve().parents[3])
    os.environ.pop("PYTHONPATH", None)  # how we were found is no business of the robot's programs
    try:
        play(Path(sys.argv[1]), _Door())
    except _Told:
        return 0
    except AssertionError as error:
        _tell("cannot", why=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
