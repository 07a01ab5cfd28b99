"""Facts of two boots in turns, as they come after a network cut: each boot is judged by what is so in it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.host.judge.recording import BUILT_IN, SSHD, START, Recording, Verdicts, hops, ssh_through_a_relay
from wachhund.judge import boots
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, FaultRef, TokenRef
from wachhund.judge.faults import observation
from wachhund.judge.forgetting import Forgotten
from wachhund.judge.state import MAX_WAITING
from wachhund.ledger.fault_kinds import SILENCED

CHAIN = "c1"
ROBOT = "go1-07"


def of_boot(scene: Recording, boot: str, first_seq: int) -> list[Fact]:
    """A scene's facts as those of a boot, one a token."""
    return [
        replace(fact, robot=ROBOT, boot=boot, ref=TokenRef(CHAIN, first_seq + place, 0))
        for place, fact in enumerate(scene.facts)
    ]


def living(count: int, boot: str = "new", first_seq: int = 1_000) -> list[Fact]:
    """Signs of life."""
    scene = Recording()
    for _ in range(count):
        scene.tell("heartbeat")
    return of_boot(scene, boot, first_seq)


def in_turns(backlog: Sequence[Fact], now: Sequence[Fact], every: int) -> list[Fact]:
    """A backlog as it comes: behind `every` of its facts each one of what is new, told at that moment."""
    made: list[Fact] = [now[0]]
    left = list(now[1:])
    for place, fact in enumerate(backlog, 1):
        made.append(fact)
        if place % every == 0 and left:
            made.append(replace(left.pop(0), t=fact.t))
    return made


@pytest.mark.parametrize("every", [1, 2, 3, 4, 6])
def test_a_backlog_in_turns_with_a_new_boot_tells_the_same_as_without(every: int) -> None:
    """Who reboots the robot after his visit must not take its traces out of what is judged."""
    backlog = of_boot(ssh_through_a_relay(), "old", 1)
    alone, mixed = Verdicts(backlog), Verdicts(in_turns(backlog, living(40), every))
    for name in ("title", "level", "origin", "story", "evidence", "unknown"):
        assert mixed.only[name] == alone.only[name]
    assert mixed.only["level"] == "critical"


def test_what_was_open_in_a_boot_that_is_over_is_told_as_ended() -> None:
    """A page of who is there now must not name a visitor of before the reboot; how long he stayed follows his facts."""
    backlog = of_boot(ssh_through_a_relay(), "old", 1)
    mixed = Verdicts(in_turns(backlog, living(40), 1))
    (session,) = mixed.sessions.values()
    assert session["last_t"] == backlog[-1].t
    assert hops(session["origin"])[0] == "203.0.113.7"


def test_a_visitor_of_the_new_boot_stays_while_a_backlog_comes() -> None:
    """Facts of before the reboot say nothing of who is there now."""
    scene = Recording()
    scene.coverage()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    flow = scene.accept(500, 22, "203.0.113.9")
    now = of_boot(scene, "new", 1_000)
    backlog = living(3, "old", 1)
    judge = Judge(BUILT_IN.rules)
    told = [*judge.feed(now).sessions, *judge.feed(backlog).sessions]
    assert [one["last_t"] for one in told] == [None]
    scene.close(flow)
    ended = judge.feed(of_boot(scene, "new", 1_000)[-1:]).sessions
    assert [(one["id"], one["last_t"] is None) for one in ended] == [(told[0]["id"], False)]


def test_ids_of_one_boot_are_not_taken_for_those_of_another() -> None:
    """A process of the old boot with the id of one of the new has nothing to do with it."""
    scene = Recording()
    scene.coverage()
    scene.process(812, "/opt/x/helper")
    now = of_boot(scene, "new", 1_000)
    judge = Judge(BUILT_IN.rules)
    judge.feed([*now, *of_boot(ssh_through_a_relay(), "old", 1)])
    state = judge._robots[ROBOT]
    assert state.boot == "new"
    assert state.memory.processes.by_puid["812-9"].exe == "/opt/x/helper"
    assert state.incidents.of_process(["812-9"]) is None


def test_a_start_that_comes_after_later_tokens_of_its_boot_is_no_second_start() -> None:
    """After a power cut the newest tokens come before the one in which the agent began: nobody killed it."""
    scene = Recording()
    scene.tell("agent.start", clean=False, reason="after an unclean stop")
    scene.coverage()
    scene.tell("heartbeat")
    start, *later = of_boot(scene, "new", 100)
    backlog = living(3, "old", 1)
    assert Verdicts([*later, *backlog, start]).incidents == {}
    scene.tell("agent.start", clean=False, reason="after an unclean stop")
    again = of_boot(scene, "new", 100)[-1]
    assert Verdicts([*later, *backlog, start, again]).only["title"].startswith("Agent killed")


def unexplained() -> Recording:
    """The last that a robot tells: somebody commands it, and a program that was not seen logs in from within."""
    scene = Recording()
    scene.coverage()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    scene.tell(
        "control", surface="mqtt", what="controller/action", meaning="control", count=3, words={"standUp": 3},
        client=None, flow=None, retained=False,
    )  # fmt: skip
    scene.flow("open", "f-9", "in", ("127.0.0.1", 22), ("127.0.0.1", 45_000), 500)
    return scene


UNEXPLAINED = {"Robot commanded by nobody who is known: controller/action",
               "Login from the robot itself: ssh by a program that was not seen"}  # fmt: skip


def test_who_reboots_the_robot_at_once_does_not_hide_what_he_did_last() -> None:
    """What waits for late facts is judged by its time, also when the boot is over."""
    after = [replace(fact, t=START + 10.0) for fact in living(1)]
    judge = Judge(BUILT_IN.rules)
    made = judge.feed([*of_boot(unexplained(), "old", 1), *after]).incidents
    assert {one["title"] for one in made} == UNEXPLAINED


def test_who_silences_the_robot_at_once_does_not_hide_what_he_did_last() -> None:
    """Nothing comes after it by which time could pass: that the robot is silent says that no explanation will come."""
    silence = Fact(ROBOT, START + 60.0, None, FaultRef("f", ((CHAIN, 9),)), observation(SILENCED, "Gone.", START + 60))
    judge = Judge(BUILT_IN.rules)
    judge.feed(of_boot(unexplained(), "old", 1))
    made = judge.feed([silence]).incidents
    rules = {rule for one in made for rule in one["rules"]}
    assert rules == {
        "behaviour: control with nobody in the controller ledger",
        "behaviour: login from loopback",
        "behaviour: agent gone without a word",
    }


def test_of_very_many_logins_that_wait_each_is_judged() -> None:
    """Who fills the table of what waits must not thereby hide his own login."""
    scene = Recording()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    for number in range(MAX_WAITING + 20):
        scene.flow("open", f"x{number}", "in", ("127.0.0.1", 22), ("127.0.0.1", 20_000 + number), 500)
    judge = Judge(BUILT_IN.rules)
    told = [*judge.feed([replace(fact, t=START) for fact in scene.facts]).sessions, *judge.finish().sessions]
    sessions = {one["id"]: one["incident"] for one in told}
    assert len(sessions) == MAX_WAITING + 20
    assert None not in sessions.values()


def test_many_boots_are_bounded_and_what_waits_in_them_is_judged() -> None:
    """A robot that names a new boot in each token costs no more than three, and hides nothing in them."""
    told: list[Fact] = []
    for number in range(20):
        scene = Recording()
        scene.tell(
            "control", surface="mqtt", what=f"topic/{number}", meaning="control", count=1, words={"x": 1},
            client=None, flow=None, retained=False,
        )  # fmt: skip
        told += [replace(fact, t=START) for fact in of_boot(scene, f"boot {number}", 10 * number)]
    judge = Judge(BUILT_IN.rules)
    made = judge.feed(told).incidents
    assert len(judge._robots[ROBOT].boots) == boots.MAX_ASIDE
    assert len(made) == 20 - 1 - boots.MAX_ASIDE
    assert len(judge.finish().incidents) == 1 + boots.MAX_ASIDE


def test_a_boot_that_is_long_over_is_let_go() -> None:
    """Two boots' worth of memory is for a backlog, not for ever."""
    judge = Judge(BUILT_IN.rules)
    judge.feed([*living(2, "old", 1), *living(2)])
    assert set(judge._robots[ROBOT].boots) == {"old"}
    judge.feed([replace(living(3)[-1], t=START + boots.KEPT_S + 60.0)])
    assert judge._robots[ROBOT].boots == {}


def test_what_was_erased_goes_from_a_boot_that_is_put_aside() -> None:
    """An erasure that spares the boot before the last one is none."""
    judge = Judge(BUILT_IN.rules)
    judge.feed([*living(1), *of_boot(ssh_through_a_relay(), "old", 1)])
    aside = judge._robots[ROBOT].boots["old"]
    assert aside.sessions.by_id and aside.memory.processes.by_puid
    judge.forget(Forgotten(ROBOT, START - 1.0, START + 100.0, whole=False))
    assert not aside.sessions.by_id and not aside.memory.processes.by_puid and not aside.led
