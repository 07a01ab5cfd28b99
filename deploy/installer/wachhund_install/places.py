"""Where everything lies that an installation consists of; nothing else on the robot is touched.

/opt/wachhund/versions/NAME/     one version: lib/ (agent and libraries), installer/, agent.py, the unit
/opt/wachhund/current            -> versions/NAME; renamed into place, so that the switch is one act
/opt/wachhund/trial              after an update, until the new version was verified: which, and which before
/opt/wachhund/made               folders outside that were not there before
/etc/systemd/system/wachhund-agent.service -> /opt/wachhund/current/wachhund-agent.service
/etc/systemd/system/multi-user.target.wants/wachhund-agent.service
/var/lib/private/wachhund        key, configuration and journal; /var/lib/wachhund leads there (systemd's links)
"""

from pathlib import Path
from typing import NamedTuple, Tuple

UNIT = "wachhund-agent.service"
PROGRAM = Path("/opt/wachhund")
STATE = Path("/var/lib/wachhund")
PREFIX_NEW = ".new-"


class Places(NamedTuple):
    """`root`: the robot's file system, `/` when it is the running one."""

    root: Path

    def at(self, path: str) -> Path:
        """An absolute path of the robot, as we reach it."""
        return self.root / path.lstrip("/")

    @property
    def is_running_system(self) -> bool:
        return self.root == Path("/")

    @property
    def program(self) -> Path:
        return self.at(str(PROGRAM))

    @property
    def versions(self) -> Path:
        return self.program / "versions"

    @property
    def current(self) -> Path:
        return self.program / "current"

    @property
    def trial(self) -> Path:
        return self.program / "trial"

    @property
    def made(self) -> Path:
        return self.program / "made"

    @property
    def units(self) -> Path:
        return self.at("/etc/systemd/system")

    @property
    def unit(self) -> Path:
        return self.units / UNIT

    @property
    def wanted(self) -> Path:
        return self.units / "multi-user.target.wants" / UNIT

    @property
    def private(self) -> Path:
        return self.at("/var/lib/private")

    @property
    def around(self) -> Tuple[Path, ...]:
        """The folders outside of ours that something comes into; the outer ones first."""
        return (self.units, self.wanted.parent, self.private)

    @property
    def state(self) -> Path:
        return self.private / "wachhund"

    @property
    def state_link(self) -> Path:
        return self.at(str(STATE))

    @property
    def config(self) -> Path:
        return self.state / "agent.json"

    @property
    def mark(self) -> Path:
        """What the agent writes when a host took its word (`wachhund_agent.trial`)."""
        return self.state / "agent-data" / "verified"

    def as_the_robot_sees(self, path: Path) -> str:
        """The absolute path without our root before it."""
        return "/" + "/".join(path.relative_to(self.root).parts)
