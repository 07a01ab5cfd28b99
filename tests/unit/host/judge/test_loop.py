"""The judging thread over a real ledger: catches up, saves, survives, and says the same after a restart."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import BUILT_IN, Recording, ssh_through_a_relay
from tests.unit.host.judge.stage import Stage, T
from tests.waiting import until
from wachhund.judge import order
from wachhund.judge.forgetting import span_of, without
from wachhund.judge.loop import JudgeLoop
from wachhund.ledger import Authorisation, Ledger, LedgerError
from wachhund.ledger.authorising import GRACE_S
from wachhund.ledger.keeping_records import REQUEST, Act


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
    facts = order.in_order(order.after(stage.bench.ledger, (0, 0, 0), 1_000))
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
