"""Minds in the ledger: a start goes on from them, and judges again what has none."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import BUILT_IN, Recording, ssh_through_a_relay
from tests.unit.host.judge.stage import Stage
from wachhund.judge.engine import Failed, Judge, Judgement
from wachhund.judge.fact import Told
from wachhund.judge.loop import JudgeLoop
from wachhund.judge.mind import VERSION
from wachhund.judge.rule_folder import RuleFolder
from wachhund.ledger.keeping_records import SIZE, Act


class Counting(Judge):
    """Counts what it is told."""

    told = 0

    def feed(self, facts: Sequence[Told], failed: Failed | None = None) -> Judgement:
        type(self).told += len(facts)
        return super().feed(facts, failed)


def in_two_parts() -> tuple[Recording, Recording]:
    """An attack's beginning, of which an incident comes, and the rest."""
    scene = ssh_through_a_relay()
    first, rest = Recording(), Recording()
    first.facts, rest.facts = scene.facts[:9], scene.facts[9:]
    return first, rest


def test_a_start_begins_with_what_was_in_mind_and_judges_nothing_again(stage: Stage) -> None:
    """A host with months of evidence must not be blind for minutes after each start."""
    stage.send(ssh_through_a_relay())
    stage.judged()
    before = stage.bench.ledger.incidents()
    Counting.told = 0
    stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=Counting))
    assert Counting.told == 0 and stage.bench.ledger.incidents() == before
    more = ssh_through_a_relay()
    more.facts = more.facts[-1:]
    stage.send(more)
    stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=Counting))
    assert Counting.told == 1
    assert [one["id"] for one in stage.bench.ledger.incidents()] == [one["id"] for one in before]


def test_an_incident_keeps_its_id_when_its_beginning_was_forgotten(stage: Stage) -> None:
    """Who was told of incident 7 must find it as 7, whatever age or size took since."""
    first, rest = in_two_parts()
    stage.send(first)
    stage.judged()
    (before,) = stage.bench.ledger.incidents()
    keeping = stage.bench.ledger.keeping
    act = Act(SIZE, stage.row.id, None, 2e12, "the host", "room", 1.0)
    assert keeping.erase_old(act, None, (0.0, 0), {})[0].tokens > 0
    assert stage.bench.ledger.observations_after(0, 10) == []
    stage.send(rest)
    stage.judged()
    (after,) = stage.bench.ledger.incidents()
    assert after["id"] == before["id"] and after["level"] == "critical"
    assert "203.0.113.7" in str(after["origin"])


def test_a_mind_of_another_version_is_judged_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """After an upgrade it takes longer, and nothing is lost."""
    stage.send(ssh_through_a_relay())
    stage.judged()
    before = stage.bench.ledger.incidents()
    known, bodies = stage.bench.ledger.minds()
    assert list(bodies) == [stage.row.id]
    for version, body in (("another", bodies[stage.row.id][1]), (VERSION, b"rubbish")):
        assert stage.bench.ledger.save_minds(known, version, {stage.row.id: body})
        Counting.told = 0
        stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=Counting))
        assert Counting.told >= known[0] and stage.bench.ledger.incidents() == before
        assert "judged again" in caplog.text


@pytest.mark.parametrize("body", [b"rubbish", None])
def test_of_many_robots_only_the_one_whose_mind_is_lost_is_judged_again(stage: Stage, body: bytes | None) -> None:
    """One robot that makes its mind unreadable must not cost all others theirs, nor itself its story."""
    other = ScriptedRobot()
    row = stage.bench.add("go1-08", other)
    for _ in range(5):
        stage.bench.take(row, other.token(other.saw("heartbeat")))
    first, rest = in_two_parts()
    stage.send(first)
    stage.judged()
    (before,) = stage.bench.ledger.incidents()
    known, bodies = stage.bench.ledger.minds()
    assert set(bodies) == {stage.row.id, row.id}
    assert stage.bench.ledger.save_minds(known, VERSION, {stage.row.id: body})
    Counting.told = 0
    stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=Counting))
    assert Counting.told == len(first.facts)
    minds = stage.bench.ledger.minds()[1]
    assert set(minds) == {stage.row.id, row.id} and minds[stage.row.id][1] != b"rubbish"
    stage.send(rest)
    stage.judged()
    (after,) = stage.bench.ledger.incidents()
    pieces = len(before["evidence"])
    assert after["id"] == before["id"] and after["evidence"][:pieces] == before["evidence"]
    assert len(after["evidence"]) > pieces
    assert after["level"] == "critical"


class Forgetful(Judge):
    """Whose minds are all too long. (That one is refused then, test_mind shows.)"""

    def minds(self, robots: Iterable[str | None]) -> dict[str, bytes | None]:
        return dict.fromkeys(super().minds(robots))


def test_a_mind_that_is_too_long_is_left_out_and_its_robot_judged_again(stage: Stage) -> None:
    """Others' minds go on, and nothing is lost that the ledger holds."""
    stage.send(ssh_through_a_relay())
    stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=Forgetful))
    known, bodies = stage.bench.ledger.minds()
    assert known[0] > 0 and bodies == {}
    before = stage.bench.ledger.incidents()
    judge = stage.judged()
    assert stage.bench.ledger.incidents() == before
    assert [len(state.incidents.by_id) for state in judge._judge._robots.values()] == [1]


def test_a_robot_whose_mind_is_lost_is_judged_again_by_the_rules_in_use(stage: Stage, tmp_path: Path) -> None:
    """A host reads them from a folder. Without them what a rule had found would be forgotten, and told twice."""

    def as_a_host_makes_it() -> JudgeLoop:
        return JudgeLoop(stage.bench.ledger, (), rule_folder=RuleFolder(tmp_path / "rules"))

    exe = "/usr/local/zhexi/cloudsail/csclient"
    tunnel = {"puid": "1-9", "pid": 1001, "ppid": 1, "exe": exe, "argv": ["csclient"], "cwd": "/", "user": "root",
              "parent_exe": None, "ancestry": []}  # fmt: skip
    stage.bench.take(stage.row, stage.robot.token(stage.robot.saw("process.start", **tunnel)))
    stage.judged(judge=as_a_host_makes_it())
    (before,) = stage.bench.ledger.incidents()
    assert stage.bench.ledger.save_minds(stage.bench.ledger.minds()[0], VERSION, {stage.row.id: None})
    judge = stage.judged(judge=as_a_host_makes_it())
    assert [list(state.incidents.by_id) for state in judge._judge._robots.values()] == [[before["id"]]]
