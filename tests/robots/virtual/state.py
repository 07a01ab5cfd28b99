"""The state of a walk, and what every step of it asks of the robot."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.robots.virtual.machine import VirtualRobot
from tests.robots.virtual.outside import Outside

UNIT = "wachhund-agent.service"
NAME = "virtual"
AGENT = "python3 -I -S -B /opt/wachhund/current/agent.py"
WITHIN_S = 300  # for a receipt; an emulated robot is slow
TOLD_S = 120.0
LOOK_S = 0.5
_INSTALLER = "python3 -I -S -B /opt/wachhund/current/installer"


@dataclass
class Walk:
    """`folder` is for the bundles. `before`: the robot's files as they were."""

    robot: VirtualRobot
    host: Outside
    folder: Path
    before: dict[str, list[object]] = field(default_factory=dict)

    def say(self, file: str, words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """A command of a bundle that was copied there, as root."""
        return self.robot.run(f"sh ./{file} {words}", given=given, check=False)

    def status(self) -> dict[str, Any]:
        """What the installed installer says."""
        return dict(json.loads(self.robot.run(f"{_INSTALLER} status --json").stdout))

    @property
    def word(self) -> str:
        """The host's first word of the robot."""
        return self.host.standing().proof.word
