"""The host of a virtual robot: a real one on this machine, which the guest reaches by QEMU's user network."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.robots.open_host import Open
from tests.robots.virtual.machine import HOST
from wachhund.ledger.records import StoredObservation
from wachhund.web.facts import robot_standing
from wachhund.web.fleet_view import RobotStanding


class Outside(Open):
    """Listens on loopback only. It ends with the process that started it, whatever ends that."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, (HOST,))

    def _start(self, name: str, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.out").open("ab") as out:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", module, *arguments],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def standing(self) -> RobotStanding:
        """The robot's three words, as the fleet's page has them now."""
        with closing(self.ledger()) as ledger:
            return robot_standing(ledger, ledger.robot(self.robot), time.time())

    def told(self, *kinds: str) -> list[StoredObservation]:
        """What it told of these kinds, the newest first."""
        with closing(self.ledger()) as ledger:
            return ledger.newest_observations(self.robot, 1000, kinds)
