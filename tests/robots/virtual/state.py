"""The state of a walk, and what every step of it asks of the robot."""

import contextlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.robots.virtual.cloud import Cloud
from tests.robots.virtual.machine import VirtualRobot
from tests.robots.virtual.outside import Outside

UNIT = "wachhund-agent.service"
NAME = "virtual"
AGENT = "python3 -I -S -B /opt/wachhund/current/agent.py"
WITHIN_S = 300  # for a receipt; an emulated robot is slow
TOLD_S = 120.0
LOOK_S = 0.5
_LAPTOP_S = 900  # for a command of the laptop: most of it is the robot's time
_TREE = Path(__file__).with_name("programs") / "tree.py"
_INSTALLER = "python3 -I -S -B /opt/wachhund/current/installer"


@dataclass
class Walk:
    """`folder` is for the bundles and for what a laptop makes. `cloud`: of the vendor. `before`: the robot's files as
    they were."""

    robot: VirtualRobot
    host: Outside
    cloud: Cloud
    folder: Path
    before: dict[str, list[object]] = field(default_factory=dict)

    def say(self, file: str, words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """A command of a bundle that was copied there, as root."""
        return self.robot.run(f"sh ./{file} {words}", given=given, check=False)

    def laptop(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command of the host that was unpacked on a laptop, with nobody there to be asked."""
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder)}
        return subprocess.run(
            [self.folder / "laptop" / "wachhund", *words], cwd=self.folder, env=environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_LAPTOP_S, check=False,
        )  # fmt: skip

    def files(self) -> dict[str, list[object]]:
        """All paths of the robot's root file system: what each is, whose, and what it holds."""
        lines = self.robot.run("python3 -I -S -B -", given=_TREE.read_text()).stdout.splitlines()
        return {path: rest for path, *rest in map(json.loads, lines)}

    def incidents(self) -> list[dict[str, Any]]:
        """What the host's judge holds against the robot, the newest first."""
        with contextlib.closing(self.host.ledger()) as ledger:
            return ledger.incidents(self.host.robot)

    def status(self) -> dict[str, Any]:
        """What the installed installer says."""
        return dict(json.loads(self.robot.run(f"{_INSTALLER} status --json").stdout))

    @property
    def word(self) -> str:
        """The host's first word of the robot."""
        return self.host.standing().proof.word
