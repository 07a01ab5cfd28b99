"""A new run of the agent tells anew all that is there: what it does not tell has ended while nobody looked."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import BUILT_IN, SSHD, Recording, Verdicts
from wachhund.judge import rerun
from wachhund.judge.ended import KEEP_ENDED_S
from wachhund.judge.engine import Judge
from wachhund.judge.state import RobotState

PEEK = {"camera": "/dev/video0", "via": "v4l2", "puid": "700-9", "pid": 700, "exe": "/tmp/peek", "user": "root"}
LONG_S = rerun.ANNOUNCED_WITHIN_S + KEEP_ENDED_S + 10.0


def robot() -> Recording:
    """Programs, listeners, a visitor and somebody at the camera."""
    scene = Recording()
    scene.coverage()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    scene.process(700, "/tmp/peek")
    scene.listen(4444, 700, "/tmp/peek")
    scene.tell("camera.open", **PEEK)
    scene.accept(500, 22, "192.168.12.30")
    scene.wait(5)
    return scene


def begins_again(scene: Recording, *, wait: float = 1.0, **more: Any) -> None:
    """The agent begins a new run, and tells of sshd again."""
    scene.tell("agent.start", **{"clean": True, "reason": "after a clean stop", **more})
    scene.wait(wait)
    scene.process(500, SSHD, existing=True)
    scene.listen(22, 500, SSHD, existing=True)


def state_after(scene: Recording) -> RobotState:
    judge = Judge(BUILT_IN.rules)
    judge.feed(scene.facts)
    return judge._robots[None]


def later(scene: Recording) -> None:
    for _ in range(3):
        scene.wait(LONG_S)
        scene.coverage()


@pytest.mark.parametrize("wait", [1.0, 60.0])
def test_what_a_new_run_does_not_tell_again_has_ended_and_what_it_tells_has_not(wait: float) -> None:
    """Also where the new run's word comes late: a slow network must not take away what is there."""
    scene = robot()
    begins_again(scene, wait=wait)
    later(scene)
    state = state_after(scene)
    assert set(state.memory.processes.by_puid) == {"500-9"}
    assert set(state.memory.listeners.by_port) == {22}
    assert not state.memory.flows.by_id and not state.memory.ended.since
    rooms = (state.memory.processes, state.memory.listeners, state.memory.looks)
    assert not any(room.unseen for room in rooms)
    assert all(session["last_t"] is not None for session in Verdicts(scene.facts).sessions.values())


def test_who_is_told_again_at_the_camera_stays_in_the_same_session() -> None:
    """A look that outlives the agent is one look; one that does not ends with it."""
    ended = robot()
    begins_again(ended)
    stays = robot()
    begins_again(stays)
    stays.tell("camera.open", **PEEK, existing=True)
    for scene, is_open in ((ended, False), (stays, True)):
        later(scene)
        (look,) = [one for one in Verdicts(scene.facts).sessions.values() if one["surface"] == "camera"]
        assert (look["last_t"] is None) is is_open


def test_a_new_chain_of_a_running_agent_is_no_new_run() -> None:
    """It begins with `agent.start` too, without `clean`, and tells nothing again: nothing has ended."""
    scene = robot()
    scene.tell("agent.start", reason="the host holds more of this chain than the journal")
    later(scene)
    state = state_after(scene)
    assert set(state.memory.processes.by_puid) == {"500-9", "700-9"}
    assert set(state.memory.listeners.by_port) == {22, 4444}
    assert [session["last_t"] for session in Verdicts(scene.facts).sessions.values()] == [None, None]


def test_what_the_new_run_told_before_its_start_came_is_its_own() -> None:
    """The newest tokens come first: a program and a connection of after the start are not of before it."""
    scene = robot()
    start = scene.tell("agent.start", clean=True, reason="after a clean stop")
    scene.wait(30.0)
    scene.process(900, "/usr/bin/late")
    scene.dial(900)
    scene.tell("camera.open", **PEEK)
    scene.facts.remove(start)
    scene.facts.append(start)
    later(scene)
    state = state_after(scene)
    assert set(state.memory.processes.by_puid) == {"900-9"}
    assert [flow.fact.puid for flow in state.memory.flows.by_id.values()] == ["900-9"]
    assert [one.service.surface for one in state.sessions.by_id.values() if one.last_t is None] == ["camera"]
