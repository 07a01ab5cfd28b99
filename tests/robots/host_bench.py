"""A ledger and registered scripted robots in a folder, no network: what most tests of the host begin with."""

import tempfile
from pathlib import Path

from tests.robots.ledger_place import name_server, ready
from tests.robots.scripted import ScriptedRobot
from tests.robots.throw_away_postgres import ThrowAwayPostgres
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import new_robot
from wachhund.fleet.roster import Roster
from wachhund.intake.taking import Intake
from wachhund.intake.verify import verify
from wachhund.intake.waiting import Message
from wachhund.ledger import Ledger, Robot, Standing, VerifiedToken
from wachhund_evidence import make_nonce, pack_message


def keys_of_some_host() -> HostKeys:
    """For who registers a robot, and has no host beside it."""
    with tempfile.TemporaryDirectory() as folder:
        return HostKeys.load_or_create(DataFolder(Path(folder)))


class HostBench:
    """Everything between a message and the ledger, in one thread. Close it after use."""

    def __init__(self, folder: Path) -> None:
        self.data = DataFolder(folder).make()
        self.keys = HostKeys.load_or_create(self.data)
        self.ledger = Ledger.open(ready(self.data.ledger))
        self.roster = Roster(self.ledger)
        self.intake = Intake(self.ledger, self.roster, self.keys)

    def add(self, name: str, robot: ScriptedRobot) -> Robot:
        """Register a robot."""
        row, _ = new_robot(name, robot.public_pem, self.keys)
        self.ledger.add_robot(row)
        self.roster.refresh()
        return row

    def nonce(self, robot: ScriptedRobot, t: float) -> str:
        """A nonce of this host, issued at `t`."""
        return make_nonce(self.keys.nonce_secret, robot.ueid, int(t * 1_000_000))

    def take(self, row: Robot, *tokens: str | bytes, t: float = 1_000_000.0) -> list[Standing]:
        """Hand tokens (or raw messages) to the intake as one batch that arrived at `t`."""
        packed = [pack_message(token) if isinstance(token, str) else token for token in tokens]
        return self.take_messages([Message(row.id, message, t) for message in packed])

    def take_messages(self, messages: list[Message]) -> list[Standing]:
        """Hand messages to the intake as one batch."""
        verified = [token for message in messages if (token := self.intake.verified(message)) is not None]
        return self.intake.commit(verified)

    def verified(self, row: Robot, token: str, t: float = 1_000_000.0) -> VerifiedToken:
        """A token as the ledger takes it, received at `t`."""
        sender = self.roster.get(row.id)
        assert sender is not None
        return verify(token, sender, self.keys.nonce_secret, t, self.keys.succession.keys)

    def refused(self) -> dict[tuple[str, str], int]:
        """How often something was refused, by (robot id, reason)."""
        self.intake.store_rejections()
        return {place: one.count for place, one in self.ledger.rejections().items()}

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()


def bench_on(server: ThrowAwayPostgres, folder: Path) -> HostBench:
    """One whose ledger is in a database of its own on that server. `folder`: is made."""
    folder.mkdir(mode=0o700)
    name_server(folder / "ledger.sqlite", server.database())
    return HostBench(folder)
