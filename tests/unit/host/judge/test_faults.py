"""Faults of evidence as incidents: one for each story, called by what says most, and the same after a restart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, TokenRef
from wachhund.judge.faults import KIND, observation
from wachhund.judge.loop import JudgeLoop
from wachhund.judge.order import after, in_order
from wachhund.ledger import Robot
from wachhund.ledger.fault_kinds import FAULT_KINDS
from wachhund_evidence import ROLLED_BACK, token_hash

T = 1_000_000.0


class Stage:
    """A ledger, a robot, and a judge that is run until it has read everything."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.robot = ScriptedRobot()
        self.row: Robot = self.bench.add("go1-07", self.robot)

    def take(self, *texts: str, t: float = T) -> None:
        self.bench.take(self.row, *texts, t=t)

    def fork(self, seq: int, t: float = T) -> str:
        here = self.robot.seq, self.robot.prev
        self.robot.rewind(seq - 1)
        text = self.robot.token(self.robot.saw("heartbeat", cpu_s=t))
        self.take(text, t=t)
        self.robot.seq, self.robot.prev = here
        return text

    def judged(self) -> list[dict[str, Any]]:
        ledger = self.bench.ledger
        loop = JudgeLoop(ledger, [])
        loop.start()
        try:
            last = ledger.unread((0, 0, 0), 10_000).faults
            until(lambda: not ledger.observations_after(loop.cursor, 1), 20, "all observations are judged")
            until(lambda: not last or ledger.judged_faults() >= last[-1].number, 20, "all faults are judged and saved")
        finally:
            loop.stop()
        return ledger.incidents(self.row.id)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "host")
    yield made
    made.bench.close()


def test_a_fork_is_an_incident_that_says_what_to_do(stage: Stage) -> None:
    """Also when no observation comes with it: a forked token is not evidence, its observations are never judged."""
    stage.take(stage.robot.heartbeat())
    stage.judged()
    stage.fork(1, T + 5)
    (incident,) = stage.judged()
    assert incident["kind"] == "monitor" and incident["level"] == "high" and incident["state"] == "open"
    assert incident["title"].startswith("Copied key or restored memory") and incident["title"].endswith("on go1-07")
    assert incident["evidence"] == [{"chain": stage.robot.chain, "seq": 1, "items": []}]
    assert (incident["first_t"], incident["last_t"]) == (T + 5, T + 5)
    assert len(incident["story"]) == 1 and "bear number 1" in incident["story"][0]
    assert f"wachhund robots acknowledge {stage.row.id} " in incident["advice"][-1]
    assert incident["rules"] == ["evidence: fork"] and incident["attack"] == ["T1552.004"]
    assert any("can't be told" in line for line in incident["unknown"])


def test_a_restored_memory_is_one_incident_and_is_called_that(stage: Stage) -> None:
    """First a fork is seen, then the new chain tells why: one story, one title."""
    for _ in range(9):
        stage.take(stage.robot.heartbeat())
    forked = stage.fork(5, T + 10)
    assert [one["title"] for one in stage.judged()] == [FAULT_KINDS["fork"].title + " on go1-07"]
    before = stage.robot.chain
    stage.robot.new_chain()
    stage.robot.prev = token_hash(forked)
    start = stage.robot.saw("agent.start", reason=ROLLED_BACK, chain_before=before, seq_before=5)
    stage.take(stage.robot.token(start), t=T + 11)
    (incident,) = stage.judged()
    assert incident["title"] == "Memory put back to an earlier copy on go1-07"
    assert len(incident["story"]) == 2 and "only to number 5" in incident["story"][1]
    assert incident["rules"] == ["evidence: fork", "evidence: rollback"]
    assert {piece["chain"] for piece in incident["evidence"]} == {before, stage.robot.chain}


def test_a_host_that_starts_again_says_the_same_and_goes_on(stage: Stage) -> None:
    """Faults are judged between the observations where they stood; ids follow from them."""
    stage.take(stage.robot.heartbeat())
    stage.fork(1, T + 1)
    stage.take(stage.robot.heartbeat(), t=T + 2)
    before = stage.judged()
    assert stage.judged() == before
    stage.bench.ledger.integrity.acknowledge("go1-07", "alice", "why")
    stage.fork(2, T + 3)
    (after,) = stage.judged()
    assert after["id"] == before[0]["id"] and len(after["story"]) == 2
    assert stage.judged() == [after]


def test_faults_of_different_stories_are_different_incidents(stage: Stage) -> None:
    stage.take(stage.robot.heartbeat())
    stage.robot.skip(1)
    stage.take(stage.robot.token(stage.robot.saw("agent.gap", from_seq=2, to_seq=2, lost=3, reason="journal full")))
    stage.fork(1)
    assert {one["level"] for one in stage.judged()} == {"medium", "high"}
    assert all(one["kind"] == "monitor" for one in stage.judged())


def test_faults_and_observations_are_told_in_the_order_in_which_they_came(stage: Stage) -> None:
    """More than a batch of each, between each other."""
    for number in range(30):
        stage.take(stage.robot.heartbeat(), t=T + number)
    for number in range(30):
        stage.fork(number + 1, T + 100 + number)
        stage.bench.ledger.integrity.acknowledge("go1-07", "alice", "why")
    (incident,) = stage.judged()
    assert len(incident["story"]) == 30 and incident["last_t"] == T + 129
    assert len(incident["evidence"]) == 30


def test_a_robot_cannot_say_a_fault(stage: Stage) -> None:
    """Only the host notices them: an observation of that name is one that no rule knows."""
    told = observation("fork", "of another robot", T)
    stage.take(stage.robot.token(told))
    assert stage.judged() == []
    assert told.kind == KIND
    judge = Judge([])
    made = judge.feed([Fact(stage.row.id, T, None, TokenRef("c", 1, 0), told)])
    assert made.incidents == [] and made.unreadable == []


def test_a_fault_is_no_reboot_and_forgets_nothing_of_the_robot(stage: Stage) -> None:
    """It has no place in the robot's own time."""
    robot = stage.robot
    stage.take(robot.token(robot.saw("process.start", puid="1-1", pid=1, ppid=0, exe="/sbin/init", argv=["init"])))
    stage.fork(1)
    read = after(stage.bench.ledger, (0, 0, 0), 10)
    assert len(read.observations) == 1 and len(read.faults) == 1
    judge = Judge([])
    judge.feed(in_order(read))
    state = judge._robots[stage.row.id]
    assert "1-1" in state.memory.processes.by_puid and state.newest_mono > 0
