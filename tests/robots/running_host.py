"""A host's broker, intake and ledger at work in this process, on a port of its own, with real scripted robots."""

import socket
from collections.abc import Callable
from pathlib import Path

from tests.robots.scripted import OverMqtt, ScriptedRobot
from wachhund.broker import Broker
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import agent_configuration, new_robot
from wachhund.fleet.roster import Roster
from wachhund.intake.mqtt import Wire
from wachhund.intake.quota import Quota
from wachhund.intake.service import IntakeService
from wachhund.ledger import Ledger


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def register(data: DataFolder, name: str, robot: ScriptedRobot, port: int) -> dict[str, str]:
    """Register a robot as `wachhund robots add` does, beside a host that may be serving. Its configuration."""
    ledger = Ledger.open(data.ledger)
    row, credentials = new_robot(name, robot.public_pem)
    ledger.add_robot(row)
    ledger.close()
    broker = f"mqtt://127.0.0.1:{port}"
    config = dict(agent_configuration(row, credentials, HostKeys.load_or_create(data), broker))
    robot.nonce = config["nonce"]
    return config


class RunningHost:
    """Use it as a context; everything it started is gone at the end."""

    def __init__(self, folder: Path, quota: Quota | None = None) -> None:
        self.data = DataFolder(folder).make()
        self.keys = HostKeys.load_or_create(self.data)
        self.ledger = Ledger.open(self.data.ledger)
        self.roster = Roster(self.ledger)
        self.broker = Broker(self.data, self.roster, port=free_port())
        self._quota = quota
        self._robots: list[OverMqtt] = []

    def __enter__(self) -> "RunningHost":
        self.broker.start()
        self.intake = IntakeService(self.ledger, self.roster, self.keys, self.wire, self._quota)
        self.intake.start()
        return self

    def __exit__(self, *_: object) -> None:
        for robot in self._robots:
            robot.close()
        self.intake.stop()
        self.broker.stop()
        self.ledger.close()

    def wire(self, on_evidence: Callable[[str, bytes], None]) -> Wire:
        """A connection of the host's own to its broker."""
        broker = self.broker
        return Wire(broker.address, broker.port, broker.username, broker.password, on_evidence)

    def connect(self, name: str, robot: ScriptedRobot | None = None) -> OverMqtt:
        """Register a robot while the host serves, and connect it once the broker lets it in."""
        robot = robot or ScriptedRobot()
        config = register(self.data, name, robot, self.broker.port)
        made = OverMqtt(robot, config, self.keys.key.public_key())
        self._robots.append(made)
        return made
