"""A program with a network of its own, as in a container: its connections come from outside by their addresses only."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import OUTSIDE, SSHD, Recording, Verdicts

AGENTD = "/opt/x/agentd"
APART, BRIDGE = "10.201.195.2", "10.201.195.1"


def robot() -> Recording:
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    scene.process(700, AGENTD)
    return scene


def crosses(scene: Recording, target: tuple[str, int], source: str = APART, **more: Any) -> None:
    """A connection that the robot only passes on."""
    fields = {"proto": "tcp", "direction": "through", "local": None, "remote": None, "puid": None, "exe": None}
    ends = {"source": [source, 39_178], "target": list(target), "source_scope": "lan", "scope": "internet"}
    scene.tell("flow.open", flow=f"r{len(scene.facts)}", **{**fields, **ends, **more})


def logs_in(scene: Recording, **more: Any) -> None:
    """The program, or another machine at its address, opens an ssh connection, and pi logs in by it."""
    scene.process(901, SSHD, ["/usr/sbin/sshd", "-D", "-R"], line=(100,))
    peer = {"puid": "700-9", "pid": 700, "exe": AGENTD}
    fields = {"bytes_in": 10, "bytes_out": 20, "duration_s": 0.1, "proto": "tcp", "direction": "in", "scope": "lan"}
    owner = {"puid": "901-9", "pid": 901, "exe": SSHD, "user": "root", "peer": peer}
    ends = {"local": [BRIDGE, 22], "remote": [APART, 60_830]}
    scene.tell("flow.open", flow="in", **{**fields, **owner, **ends, **more})
    scene.ssh_login(100, 901)


def passes(scene: Recording, seconds: float = 5.0) -> None:
    scene.wait(seconds)
    scene.process(990, "/bin/true")


@pytest.mark.parametrize("is_told_before", [True, False])
def test_a_login_from_a_container_that_is_connected_outside_comes_from_there(is_told_before: bool) -> None:
    """A relay in a namespace of its own holds no connection that is among the robot's own."""
    scene = robot()
    if is_told_before:
        crosses(scene, OUTSIDE)
    logs_in(scene)
    if not is_told_before:
        crosses(scene, OUTSIDE)
    passes(scene)
    incident = Verdicts(scene.facts, 1).only

    assert (incident["kind"], incident["level"]) == ("remote-control", "high")
    assert incident["title"].startswith("Remote control not allowed: ssh as pi through an unnamed relay (agentd)")
    assert incident["origin"][0] == {"hop": "address", "address": OUTSIDE[0], "port": OUTSIDE[1]}
    assert [hop["hop"] for hop in incident["origin"]] == ["address", "process", "loopback", "service", "user"]
    assert {"T1572", "T1021.004"} <= set(incident["attack"])
    assert Verdicts(scene.facts, 1).incidents == Verdicts(scene.facts).incidents


def test_a_login_from_a_container_of_which_nothing_crosses_the_robot_is_a_neighbours() -> None:
    """Its address is all there is: what the robot does not pass on for it, it does not know."""
    scene = robot()
    crosses(scene, (BRIDGE, 22), scope="lan")  # the login itself, as the kernel tracks it
    crosses(scene, OUTSIDE, source="192.168.12.30")  # the phone's
    logs_in(scene)
    passes(scene)

    assert Verdicts(scene.facts).incidents == {}


def test_another_machine_at_such_an_address_is_a_visitor_from_the_local_network() -> None:
    """Only a process of the robot at the other end makes it the robot's own."""
    scene = robot()
    crosses(scene, OUTSIDE)
    logs_in(scene, peer=None)
    passes(scene)

    assert Verdicts(scene.facts).incidents == {}


def test_containers_that_use_the_broker_are_programs_of_the_robot() -> None:
    """ROS in a container speaks to the broker and to the internet; nobody is in it."""
    scene = robot()
    scene.process(300, "/usr/sbin/mosquitto")
    scene.listen(1883, 300, "/usr/sbin/mosquitto", existing=True)
    crosses(scene, OUTSIDE)
    scene.accept(300, 1883, APART, peer=700)
    passes(scene)

    assert Verdicts(scene.facts).incidents == {}
