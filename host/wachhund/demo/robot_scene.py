"""The scene on a stand-in for a robot: its stock noise, the vendor's tunnel, a login through it, a camera, the phone.

The stand-in belongs to the tests and is no part of the host: it runs as a program of its own, which is found in a clone
and spoken to by lines (docs/decisions/0026).
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wachhund
from wachhund.demo.children import Child, ChildError, Children
from wachhund.demo.scene import Act, Cast
from wachhund.demo.world import World
from wachhund_evidence import MisuseError

ROBOTS = ("go1",)
STANDING_SECONDS = 60.0  # keys, namespaces, and daemons until they listen
FACT_SECONDS = 30.0  # a visitor waits 15 s for the robot himself
SSH_PORT = 22
_CLONE = Path(wachhund.__file__).resolve().parents[2]


def start_stage(
    children: Children, robot: str, folder: Path, clone: Path = _CLONE, uid: int | None = None
) -> tuple[Child, Mapping[str, Any]]:
    """Build the robot. Returns its stage and what that said of it. Raises MisuseError where it cannot stand."""
    program = clone / "tests" / "robots" / robot / "stage.py"
    if not program.exists():
        raise MisuseError(
            f'demo: --robot {robot}: the stand-in is no part of the installed package: run make demo ARGS="--robot '
            f'{robot}" in a clone'
        )
    if (os.geteuid() if uid is None else uid) != 0:
        raise MisuseError(f"demo: --robot {robot}: needs root, for network namespaces: run it with sudo")
    stage = children.start(
        "robot",
        # -P: a folder `tests` where somebody happens to stand is not the clone's.
        (sys.executable, "-P", "-m", f"tests.robots.{robot}.stage", str(folder)),
        environment={"PYTHONPATH": str(clone)},
    )
    standing = stage.fact(STANDING_SECONDS)
    if standing.get("fact") == "cannot":
        raise MisuseError(f"demo: --robot {robot}: {standing.get('why')}")
    return stage, standing


class RobotScene:
    """The same steps as `Scene`, played by the stage."""

    dials = "the vendor's tunnel dials out and idles"
    enters = "somebody logs in through it, by ssh on loopback, and works"

    def __init__(self, stage: Child, standing: Mapping[str, Any]) -> None:
        self._stage = stage
        self._sshd = int(standing["sshd"])
        self._stock: frozenset[int] = frozenset()
        self._tunnel: Mapping[str, Any] | None = None
        self._looks: tuple[str, int] | None = None
        self._drives: tuple[str, int] | None = None
        self.world = World("go1", tuple(standing["inside"]), (), "")
        self.encores = (
            Act("somebody in the laboratory looks through a camera", self._look),
            Act("the phone drives", self._drive),
        )

    def begin(self) -> None:
        """The stock robot's noise."""
        self._stock = frozenset(int(pid) for pid in self._do("noise")["pids"])

    def dial(self) -> None:
        """The vendor's tunnel."""
        self._tunnel = self._do("tunnel")

    def enter(self) -> float:
        """Somebody logs in. Returns when the shell answered (monotonic seconds)."""
        return float(self._do("login")["mono"])

    def leave(self) -> None:
        """Whoever logged in logs out."""
        if not self._stage.ended():
            self._do("leave")

    def failed(self) -> ChildError | None:
        """Why the scene cannot go on, in words."""
        return self._stage.failure() if self._stage.ended() else None

    def fourth_kilobyte(self) -> float | None:
        """Not counted here."""
        return None

    def known_visitors(self, kept: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, bool]:
        """Of who looked through a camera and who drove: whether the host has their address."""
        viewers = [fields.get("viewer") for kind, fields in kept if kind == "camera.open"]
        drivers = [fields.get("client") for kind, fields in kept if kind == "control"]
        return {
            "camera": self._looks is not None and list(self._looks) in viewers,
            "phone": self._drives is not None and list(self._drives) in drivers,
        }

    def cast(self) -> Cast:
        """Who played what. Raises ChildError before everybody has come on."""
        if self._tunnel is None:
            raise ChildError("demo: scene: the tunnel has not dialled out")
        return Cast(
            relay_pid=int(self._tunnel["pid"]),
            relay_exe=str(self._tunnel["exe"]),
            console_pid=self._sshd,
            console_port=SSH_PORT,
            outside_address=str(self._tunnel["address"]),
            stock_pids=self._stock,
            surface="ssh",
        )

    def _look(self) -> None:
        self._looks = _end(self._do("camera"))

    def _drive(self) -> None:
        self._drives = _end(self._do("drive"))

    def _do(self, command: str) -> Mapping[str, Any]:
        self._stage.say(command)
        fact = self._stage.fact(FACT_SECONDS)
        if fact.get("fact") != command:
            raise ChildError(f"demo: {self._stage.name}: {fact.get('why') or fact}")
        return fact


def _end(fact: Mapping[str, Any]) -> tuple[str, int]:
    address, port = fact["address"]
    return str(address), int(port)
