"""Logins over a real sshd: whose they are, where they come from, and what carries them. No log is needed."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.system.judge.ssh_stage import OUTSIDE, ROBOT, SshStage

pytestmark = pytest.mark.needs_root("network namespaces, an sshd")
Fact = dict[str, Any]


class Scene:
    """A robot with an sshd and an agent, and an outside."""

    def __init__(self, stage: SshStage, folder: Path) -> None:
        self.stage = stage
        self._out = folder / "facts.jsonl"
        with self._out.open("wb") as target:
            stage.on_robot(AGENT_PYTHON, "-m", "wachhund_agent", "observe", stdout=target)
        stage.until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), "the senses are awake")

    def facts(self) -> list[Fact]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def tells(self, what: str, wanted: Callable[[Fact], object]) -> Fact:
        self.stage.until(lambda: any(wanted(fact) for fact in self.facts()), what)
        return next(fact for fact in self.facts() if wanted(fact))

    def flow(self, name: str) -> Fact:
        """The newest word on a flow."""
        return [fact for fact in self.facts() if fact.get("flow") == name and fact["kind"].startswith("flow.")][-1]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with SshStage(tmp_path) as stage:
        yield Scene(stage, tmp_path)


def test_a_login_from_outside_is_joined_with_its_connection_and_ends_with_it(scene: Scene) -> None:
    scene.stage.sshd(scene.stage.on_robot, ROBOT)
    visit = scene.stage.outside(*scene.stage.ssh(f"pi@{ROBOT}", "cat"), stdin=subprocess.PIPE)
    began = scene.tells("the login", lambda fact: fact["kind"] == "login.start" and fact["user"] == "pi")
    assert (began["service"], began["from"][0]) == ("sshd", OUTSIDE)
    assert scene.flow(began["flow"])["remote"] == began["from"]
    assert visit.stdin is not None
    visit.stdin.close()
    visit.wait(20)
    ended = scene.tells("the end", lambda fact: fact["kind"] == "login.end" and fact["flow"] == began["flow"])
    assert ended["user"] == "pi" and ended["duration_s"] > 0


def test_a_login_from_loopback_leads_to_the_tunnel_that_carries_it(scene: Scene) -> None:
    """As through the vendor's cloud: the robot dialled out, and somebody comes back in through that connection."""
    scene.stage.sshd(scene.stage.on_robot, "127.0.0.1")
    scene.stage.sshd(scene.stage.outside, OUTSIDE, 2222)
    scene.stage.on_robot(*scene.stage.ssh("-N", "-R", "7000:127.0.0.1:22", "-p", "2222", f"root@{OUTSIDE}"))
    scene.stage.wait_outside(7000)
    visit = scene.stage.outside(*scene.stage.ssh("-p", "7000", "pi@127.0.0.1", "cat"), stdin=subprocess.PIPE)
    began = scene.tells("the login", lambda fact: fact["kind"] == "login.start" and fact["user"] == "pi")
    assert began["from"][0] == "127.0.0.1" and began["peer"]["exe"].endswith("/ssh")
    carrier = began["peer"]["puid"]
    outer = scene.tells(
        "the tunnel's own connection",
        lambda fact: fact["kind"].startswith("flow.") and fact["puid"] == carrier and fact["remote"] == [OUTSIDE, 2222],
    )
    assert outer["direction"] == "out"
    scene.tells("the relay", lambda fact: fact["kind"] == "relay" and fact["outer"] == outer["flow"])
    assert visit.stdin is not None
    visit.stdin.close()
    visit.wait(20)
