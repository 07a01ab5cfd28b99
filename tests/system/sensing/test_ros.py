"""ROS on a robot: a real ROS 1 master with real nodes, and real DDS participants, here and on another machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.system.judge.ssh_stage import OUTSIDE, ROBOT, SshStage

pytestmark = pytest.mark.needs_root("network namespaces")
Fact = dict[str, Any]
DEBIAN_PYTHON = "/usr/bin/python3"  # ROS 1 is a package of Debian's
MASTER = 11311
NODE = """
import sys, rospy
from std_msgs.msg import String
rospy.init_node(sys.argv[1], disable_signals=True)
publisher = rospy.Publisher("/cmd_like", String, queue_size=1)
print("up", flush=True)
sys.stdin.read()
rospy.signal_shutdown("its input ended")
"""
PARTICIPANT = """
import sys
from cyclonedds.domain import DomainParticipant
participant = DomainParticipant(int(sys.argv[1]))
print("up", flush=True)
sys.stdin.read()
"""


class Scene:
    """A robot with a ROS master and an agent, and another machine beside it."""

    def __init__(self, stage: SshStage, folder: Path) -> None:
        self.stage, self._folder, self._out = stage, folder, folder / "facts.jsonl"
        with self._out.open("wb") as target:
            stage.on_robot(AGENT_PYTHON, "-m", "wachhund_agent", "observe", stdout=target)
        stage.until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), "the senses are awake")

    def facts(self) -> list[Fact]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def tells(self, what: str, wanted: Callable[[Fact], object], seconds: float = 30.0) -> Fact:
        self.stage.until(lambda: any(wanted(fact) for fact in self.facts()), what, seconds)
        return next(fact for fact in self.facts() if wanted(fact))

    def master(self) -> "subprocess.Popen[Any]":
        """Returns when the master listens, by the agent's own word."""
        master = self.stage.on_robot("/usr/bin/rosmaster", "--core", "-p", str(MASTER), env=self._ros(ROBOT))
        self.tells("a listener", lambda fact: fact["kind"] == "listen.open" and fact["local"][1] == MASTER)
        return master

    def node(self, name: str, address: str) -> "subprocess.Popen[Any]":
        """A real node; it stays until its input ends."""
        start = self.stage.on_robot if address == ROBOT else self.stage.outside
        return self._up(start(DEBIAN_PYTHON, "-c", NODE, name, env=self._ros(address), **_PIPES))

    def participant(self, address: str, domain: int) -> "subprocess.Popen[Any]":
        """A real DDS participant."""
        start = self.stage.on_robot if address == ROBOT else self.stage.outside
        interface = "robot0" if address == ROBOT else "outside0"
        settings = f'<General><Interfaces><NetworkInterface name="{interface}"/></Interfaces></General>'
        environment = {**os.environ, "CYCLONEDDS_URI": f"<CycloneDDS><Domain>{settings}</Domain></CycloneDDS>"}
        return self._up(start(sys.executable, "-c", PARTICIPANT, str(domain), env=environment, **_PIPES))

    @staticmethod
    def _up(process: "subprocess.Popen[Any]") -> "subprocess.Popen[Any]":
        assert process.stdout is not None and process.stdout.readline() == b"up\n", process.args
        return process

    def _ros(self, address: str) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._folder),
            "ROS_MASTER_URI": f"http://{ROBOT}:{MASTER}",
            "ROS_IP": address,
        }


_PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


def leave(process: "subprocess.Popen[Any]") -> None:
    """Let it say good-bye."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait(20)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("ros")
    with SshStage(folder) as stage:
        yield Scene(stage, folder)


@pytest.mark.thorough
def test_nodes_of_the_robots_own_master_are_told_and_those_of_another_machine_are_control(scene: Scene) -> None:
    """Whoever can reach the master can drive the robot: ROS 1 asks nobody who he is."""
    master = scene.master()
    here = scene.node("walker", ROBOT)
    scene.tells(
        "the robot's own node",
        lambda fact: fact.get("name") == "ros-node" and fact["what"] == "/walker" and fact["here"] is True,
    )
    away = scene.node("stranger", OUTSIDE)
    told = scene.tells(
        "the stranger", lambda fact: fact["kind"] == "control" and fact["what"] == "ROS 1 node /stranger"
    )
    assert told["surface"] == "ros" and told["client"][0] == OUTSIDE
    assert "std_msgs/String" in told["types"]
    leave(away)
    scene.tells(
        "that the stranger left",
        lambda fact: fact.get("name") == "ros-node" and fact["what"] == "/stranger" and fact["value"] is False,
    )
    of_the_walker = [fact for fact in scene.facts() if fact.get("what") in ("/walker", "ROS 1 node /walker")]
    assert len(of_the_walker) == 1, "the robot's own nodes are told once, and are no control"
    told_nodes = [fact for fact in scene.facts() if fact.get("name") == "ros-node"]
    assert all("wachhund" not in fact["what"] for fact in told_nodes), "what watches is no part of what it watches"
    doors = [fact for fact in scene.facts() if fact["kind"] == "control" and "ROS 1 master" in fact["what"]]
    assert doors and all(fact["client"][0] in (ROBOT, OUTSIDE) for fact in doors), "nor is its question a client"
    leave(here)
    master.kill()
    master.wait(20)


def test_participants_of_dds_are_told_and_those_of_another_machine_are_control(scene: Scene) -> None:
    here, away = scene.participant(ROBOT, 0), scene.participant(OUTSIDE, 3)
    own = scene.tells("the robot's own", lambda fact: fact.get("name") == "dds-participant" and fact["here"] is True)
    assert (own["vendor"], own["domain"], own["value"]) == ("Eclipse Cyclone DDS", 0, True)
    told = scene.tells("the stranger", lambda fact: fact["kind"] == "control" and "DDS" in fact["what"])
    assert told["client"][0] == OUTSIDE and told["what"].endswith("domain 3") and told["surface"] == "ros"
    leave(away)
    gone = scene.tells(
        "its good-bye",
        lambda fact: (
            fact.get("name") == "dds-participant" and fact["what"] == told["participant"] and fact["value"] is False
        ),
    )
    assert gone["address"] == OUTSIDE
    leave(here)
    assert len([fact for fact in scene.facts() if fact["kind"] == "control" and "DDS" in fact["what"]]) == 1
