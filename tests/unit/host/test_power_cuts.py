"""A robot without a clock that people switch off by pulling its battery: facts, not faults.

The robot's own journal and attester sign, the host's own intake and judge read; the clocks are the test's.
"""

import platform
import shutil
import types
from collections.abc import Iterator
from pathlib import Path

import cryptography
import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.rule_loading import load_rules
from wachhund_agent.agent_run import first_words
from wachhund_agent.attester import Attester
from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.host_key import HostKey
from wachhund_agent.journal import Journal
from wachhund_agent.mqtt_wire import MqttWire
from wachhund_agent.uplink import Uplink
from wachhund_evidence import Observation, nonce_time

IN_2021, NOW = 1_610_000_000.0, 1_790_000_000.0


class Board:
    """An agent's journal and attester under a wall clock that begins in 2021 at each start."""

    def __init__(self, folder: Path, robot: ScriptedRobot) -> None:
        self._folder = folder
        self.journal = Journal(folder, Limits())
        self.attester = Attester(
            self.journal, robot.key, robot.nonce, robot.bootseed, {"code": "c"}, Limits(), wall_s=lambda: IN_2021
        )
        self.attester.attest(first_words(self.journal, {"code": "c"}, 30.0))
        self.attester.attest([Observation("clock.step", NOW, 40.0, "watcher/clock", {"by_s": NOW - IN_2021})])

    def waiting(self) -> list[str]:
        journal = self.journal
        return [stored.token for stored in journal.read(journal.receipted + 1, journal.next_seq, 1000, 1 << 30)]

    def is_unplugged(self, folder: Path) -> None:
        """Leave in `folder` what a card holds when the power goes: no goodbye, no clean end of the journal."""
        shutil.copytree(self._folder, folder)
        self.journal.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    made = HostBench(tmp_path / "host")
    yield made
    made.close()


def test_a_robot_that_wakes_in_2021_and_loses_its_power_again_and_again_is_not_broken(
    bench: HostBench, tmp_path: Path
) -> None:
    """C21: else every robot of this model would be red at each start, and red would mean nothing."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.nonce = bench.nonce(robot, NOW)
    for start in range(5):
        robot.boot()
        board = Board(tmp_path / f"card-{start}", robot)
        assert board.journal.was_clean is (start == 0)
        bench.take(row, *board.waiting(), t=NOW + 60 * start)
        board.is_unplugged(tmp_path / f"card-{start + 1}")
    assert bench.ledger.faults(row.id) == []
    assert {gap.reason for gap in bench.ledger.gaps(row.id)} == {"numbers skipped after an unclean stop"}
    told = bench.ledger.observations_after(0, 1000)
    facts = [Fact(row.id, one.host_t, one.bootseed, LineRef(one.id), one.observation) for one in told]
    judge = Judge(load_rules().rules)
    assert judge.feed(facts).incidents == judge.finish().incidents == []


def test_the_host_learns_which_python_and_which_library_a_robot_runs(bench: HostBench, tmp_path: Path) -> None:
    """A13: both are the last of their kind; when one has a hole, somebody must be able to say which robots have it."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    board = Board(tmp_path / "journal", robot)
    bench.take(row, *board.waiting(), t=NOW)
    started = bench.ledger.current_state(row.id).started
    assert started is not None
    told = started.observation.fields
    assert (told["python"], told["cryptography"]) == (platform.python_version(), cryptography.__version__)
    board.journal.close()


def test_a_receipt_of_2026_drains_the_journal_of_a_robot_that_lives_in_2021(bench: HostBench, tmp_path: Path) -> None:
    """A1: a date that either side checked would keep the robot from its first nonce, for ever."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    board = Board(tmp_path / "journal", robot)
    config = Config(
        robot=row.id, brokers=(Broker("127.0.0.1", 1),), client_id="c", username="u", password="p",
        host_key=bench.keys.key.public_key(), nonce=robot.nonce, key=tmp_path / "k", data=tmp_path,
    )  # fmt: skip
    wire = MqttWire(config, Limits(), lambda line: None)
    uplink = Uplink(HostKey(config, lambda line: None), board.journal, Limits(), robot.ueid, wire)
    client, accepted = wire._client, types.SimpleNamespace(is_failure=False)
    client.on_connect(client, None, accepted, accepted, None)  # type: ignore[misc, arg-type]
    assert uplink.has_new_connection() and uplink.pump() == 2
    bench.take(row, *board.waiting(), t=NOW)
    ((_, message),) = bench.intake.due_receipts(0.0, NOW)
    client.on_message(client, None, types.SimpleNamespace(payload=message))  # type: ignore[misc, arg-type]
    (verdict,) = uplink.receipts()
    assert board.waiting() == [] and uplink.rejected == {}
    assert nonce_time(bench.keys.nonce_secret, robot.ueid, str(verdict.nonce)) == int(NOW * 1e6)
    board.journal.close()
