"""A host that takes evidence in, on a port of its own, with real scripted robots."""

import datetime
import ssl
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.evidence_way import OneProcess, Parts, way_of
from tests.robots.ledger_place import ready
from tests.robots.scripted import OverMqtt, ScriptedRobot
from wachhund.broker import Broker
from wachhund.fleet.authority import Authority
from wachhund.fleet.credentials import robot_identity
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.held_off import HeldOff, Patience
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.refused import Rejections
from wachhund.fleet.registration import agent_configuration, new_robot
from wachhund.fleet.roster import Roster
from wachhund.intake.quota import Quota
from wachhund.intake.service import IntakeService
from wachhund.ledger import Ledger, Rejection
from wachhund_evidence import private_key_pem, thumbprint


def register(data: DataFolder, name: str, robot: ScriptedRobot, port: int) -> dict[str, str]:
    """Register a robot as `wachhund robots add` does, beside a host that may be serving. Its configuration."""
    ledger = Ledger.open(data.ledger)
    keys = HostKeys.load_or_create(data)
    row, credentials = new_robot(name, robot.public_pem, keys)
    ledger.add_robot(row)
    ledger.close()
    broker = f"mqtt://127.0.0.1:{port}"
    config = dict(agent_configuration(row, credentials, keys, broker))
    robot.nonce = config["nonce"]
    return config


class RunningHost:
    """Use it as a context; everything it started is gone at the end.

    `tls`: robots come by TLS, each with its own certificate. `patience`: how much is too much of a robot.
    """

    def __init__(
        self, folder: Path, quota: Quota | None = None, tls: bool = False, patience: Patience | None = None
    ) -> None:
        self.data = DataFolder(folder).make()
        self.keys = HostKeys.load_or_create(self.data)
        self.ledger = Ledger.open(ready(self.data.ledger))
        self.roster = Roster(self.ledger)
        self.authority = None
        if tls:
            self.authority = Authority.load_or_create(self.data, ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
        self.rejections, self.held_off = Rejections(), HeldOff(patience)
        self._way = way_of(
            Parts(self.data, self.ledger, self.roster, self.keys, self.authority, self.rejections, self.held_off, quota)
        )
        self._robots: list[OverMqtt] = []
        self.configs: dict[str, dict[str, str]] = {}

    def __enter__(self) -> "RunningHost":
        self.roster.refresh()  # who was registered before is known from the start: none comes too early
        self._way.start()
        return self

    def __exit__(self, *_: object) -> None:
        for robot in self._robots:
            robot.close()
        self._way.stop()
        self.ledger.close()

    @property
    def port(self) -> int:
        """Where robots connect, by MQTT."""
        return self._way.port

    @property
    def _one_process(self) -> OneProcess:
        if not isinstance(self._way, OneProcess):
            raise AssertionError("a host of several machines has no broker in this process: mark it `of_one_machine`")
        return self._way

    @property
    def broker(self) -> Broker:
        """For a test that looks into the embedded one (`of_one_machine`)."""
        return self._one_process.broker

    @property
    def intake(self) -> IntakeService:
        """For a test that looks into the one beside the embedded broker (`of_one_machine`)."""
        return self._one_process.intake

    def register(self, name: str, robot: ScriptedRobot) -> dict[str, str]:
        """Register a robot, before the host serves or while it does. Its configuration; `configs` holds all by name."""
        config = self.configs[name] = register(self.data, name, robot, self.port)
        return config

    def tls_of(self, robot: str, key: Ed25519PrivateKey) -> ssl.SSLContext | None:
        """What an enrolled robot shows the broker: the certificate of its key. None where it comes in clear."""
        if self.authority is None:
            return None
        context = ssl.create_default_context(cadata=self.authority.certificate)
        identity = robot_identity(robot, thumbprint(key.public_key()))
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(private_key_pem(key) + self.authority.issue(identity, key.public_key()).encode("ascii"))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def connect(self, name: str, robot: ScriptedRobot | None = None) -> OverMqtt:
        """Connect a robot once the broker lets it in; registered now, while the host serves, if it was not before."""
        robot = robot or ScriptedRobot()
        config = self.configs.get(name) or self.register(name, robot)
        made = OverMqtt(robot, config, self.keys.key.public_key(), tls=self.tls_of(config["robot"], robot.key))
        self._robots.append(made)
        return made

    def refused(self) -> dict[tuple[str, str], Rejection]:
        """What was refused, by robot id and reason, as the ledger shows it: written about once a second."""
        return self.ledger.rejections()
