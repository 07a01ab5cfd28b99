"""Whose visit a program belongs to: a colleague's session excuses what he does, and nobody else's doing."""

import pytest

from tests.unit.host.judge.recording import PHONE, SSHD, Recording, Verdicts
from wachhund.judge.engine import Judge
from wachhund.judge.listeners import MAX_LISTENERS
from wachhund.judge.visitors import MAX_VISITORS, Visitors

DAY_S = 86_400.0


def sshd_at_22() -> Recording:
    """A robot with its ssh server."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    return scene


def left_again(scene: Recording, address: str, *, exits: bool = True) -> None:
    """Somebody logged in and went; the sshd of the session had pid 600."""
    visit = scene.accept(500, 22, address)
    scene.process(600, SSHD, line=(500,))
    scene.ssh_login(500, 600)
    scene.wait(5)
    scene.close(visit)
    for pid in (600, 602, 603) if exits else ():
        scene.tell("process.exit", puid=f"{pid}-9", pid=pid)
    scene.wait(5 * DAY_S)
    scene.coverage()


def ssh_to_itself(scene: Recording, parent: int) -> None:
    """A program of the robot logs in to the robot."""
    scene.process(901, "/usr/bin/ssh", ["ssh", "localhost"], line=(parent,))
    scene.within(901, 500, 22)
    scene.wait(60)
    scene.coverage()


def test_a_service_under_the_pid_of_an_old_intruder_is_not_in_his_story() -> None:
    """Pids come round within days: his incident would fill with what cron does."""
    scene = sshd_at_22()
    left_again(scene, "203.0.113.9")
    scene.process(600, "/usr/sbin/cron", ["cron", "-f"], line=(1,), puid="600-77")
    scene.process(901, "/usr/bin/apt-check", ["apt-check"], line=(600,))
    story = Verdicts(scene.facts).only["story"]
    assert not [sentence for sentence in story if "apt-check" in sentence or "cron was" in sentence]


@pytest.mark.parametrize("told", [True, False])
def test_who_takes_the_pid_of_an_old_colleague_is_not_excused_as_he(told: bool) -> None:
    """Who is root chooses his pid; and of a child that never started a program, nobody tells that it took one."""
    scene = sshd_at_22()
    left_again(scene, PHONE, exits=told)
    if told:
        scene.process(600, "/tmp/x", line=(1,), puid="600-77")
    ssh_to_itself(scene, 600)
    assert Verdicts(scene.facts).only["title"].startswith("Login from the robot itself: ssh")


def test_a_colleague_who_is_still_there_logs_in_to_the_robot_again_and_nobody_is_alarmed() -> None:
    """The same scene with the session open: it is his doing."""
    scene = sshd_at_22()
    scene.accept(500, 22, PHONE)
    scene.process(600, SSHD, line=(500,))
    scene.ssh_login(500, 600)
    scene.wait(5)
    scene.process(905, "/usr/bin/ssh", ["ssh", "localhost"], line=(603, 601, 600, 500))
    scene.within(905, 500, 22)
    scene.wait(60)
    scene.coverage()
    assert Verdicts(scene.facts).incidents == {}


def test_the_processes_of_sessions_are_bounded_the_oldest_goes_first() -> None:
    """A robot may tell of sessions without end."""
    visitors = Visitors()
    for pid in range(MAX_VISITORS + 1):
        visitors.claim(pid, f"{pid}-9", f"s{pid}")
    assert len(visitors.by_puid) == len(visitors.by_pid) == MAX_VISITORS
    assert (visitors.session_of(0, 0.0), visitors.session_of(1, 0.0)) == (None, "s1")


def test_a_pid_stands_for_the_process_that_had_it_last() -> None:
    """And what was told of the one before changes nothing any more."""
    visitors = Visitors()
    visitors.claim(7, "7-1", "first")
    visitors.claim(7, "7-2", "second")
    visitors.exited("7-1", 5.0)
    assert visitors.session_of(7, 1_000.0) == "second"
    visitors.took(7, "7-3")
    assert visitors.session_of(7, 1_000.0) is None
    assert not visitors.by_puid


@pytest.mark.parametrize("exe", ["/tmp/sshd", "/tmp/dropbear", SSHD])
def test_a_program_that_calls_itself_an_ssh_server_does_not_become_a_colleagues_session(exe: str) -> None:
    """What it then does would be the colleague's own doing, and told to nobody. Its own parent says that it is none."""
    scene = sshd_at_22()
    scene.accept(500, 22, PHONE)
    scene.process(950, exe, line=(940,), parent_exe="/bin/sh")
    scene.wait(5)
    ssh_to_itself(scene, 950)
    assert Verdicts(scene.facts).only["title"].startswith("Login from the robot itself: ssh")


@pytest.mark.parametrize("exe", ["/tmp/sshd", SSHD])
def test_what_a_visitor_starts_under_the_name_of_an_ssh_server_is_told_in_his_story(exe: str) -> None:
    """Else one name hides all that he does."""
    scene = sshd_at_22()
    scene.accept(500, 22, "203.0.113.9")
    scene.process(600, SSHD, line=(500,))
    scene.ssh_login(500, 600)
    scene.process(701, exe, [exe, "-p", "4444"], user="pi", line=(603, 601, 600, 500))
    assert [sentence for sentence in Verdicts(scene.facts).only["story"] if "(pid 701)" in sentence]


def test_a_robot_with_more_listeners_than_are_kept_still_knows_its_ssh_server() -> None:
    """Without it the server that serves everybody would be one visitor's, and everybody's programs his."""
    scene = sshd_at_22()
    scene.process(900, "/tmp/l")
    for port in range(MAX_LISTENERS):
        scene.listen(10_000 + port, 900, "/tmp/l", "127.0.0.1")
    scene.accept(500, 22, PHONE)
    scene.wait(10)
    scene.process(950, SSHD, line=(500,))
    ssh_to_itself(scene, 950)
    judge = Judge(())
    told = judge.feed(scene.facts).incidents + judge.finish().incidents
    assert [one["title"] for one in told] == ["Login from the robot itself: ssh by ssh"]


def test_no_process_is_a_visitors_while_nobody_told_who_listens() -> None:
    """The server that serves everybody holds the connection first; its own listener may never be told."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(500, SSHD)
    scene.accept(500, 22, PHONE)
    scene.wait(10)
    ssh_to_itself(scene, 500)
    assert Verdicts(scene.facts).only["title"].startswith("Login from the robot itself: ssh")


def test_an_ssh_server_of_another_path_is_one_to_its_own_visitors() -> None:
    """Who built dropbear himself still sees who logged in."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(500, "/opt/ssh/dropbear")
    scene.listen(2222, 500, "/opt/ssh/dropbear")
    scene.accept(500, 2222, PHONE)
    scene.process(600, "/opt/ssh/dropbear", line=(500,))
    scene.process(603, "/bin/sh", ["-sh"], user="pi", line=(600, 500))
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["user"] == "pi"
