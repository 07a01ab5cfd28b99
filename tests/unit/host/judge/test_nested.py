"""Tunnels within tunnels, and relays of several programs: each hop of the way, and one story."""

import pytest

from tests.unit.host.judge.recording import OUTSIDE, SSHD, Recording, Verdicts, hops

STUNNEL, SSH = "/usr/bin/stunnel4", "/usr/bin/ssh"


def robot() -> Recording:
    """sshd, and stunnel that has dialled out and takes calls of the robot itself."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    scene.process(700, STUNNEL, ["stunnel", "/etc/stunnel/x.conf"])
    return scene


def ssh_within(scene: Recording, destination: str = "root@127.0.0.1") -> None:
    scene.process(800, SSH, ["ssh", "-N", "-R", "2222:127.0.0.1:22", "-p", "15559", destination])
    scene.within(800, 700, 15559)
    scene.dial(700)


def somebody_logs_in(scene: Recording) -> None:
    scene.process(900, SSHD, line=(100,))
    scene.within(800, 900, 22)
    scene.ssh_login(100, 900)


@pytest.mark.parametrize("destination", ["root@127.0.0.1", "localhost", "pi@[::1]"])
def test_ssh_within_another_tunnel_is_one_story_with_both_programs_on_the_way(destination: str) -> None:
    """ssh holds no connection to the outside: who only looks for one finds a login of nobody, and two tunnels."""
    scene = robot()
    ssh_within(scene, destination)
    scene.wait(1)
    somebody_logs_in(scene)
    incident = Verdicts(scene.facts).only

    assert incident["kind"] == "remote-control"
    way = [OUTSIDE[0], f"suspected relay {STUNNEL}", f"suspected relay {SSH}", "loopback", "ssh:22", "pi"]
    assert hops(incident["origin"]) == way


def test_an_ssh_that_dials_by_itself_is_no_part_of_another_tunnel() -> None:
    """Two ways in are two things to close."""
    scene = robot()
    scene.process(800, SSH, ["ssh", "-N", "-R", "2222:127.0.0.1:22", "x@198.51.100.4"])

    assert len(Verdicts(scene.facts).incidents) == 2


def test_a_local_service_that_holds_no_outer_connection_leads_nowhere() -> None:
    """A program that talks to a database of the robot and to sshd has come from nowhere that was seen."""
    scene = robot()
    scene.process(600, "/usr/bin/postgres")
    scene.process(800, "/home/pi/job")
    scene.within(800, 600, 5432)
    scene.wait(1)
    somebody_logs_in(scene)
    scene.wait(5)
    scene.coverage()
    last = [one for one in Verdicts(scene.facts).incidents.values() if one["sessions"]]

    assert [hops(one["origin"])[0] for one in last] == ["?"]


def test_the_program_that_holds_the_outer_connection_is_told_beside_the_one_that_asks() -> None:
    """Two halves that a socket joins: closing one of them is not enough."""
    scene = robot()
    scene.process(801, "/home/pi/outer")
    scene.process(802, "/run/inner")
    outer = scene.dial(801)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(802, 900, 22)
    scene.relay(outer, inner, 802, "relay", outer_direction="out")
    scene.ssh_login(100, 900)
    incident = next(one for one in Verdicts(scene.facts).incidents.values() if one["sessions"])

    assert hops(incident["origin"])[:3] == [OUTSIDE[0], "relay /home/pi/outer", "relay /run/inner"]
