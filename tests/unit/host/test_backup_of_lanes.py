"""`wachhund backup` of a cluster's ledger, and the host of one machine that `restore` makes of it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench, bench_on
from tests.robots.ledger_place import beside
from tests.robots.ports import free_port
from tests.robots.scripted import ScriptedRobot
from tests.robots.served_host import Host
from tests.robots.throw_away_postgres import PROGRAMS
from tests.unit.host.judge.recording import BUILT_IN, ssh_through_a_relay
from tests.waiting import until
from wachhund.cli import main
from wachhund.fleet.registration import new_robot
from wachhund.judge.careful import BATCH
from wachhund.judge.loop import JudgeLoop
from wachhund.ledger import Ledger
from wachhund.ledger.keeping_records import REQUEST, Act
from wachhund.ledger.lanes import DESK, Lane, lane_of
from wachhund.ledger.lanes_schema import lanes, workers
from wachhund.ledger.schema import judgements, minds, robots
from wachhund_evidence import Observation

pytestmark = [
    pytest.mark.of_the_file,
    pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed"),
]

COUNT = 4
CHAT = 500  # observations in a token
T, LATER, LAST = 1_000_000.0, 1_000_600.0, 1_001_200.0  # when the parts of the scene come
PARTS = {T: slice(0, 9), LATER: slice(9, 11), LAST: slice(11, None)}  # medium, then high, then critical


class Told:
    """A robot, and what it tells of an attack: an incident comes of the first part."""

    def __init__(self, bench: HostBench, lane: int, count: int) -> None:
        """`lane`: the one, of so many, that its id is to be in."""
        self._now = T
        while True:
            self.robot = ScriptedRobot(clock=lambda: self._now)
            self.row, _ = new_robot(f"r{lane}-{self.robot.chain[:6]}", self.robot.public_pem, bench.keys)
            if lane_of(self.row.id, count) == lane:
                break
        bench.ledger.add_robot(self.row)
        bench.roster.refresh()
        self._scene: Sequence[Observation] = [fact.observation for fact in ssh_through_a_relay().facts]

    def tokens(self, part: float) -> list[str]:
        """Of one part."""
        self._now = part
        told = self._scene[PARTS[part]]
        return [self.robot.token(*told[start : start + 3]) for start in range(0, len(told), 3)]


class Cluster:
    """A server's ledger with a robot in each lane, and a judge for each lane."""

    def __init__(self, folder: Path, count: int) -> None:
        self.bench = bench_on(ledger_place.server(), folder)
        self.told = [Told(self.bench, number, count) for number in range(count)]

    def divide(self) -> None:
        """Make the lanes, and have one worker hold all."""
        self.bench.ledger.lanes.make(len(self.told))
        self._held = {one.number: one.epoch for one in self.bench.ledger.book("worker").beat() if one.number != DESK}

    def send(self, number: int, part: float) -> None:
        """Commit a part of what the robot of that lane tells."""
        self.bench.take(self.told[number].row, *self.told[number].tokens(part), t=part)

    def chat(self, number: int, t: float) -> None:
        """Commit more than a judge takes at once, of which nothing follows."""
        one = self.told[number]
        for _ in range(-(-BATCH // CHAT)):
            self.bench.take(one.row, one.robot.token(*(one.robot.saw("x") for _ in range(CHAT))), t=t)

    def judge(self, *numbers: int) -> None:
        """Have the judges of these lanes judge all there is."""
        for number in numbers:
            own = self.bench.ledger.of_lane(Lane(number, self._held[number]))
            judged(own, JudgeLoop(own, BUILT_IN.rules, clock=lambda: T, is_only=False))

    def backup(self, folder: Path) -> None:
        """By the command, while the cluster is at work."""
        assert main(["backup", str(folder), "--data", str(self.bench.data.path)]) == 0


def judged(ledger: Ledger, judge: JudgeLoop) -> None:
    """Run a judge until it has judged all there is, and kept what it has in mind."""
    judge.start()
    try:
        until(lambda: not ledger.observations_after(judge.cursor, 1), 20, "everything is judged")
        until(lambda: ledger.judge_cursor() >= judge.cursor, 20, "everything is saved")
    finally:
        judge.stop()


def incidents(ledger: Ledger) -> dict[str, dict[str, object]]:
    """All, by id."""
    return {str(one["id"]): one for one in ledger.incidents()}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Four lanes made of a ledger that was judged. Then robots 0 and 3 told more, and much else, and their judges were
    there; robot 1 told more, and the judge of its lane was not; robot 2 told no more."""
    made = Cluster(tmp_path / "cluster", COUNT)
    with closing(made.bench):
        for number in range(COUNT):
            made.send(number, T)
        judged(made.bench.ledger, JudgeLoop(made.bench.ledger, BUILT_IN.rules, clock=lambda: T))
        made.divide()
        made.send(3, LATER)
        made.chat(0, LATER)
        made.judge(0, 2, 3)
        made.send(1, LATER)
        made.send(0, LATER)
        made.judge(0)
        yield made


def erase_the_end(cluster: Cluster, number: int, slices: int = 1_000) -> None:
    """Have erased what a robot told in the second part, as somebody asked; `slices`: at most so many."""
    keeping = cluster.bench.ledger.keeping
    span = Act(REQUEST, cluster.told[number].row.id, LATER - 60, LATER + 60, "anna", "she asked", LATER, True)
    erasure = keeping.request(span, lambda *_: None)
    for _ in range(slices):
        if not keeping.erase_requested(erasure, LATER):
            break


def test_a_restored_backup_of_lanes_is_a_host_of_one_machine_that_knows_the_same_incidents(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Also what a lane had still to judge, and as one story where it goes on."""
    before = incidents(cluster.bench.ledger)
    assert len(before) == COUNT
    cluster.backup(tmp_path / "backup")
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new")]) == 0
    with beside(tmp_path / "new" / "ledger.sqlite") as connection:
        held = {one: connection.execute(one.select()).all() for one in (lanes, workers, minds, judgements)}
        assert not held[lanes] and not held[workers] and not held[minds]
        assert [row.id for row in held[judgements]] == [1]
        assert {row.lane for row in connection.execute(robots.select())} == {0}
    cluster.judge(1)
    for number in range(COUNT):
        cluster.send(number, LAST)
    cluster.judge(*range(COUNT))
    after = incidents(cluster.bench.ledger)
    assert after.keys() == before.keys() and all(after[one] != before[one] for one in after)
    with closing(HostBench(tmp_path / "new")) as alone:
        assert alone.ledger.lanes.count() == 0 and incidents(alone.ledger) == before
        judged(alone.ledger, JudgeLoop(alone.ledger, BUILT_IN.rules, clock=lambda: T))
        assert {one for one, now in incidents(alone.ledger).items() if now != before[one]} == {
            one for one, now in before.items() if now["robot"] == cluster.told[1].row.id
        }, "what the lane that was behind had not told"
        for one in cluster.told:  # as a robot does to which this host gave no receipt
            alone.take(one.row, one.robot.made[one.robot.seq], t=LAST)
        judged(alone.ledger, JudgeLoop(alone.ledger, BUILT_IN.rules, clock=lambda: T))
        assert incidents(alone.ledger) == after


@pytest.mark.parametrize("slices", [0, 1, 1_000])
def test_what_was_erased_is_not_told_again_by_the_judge_of_a_restored_backup(
    cluster: Cluster, tmp_path: Path, slices: int
) -> None:
    """Of an incident the beginning is left, from which a judge that reads all again makes it anew: that is no news. And
    what somebody is having erased just then must not come into its mind."""
    erase_the_end(cluster, 3, slices)
    erased = {cluster.told[3].robot.seq}
    cluster.backup(tmp_path / "backup")
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new")]) == 0
    with closing(HostBench(tmp_path / "new")) as alone:
        assert alone.ledger.keeping.unfinished() == []
        judged(alone.ledger, JudgeLoop(alone.ledger, BUILT_IN.rules, clock=lambda: T))
        (told,) = alone.ledger.incidents(cluster.told[3].row.id)
        assert told["close_reason"] == "erased" and told["story"] == []
        alone.take(cluster.told[3].row, *cluster.told[3].tokens(LAST), t=LAST)
        judged(alone.ledger, JudgeLoop(alone.ledger, BUILT_IN.rules, clock=lambda: T))
        (told,) = alone.ledger.incidents(cluster.told[3].row.id)
        assert told["close_reason"] != "erased" and not erased & {sign["seq"] for sign in told["evidence"]}


def test_a_host_of_one_machine_serves_what_was_restored_of_a_single_lane(tmp_path: Path) -> None:
    """Lanes that came along made it refuse: "this ledger is a cluster's"."""
    made = Cluster(tmp_path / "cluster", 1)
    with closing(made.bench):
        made.divide()
        made.send(0, T)
        made.judge(0)
        before = incidents(made.bench.ledger)
        assert before
        made.backup(tmp_path / "backup")
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new")]) == 0
    host = Host(tmp_path / "new", free_port(), free_port(), "--keep-days", "forever")
    try:
        host.wait_ready()
    finally:
        status, said = host.stop()
    assert status == 0, said
    with closing(Ledger.open(tmp_path / "new" / "ledger.sqlite")) as ledger:
        assert incidents(ledger) == before
