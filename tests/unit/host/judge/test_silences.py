"""The watcher silenced: gone without a word, killed, paused, traced; and what is everyday life is told to nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.test_faults import Stage, T
from wachhund.intake.links import GONE_S, Links
from wachhund.ledger import Invited, RobotKey
from wachhund.ledger.silences import CLOSED_WITHIN_S


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "host")
    yield made
    made.bench.close()


def starts(stage: Stage, clean: bool, reason: str) -> str:
    return stage.robot.token(stage.robot.saw("agent.start", version="1", reason=reason, clean=clean))


def gone(stage: Stage, t: float, after_s: float = GONE_S) -> None:
    """Its last will, and the intake at work until it is believed."""
    links = Links(stage.bench.ledger)
    assert links.note(stage.row.id, b"offline", t)
    links.store(t + after_s)


def silences(stage: Stage) -> list[dict[str, Any]]:
    return [one for one in stage.judged() if any(tag == "T1562.001" for tag in one["attack"])]


def test_an_agent_that_is_gone_without_a_word_is_an_incident_and_breaks_nothing(stage: Stage) -> None:
    stage.take(stage.robot.heartbeat())
    gone(stage, T + 2)
    (incident,) = silences(stage)
    assert (incident["title"], incident["level"], incident["kind"]) == (
        "Agent gone without a word on go1-07", "medium", "monitor",
    )  # fmt: skip
    assert "closed 2.0 s after its last evidence" in incident["story"][0]
    assert incident["unknown"] == ["Why the agent is gone can't be told before it is back."]
    assert incident["evidence"] == [{"chain": stage.robot.chain, "seq": 1, "items": []}]
    assert stage.bench.ledger.faults(stage.row.id) == [] and stage.bench.ledger.integrity.all(stage.row.id) == []
    gone(stage, T + 2.5)
    assert silences(stage) == [incident], "told again, it is the same"


def test_who_is_back_at_once_was_never_gone(stage: Stage) -> None:
    """A connection breaks now and then; an agent connects again within a second or two."""
    stage.take(stage.robot.heartbeat())
    links = Links(stage.bench.ledger)
    links.note(stage.row.id, b"offline", T + 1)
    links.store(T + 1.5)
    links.note(stage.row.id, b"online", T + 2)
    links.store(T + 60)
    assert silences(stage) == []


@pytest.mark.parametrize(
    "why", ["it said that it stops", "no power", "evidence came since", "revoked", "held off", "a new key"]
)
def test_what_is_everyday_life_is_no_incident(stage: Stage, why: str) -> None:
    ledger, robot = stage.bench.ledger, stage.robot
    stage.take(robot.heartbeat())
    at = T + 2
    if why == "it said that it stops":
        stage.take(robot.token(robot.saw("agent.stop", reason="asked to stop")), t=T + 1)
    elif why == "no power":
        at = T + CLOSED_WITHIN_S + 1
    elif why == "evidence came since":
        stage.take(robot.heartbeat(), t=T + 3)
    elif why == "revoked":
        ledger.change_robot(stage.row.id, "revoke", "test", "lost")
    elif why == "a new key":
        key = ScriptedRobot()
        ledger.invite(Invited("hash", stage.row.id, "go1-07", "rotate", T, T + 60), "test")
        made = RobotKey(key.kid, stage.row.id, key.ueid, key.public_pem.decode(), T + 1, None)
        ledger.enrol("hash", made, "", "test")
    links = Links(ledger, lambda: {stage.row.id} if why == "held off" else set())
    links.note(stage.row.id, b"offline", at)
    links.store(at + GONE_S)
    assert silences(stage) == []


def test_an_agent_that_begins_again_in_the_same_boot_unasked_was_killed(stage: Stage) -> None:
    """Gone and killed are one story, whichever of the two the host hears of."""
    stage.take(stage.robot.heartbeat())
    gone(stage, T + 2)
    (first,) = silences(stage)
    stage.take(starts(stage, False, "after an unclean stop"), t=T + 30)
    (incident,) = silences(stage)
    assert incident["id"] == first["id"] and incident["title"] == "Agent killed on go1-07"
    assert incident["unknown"] == [] and "it was killed, or it crashed" in incident["story"][-1]


def test_a_kill_that_a_restart_hides_from_the_broker_is_told_by_the_agent(stage: Stage) -> None:
    stage.take(stage.robot.heartbeat(), t=T)
    stage.take(starts(stage, False, "after an unclean stop"), t=T + 1)
    (incident,) = silences(stage)
    assert incident["title"] == "Agent killed on go1-07" and incident["level"] == "medium"
    assert incident["evidence"] == [{"chain": stage.robot.chain, "seq": 2, "items": [0]}]


@pytest.mark.parametrize(
    ("boots", "stops", "clean", "reason"),
    [
        (True, False, False, "after an unclean stop"),
        (True, False, False, "first start"),
        (False, True, True, "after a clean stop"),
        (False, True, False, "first start"),
    ],
    ids=["power was cut", "a new card", "restarted by its owner", "installed anew"],
)
def test_a_start_of_everyday_life_is_no_incident(
    stage: Stage, boots: bool, stops: bool, clean: bool, reason: str
) -> None:
    stage.take(stage.robot.heartbeat())
    if stops:
        stage.take(stage.robot.token(stage.robot.saw("agent.stop", version="1", reason="asked to stop")), t=T + 1)
    if boots:
        stage.robot.boot()
    stage.take(starts(stage, clean, reason), t=T + 30)
    assert silences(stage) == []


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("clean", [True, False])
def test_who_deletes_what_the_killed_agent_kept_explains_nothing(stage: Stage, is_noticed: bool, clean: bool) -> None:
    """It would say "first start": in a run of the system in which it was here before, it is none.

    Nor does a clean journal help: it is as new, and nobody said that it stops.
    """
    stage.take(stage.robot.heartbeat(), t=T)
    if is_noticed:
        gone(stage, T + 2)
    stage.take(starts(stage, clean, "first start"), t=T + 30)
    (incident,) = silences(stage)
    assert (incident["title"], incident["state"]) == ("Agent killed on go1-07", "open")
    assert "what it had kept was deleted" in incident["story"][-1]


@pytest.mark.parametrize(("boots", "told"), [(True, "started anew"), (False, "only its connection was cut")])
def test_a_gone_agent_that_is_back_says_why_it_was_gone(stage: Stage, boots: bool, told: str) -> None:
    stage.take(stage.robot.heartbeat())
    gone(stage, T + 2)
    if boots:
        stage.robot.boot()
        stage.take(starts(stage, False, "after an unclean stop"), t=T + 60)
    else:
        stage.take(stage.robot.heartbeat(), t=T + 60)
    (incident,) = silences(stage)
    assert told in incident["story"][-1] and incident["unknown"] == []
    assert incident["title"] == "Agent gone without a word on go1-07"
    assert (incident["state"], incident["close_reason"]) == ("closed", "explained")
    back = T + 100
    stage.take(stage.robot.heartbeat(), t=back)
    gone(stage, back + 2)
    (again,) = silences(stage)
    assert (again["id"], again["state"], again["came_back"]) == (incident["id"], "open", True)


def test_an_agent_that_was_stopped_or_traced_says_so(stage: Stage) -> None:
    robot = stage.robot
    stage.take(robot.token(robot.saw("agent.pause", duration_s=61.0, starved_s=58.0, reason="starved")))
    stage.take(robot.token(robot.saw("config.state", name="agent-traced", value=False, pid=None, exe=None)))
    assert silences(stage) == [], "a busy board is no attack"
    stage.take(robot.token(robot.saw("agent.pause", duration_s=61.0, starved_s=0.0, reason="stopped")), t=T + 1)
    (incident,) = silences(stage)
    assert incident["title"] == "Agent paused on go1-07" and "stopped for 61 s" in incident["story"][-1]
    traced = robot.saw("config.state", name="agent-traced", value=True, pid=77, exe="/usr/bin/gdb\x1b[2J")
    stage.take(robot.token(traced), t=T + 2)
    (incident,) = silences(stage)
    assert (incident["title"], incident["level"]) == ("Agent traced by another program on go1-07", "high")
    assert "/usr/bin/gdb" in incident["story"][-1] and "\x1b" not in str(incident)


def test_silences_of_years_do_not_fill_what_is_kept_of_a_robot(stage: Stage) -> None:
    """A hundred a day are kept; nobody has to acknowledge any for the next to be told."""
    ledger = stage.bench.ledger
    for number in range(130):
        t = T + number * 60.0
        stage.take(stage.robot.heartbeat(), t=t)
        ledger.integrity.note_gone(stage.row.id, t + 1)
    assert len(ledger.unread((0, 0, 0), 1000).faults) == 100
    stage.take(stage.robot.heartbeat(), t=T + 30 * 3600.0)
    ledger.integrity.note_gone(stage.row.id, T + 30 * 3600.0 + 1)
    assert len(ledger.unread((0, 0, 0), 1000).faults) == 101
