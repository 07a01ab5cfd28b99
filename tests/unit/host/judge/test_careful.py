"""A fault in the judge itself costs the fact at which it fails, and nothing else."""

from collections.abc import Sequence
from typing import Any

from tests.unit.host.judge.recording import BUILT_IN, PHONE, Recording, ssh_through_a_relay
from tests.unit.host.judge.stage import Stage
from wachhund.judge.engine import Failed, Judge, Judgement
from wachhund.judge.fact import Fact, Told
from wachhund.judge.loop import JudgeLoop


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
