"""The judging thread over a real ledger: catches up, saves, survives, and says the same after a restart."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import BUILT_IN, PHONE, Recording, ssh_through_a_relay
from tests.waiting import until
from wachhund.judge import order
from wachhund.judge.engine import Failed, Judge, Judgement
from wachhund.judge.fact import Fact, Told
from wachhund.judge.forgetting import span_of, without
from wachhund.judge.loop import JudgeLoop
from wachhund.judge.mind import VERSION
from wachhund.ledger import Authorisation, Ledger, LedgerError
from wachhund.ledger.authorising import GRACE_S
from wachhund.ledger.keeping_records import REQUEST, SIZE, Act

T = 1_000_000.0  # when the bench takes tokens


class Stage:
    """A ledger with one robot whose story is told in tokens of a few observations."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.robot = ScriptedRobot()
        self.row = self.bench.add("go1-07", self.robot)

    def send(self, scene: Recording, size: int = 3) -> None:
        """Commit a scene."""
        observations = [fact.observation for fact in scene.facts]
        for start in range(0, len(observations), size):
            self.bench.take(self.row, self.robot.token(*observations[start : start + size]))

    def judged(self, while_running: Callable[[], None] = lambda: None, judge: JudgeLoop | None = None) -> JudgeLoop:
        """Run a loop until it has judged all there is."""
        judge = judge or JudgeLoop(self.bench.ledger, BUILT_IN.rules, clock=lambda: T)
        judge.start()
        try:
            while_running()
            until(lambda: not self.bench.ledger.observations_after(judge.cursor, 1), 20, "everything is judged")
            until(lambda: self.bench.ledger.judge_cursor() >= judge.cursor, 20, "everything is saved")
        finally:
            judge.stop()
        return judge


class FragileJudge(Judge):
    """Breaks at a heartbeat, before it takes anything."""

    def feed(self, facts: Sequence[Told], failed: Failed | None = None) -> Judgement:
        if any(isinstance(fact, Fact) and fact.observation.kind == "heartbeat" for fact in facts):
            raise RuntimeError("a fault")
        return super().feed(facts, failed)


class BrittleJudge(Judge):
    """Breaks while it takes a heartbeat."""

    def _take(self, fact: Fact, parsed: Any, rules: Any) -> None:
        if fact.observation.kind == "heartbeat":
            raise RuntimeError("a fault")
        super()._take(fact, parsed, rules)


class FullOnce:
    """A ledger whose disk is full the first time something is to be saved."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self.refused = ledger, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def save_judgement(self, *arguments: Any) -> bool:
        if not self.refused:
            self.refused = True
            raise LedgerError("no space left")
        return self._ledger.save_judgement(*arguments)


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    """One robot, its ledger, and nothing judged yet."""
    made = Stage(tmp_path / "host")
    yield made
    made.bench.close()


def test_what_comes_into_the_ledger_is_judged_and_named(stage: Stage) -> None:
    """Evidence in, incident out, with the robot's name and the tokens that prove it."""
    stage.judged(lambda: stage.send(ssh_through_a_relay()))
    (incident,) = stage.bench.ledger.incidents()
    assert incident["title"] == "Remote control not allowed: ssh as pi through an unnamed relay (agentd) on go1-07"
    assert incident["robot"] == stage.row.id
    assert {piece["chain"] for piece in incident["evidence"]} == {stage.robot.chain}
    (session,) = stage.bench.ledger.sessions()
    assert session["incident"] == incident["id"]


def test_a_host_that_starts_again_says_the_same(stage: Stage) -> None:
    """State is rebuilt by judging again: nothing doubled, nothing renamed, and the story goes on."""
    scene = ssh_through_a_relay()
    first, rest = Recording(), Recording()
    first.facts, rest.facts = scene.facts[:9], scene.facts[9:]
    stage.send(first)
    stage.judged()
    stage.send(rest)
    stage.judged()
    after = stage.bench.ledger.incidents()
    stage.judged()
    assert stage.bench.ledger.incidents() == after
    assert [incident["level"] for incident in after] == ["critical"]
    assert len(stage.bench.ledger.sessions()) == 1


def test_a_backlog_that_comes_in_turns_with_a_new_boot_tells_the_whole_story(stage: Stage) -> None:
    """The newest tokens come first (docs/decisions/0023): what was before a reboot comes among what is after it."""
    observations = [fact.observation for fact in ssh_through_a_relay().facts]
    backlog = [stage.robot.token(*observations[at : at + 3]) for at in range(0, len(observations), 3)]
    stage.robot.boot()
    after = [stage.robot.token(stage.robot.saw("heartbeat")) for _ in range(8)]
    coming = after[:4]
    for token, new in zip(backlog, after[4:], strict=False):
        coming += [token, new]
    coming += backlog[len(after) - 4 :]
    for token in coming:
        stage.bench.take(stage.row, token)
    stage.judged()
    (incident,) = stage.bench.ledger.incidents()
    assert incident["level"] == "critical"
    assert incident["origin"][0]["address"] == "203.0.113.7"


def test_a_fact_that_breaks_the_judge_is_left_out_and_the_rest_judged(
    stage: Stage,
) -> None:
    """One robot's odd fact must not silence the judge for all. (The fault is put in: no fact is known to do it.)"""
    scene = ssh_through_a_relay()
    scene.tell("heartbeat")
    stage.send(scene, size=100)
    judge = stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=FragileJudge))
    assert judge.crashed == 1
    assert [incident["level"] for incident in stage.bench.ledger.incidents()] == ["critical"]


def test_what_was_taken_before_a_fact_that_breaks_the_judge_is_not_taken_twice(stage: Stage) -> None:
    """Six wrong passwords are six, whatever comes behind them."""
    scene = Recording()
    scene.coverage()
    scene.tell("login.failed", service="sshd", count=6, unknown_users=1, **{"from": [PHONE, None]})
    scene.tell("heartbeat")
    scene.tell("login.failed", service="sshd", count=1, unknown_users=0, **{"from": [PHONE, None]})
    stage.send(scene, size=100)
    judge = stage.judged(judge=JudgeLoop(stage.bench.ledger, BUILT_IN.rules, judge=BrittleJudge))
    assert judge.crashed == 1
    state = judge._judge.state_of(stage.row.id)
    assert state is not None and state.guesses[PHONE][0] == 7


def test_what_the_ledger_refused_to_keep_is_saved_later(stage: Stage) -> None:
    """A full disk delays an incident; it must not lose it. (A ledger that refuses once stands for the disk.)"""
    ledger: Any = FullOnce(stage.bench.ledger)
    stage.send(ssh_through_a_relay(), size=100)
    stage.judged(judge=JudgeLoop(ledger, BUILT_IN.rules, retry_s=0.01))
    assert ledger.refused
    assert len(stage.bench.ledger.incidents()) == 1


class FullUntil:
    """A ledger whose disk is full until there is room."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self.tries, self.has_room = ledger, 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def save_judgement(self, *arguments: Any) -> bool:
        self.tries += 1
        if not self.has_room:
            raise LedgerError("no space left")
        return self._ledger.save_judgement(*arguments)


@pytest.mark.parametrize("has_room", [True, False])
def test_a_host_that_stops_while_the_ledger_refuses_loses_no_incident(stage: Stage, has_room: bool) -> None:
    """A mind that is ahead of what was saved takes an incident for told that nobody was told."""
    ledger: Any = FullUntil(stage.bench.ledger)
    scene = ssh_through_a_relay()
    stage.send(scene)
    judge = JudgeLoop(ledger, BUILT_IN.rules, clock=lambda: T, retry_s=30.0)
    judge.start()
    until(lambda: ledger.tries == 1, 20, "the ledger refused")
    ledger.has_room = has_room
    judge.stop()
    assert ledger.tries == 2
    assert len(stage.bench.ledger.incidents()) == has_room
    assert (stage.bench.ledger.minds()[0][0] == len(scene.facts)) is has_room
    stage.judged()
    assert len(stage.bench.ledger.incidents()) == 1


class Counting(Judge):
    """Counts what it is told."""

    told = 0

    def feed(self, facts: Sequence[Told], failed: Failed | None = None) -> Judgement:
        type(self).told += len(facts)
        return super().feed(facts, failed)


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
    scene = ssh_through_a_relay()
    first, rest = Recording(), Recording()
    first.facts, rest.facts = scene.facts[:12], scene.facts[12:]
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
    scene = ssh_through_a_relay()
    first, rest = Recording(), Recording()
    first.facts, rest.facts = scene.facts[:12], scene.facts[12:]
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
    assert after["id"] == before["id"] and after["evidence"][:3] == before["evidence"][:3]
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


def test_what_is_erased_while_the_judge_runs_is_not_written_again(stage: Stage) -> None:
    """The judge has it in mind, and something new adds to it at the same moment: it is told anew, without its past."""
    ledger = stage.bench.ledger
    stage.send(ssh_through_a_relay())

    def erased_meanwhile() -> None:
        until(lambda: ledger.incidents(), 20, "the incident is there")
        until(lambda: ledger.judge_cursor() == ledger.newest_observations(stage.row.id, 1)[0].id, 20, "all is judged")
        (before,) = ledger.incidents()
        act = ledger.keeping.request(
            Act(REQUEST, stage.row.id, None, before["last_t"] + 60, "admin", "asked", 1.0),
            lambda act, version, body: without(version, body, span_of(act)),
        )
        while ledger.keeping.erase_requested(act, 1.0):
            pass
        more = ssh_through_a_relay()
        stage.robot.clock = lambda: before["last_t"] + 1000
        stage.send(more)

    stage.judged(erased_meanwhile)
    old = [one for one in ledger.incidents() if one["close_reason"] == "erased"]
    new = [one for one in ledger.incidents() if one["close_reason"] != "erased"]
    assert len(old) == 1 and len(new) == 1 and old[0]["id"] != new[0]["id"]
    assert old[0]["story"] == [] and "203.0.113.7" not in str(old) and "203.0.113.7" in str(new)
    stage.judged()
    assert {one["id"]: one["close_reason"] for one in ledger.incidents()}[old[0]["id"]] == "erased"


BY_RELAY = ("ssh",), ("203.0.113.7/32",), "relay"
ALLOWED = Authorisation("", "anna", None, *BY_RELAY, T - 60, T + 600, "why", "bert", T - 60)


def the_rows(stage: Stage) -> tuple[list[Any], list[Any]]:
    return stage.bench.ledger.incidents(), stage.bench.ledger.sessions()


def test_what_was_allowed_ahead_makes_no_incident_also_after_a_restart_and_from_the_first_again(stage: Stage) -> None:
    """From the written mind, and with the mind lost: the acts have their place among the observations."""
    scene, first, rest = ssh_through_a_relay(), Recording(), Recording()
    first.facts, rest.facts = scene.facts[:9], scene.facts[9:]
    stage.bench.ledger.authorisations.make(ALLOWED)
    stage.send(first)
    stage.judged()
    stage.send(rest)
    stage.judged()
    rows = the_rows(stage)
    assert rows[0] == [] and rows[1][0]["authorisation"]["who"] == "anna"
    known, bodies = stage.bench.ledger.minds()
    assert known[3] == 1
    assert stage.bench.ledger.save_minds(known, "another", dict.fromkeys(bodies, b""))
    stage.judged()
    assert the_rows(stage) == rows


def test_an_act_has_its_place_among_the_observations(stage: Stage) -> None:
    """Judged again it must not be known before it was done: the incident was told, and closed itself then."""
    stage.send(ssh_through_a_relay())
    stage.judged()
    made = stage.bench.ledger.authorisations.make(ALLOWED)
    (act,) = stage.bench.ledger.authorisations.acts()
    assert act.after == stage.bench.ledger.newest_observations(stage.row.id, 1)[0].id
    stage.judged(lambda: until(lambda: stage.bench.ledger.judged_acts() == 1, 20, "the act is judged"))
    rows = the_rows(stage)
    assert (rows[0][0]["state"], rows[0][0]["close_reason"]) == ("closed", "allowed")
    known, bodies = stage.bench.ledger.minds()
    assert stage.bench.ledger.save_minds(known, "another", dict.fromkeys(bodies, b""))
    judge = JudgeLoop(stage.bench.ledger, BUILT_IN.rules)
    judge._recall()
    facts = order.in_order(*order.after(stage.bench.ledger, (0, 0, 0), 1_000))
    assert [type(one).__name__ for one in facts][-1] == "AuthorisationAct"
    assert judge._judge.feed(facts).incidents == rows[0]
    assert made.id == "a1"


def test_the_end_of_an_authorisation_is_told_of_a_robot_that_is_silent(stage: Stage) -> None:
    """Nobody tells that time passes: the host does, a minute after the end, and keeps that it did."""
    stage.bench.ledger.authorisations.make(ALLOWED)
    stage.send(ssh_through_a_relay())
    now = [T + 600 + GRACE_S]
    judge = JudgeLoop(stage.bench.ledger, BUILT_IN.rules, retry_s=0.05, mono=Ticking(), clock=lambda: now[0])

    def time_passes() -> None:
        until(lambda: stage.bench.ledger.sessions(), 20, "the session is there")
        assert stage.bench.ledger.incidents() == []
        now[0] += 1.0
        until(lambda: stage.bench.ledger.incidents(), 20, "the session is alerted")

    stage.judged(time_passes, judge)
    assert [act.act for act in stage.bench.ledger.authorisations.acts()] == ["made", "over"]
    (incident,) = stage.bench.ledger.incidents()
    assert incident["state"] == "open" and incident["level"] == "critical"


class Ticking:
    """A monotonic clock by which much time passes between two looks."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 10.0
        return self._now
