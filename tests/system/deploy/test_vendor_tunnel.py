"""The vendor's tunnel, running on a robot with a real systemd, sshd and sudo: disabled and put back by `wachhund flash
ssh`, killed at each step, and started again by something that nobody knows.

Its programs are stand-ins that run from where the vendor's lie. In a robot's file system alone:
test_killed_vendor_tunnel.py.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ssh_machine import PASSWORD, ROBOT, bench
from tests.robots.systemd_machine import NoCgroups, SystemdMachine
from tests.robots.vendor_tunnel import AUTOSTART, CSCLIENT, NPC, START_LIST_PATH, UNIT, WANTED, furnish
from tests.system.deploy.conftest import Exact, exact_tree
from tests.system.deploy.flash_bench import WATCHED, Laptop
from tests.system.deploy.killing import kill_at
from tests.system.deploy.steps import killed_at
from tests.waiting import until
from wachhund.flash import outcome

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900), pytest.mark.needs_root("a systemd of its own")]
_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON")
BACKUP = "var/lib/wachhund-vendor-tunnel"
DISABLE, RESTORE = "disable-vendor-tunnel", "restore-vendor-tunnel"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory, bundle: Path, host_bundle: Path) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("tunnel")
    with contextlib.ExitStack() as stack:
        try:
            made = Laptop(stack.enter_context(bench(folder, _PYTHON)), folder)
        except NoCgroups as error:
            pytest.skip(str(error))
        shutil.copy(bundle, made.bench.robot.shared / "agent.run")
        made.unpack(host_bundle)
        made.serve()
        yield made
        made.stop_serving()


@pytest.fixture(scope="module")
def robot(laptop: Laptop) -> SystemdMachine:
    """With the vendor's tunnel; before that the robot was asked about it once."""
    machine = laptop.bench.robot
    before = robots_tree(machine)
    done = laptop.flash("--disable-vendor-tunnel", "--yes", "--fingerprint", laptop.fingerprint())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "the vendor's tunnel is not on this robot: nothing was changed"
    assert robots_tree(machine) == before
    furnish(machine.path("/"), machine.path("/home/pi").stat().st_uid)
    machine.run("systemctl", "daemon-reload")
    return machine


@pytest.fixture
def running(robot: SystemdMachine) -> Iterator[SystemdMachine]:
    """All of it runs: the service, the script that waits for the modem, NPS."""
    autostart = f"/{AUTOSTART}"
    robot.run("systemctl", "start", UNIT)
    for name, where, *argv in (
        ("vendors-autostart", f"{autostart}/tunnel", "/bin/bash", "./tunnel.sh"),
        ("vendors-npc", autostart, f"/{NPC}", f"{autostart}/tunnel/run.sh"),
    ):
        robot.run("systemd-run", "--quiet", "--uid=pi", f"--working-directory={where}", f"--unit={name}", *argv)
    until(lambda: runs(robot) >= {f"/{CSCLIENT}", f"/{NPC}"}, 20, "all of it runs")
    yield robot
    robot.run("sh", "-c", f"systemctl stop {UNIT} vendors-autostart vendors-npc 2>/dev/null; systemctl reset-failed")
    robot.run("sh", "/mnt/agent.run", RESTORE)
    robot.run("systemctl", "stop", UNIT)


def runs(robot: SystemdMachine) -> set[str]:
    """Files of the programs that run."""
    said = robot.run("sh", "-c", "for one in /proc/[0-9]*/exe; do readlink $one; done", check=False).stdout
    return set(said.splitlines())


def is_active(robot: SystemdMachine) -> bool:
    return robot.run("systemctl", "is-active", UNIT, check=False).stdout.strip() == "active"


def robots_tree(robot: SystemdMachine) -> dict[str, Exact]:
    found = {}
    for folder in WATCHED:
        if robot.path(folder).exists():
            found.update({f"{folder[1:]}/{name}": one for name, one in exact_tree(robot.path(folder)).items()})
    return found


def changed(before: dict[str, Exact], now: dict[str, Exact]) -> set[str]:
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def test_it_is_shown_asked_for_disabled_and_put_back_exactly(laptop: Laptop, running: SystemdMachine) -> None:
    """The owner sees what lies there and what is done to it; and gets each byte, mode, owner and time back."""
    before = robots_tree(running)
    declined = laptop.flash("--disable-vendor-tunnel", given=f"{PASSWORD}\nn\n")
    laptop.refused(declined, outcome.DECLINED, "nothing was changed")
    for words in (UNIT, "would take `tunnel` out", f"/{CSCLIENT}", f"/{NPC}", "run.sh", "--restore-vendor-tunnel"):
        assert words in declined.stdout, declined.stdout
    assert robots_tree(running) == before and is_active(running)

    done = laptop.flash("--disable-vendor-tunnel", given=f"{PASSWORD}\ny\n")
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("the vendor's tunnel is disabled;"), (
        done.stdout + done.stderr
    )
    assert not is_active(running) and not runs(running) & {f"/{CSCLIENT}", f"/{NPC}"}
    assert "tunnel" not in running.path(f"/{START_LIST_PATH}").read_text()
    off = changed(before, robots_tree(running))
    assert off == {START_LIST_PATH, WANTED, BACKUP, f"{BACKUP}/1", f"{BACKUP}/record"}
    again = laptop.flash("--disable-vendor-tunnel", "--yes")
    assert again.returncode == 0 and "is disabled already" in again.stdout.splitlines()[-1]

    dry = laptop.flash("--restore-vendor-tunnel", "--dry-run")
    assert dry.returncode == 0 and dry.stdout.splitlines()[-1] == "nothing was changed" and not is_active(running)
    back = laptop.flash("--restore-vendor-tunnel", "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    assert f"{UNIT} runs again" in back.stdout and f"NOT started: /{AUTOSTART}/tunnel" in back.stdout
    assert is_active(running) and robots_tree(running) == before
    again = laptop.flash("--restore-vendor-tunnel", "--yes")
    assert again.stdout.splitlines()[-1] == "the vendor's tunnel was not disabled here: nothing was changed"


def test_it_stays_disabled_when_wachhund_is_taken_away_and_that_is_said(
    laptop: Laptop, running: SystemdMachine
) -> None:
    """Who takes a guard away does not ask for a door to be opened. The act stands with the robot's others."""
    before = robots_tree(running)
    assert laptop.flash("--name", "rex", "--yes").returncode == 0
    done = laptop.flash("--disable-vendor-tunnel", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "root by ssh" in dict(laptop.acts("rex"))[DISABLE]
    off = laptop.flash("--uninstall", "--yes")
    assert "the vendor's tunnel stays disabled there (--restore-vendor-tunnel)" in off.stdout.splitlines()[-1]
    assert changed(before, robots_tree(running)) == {
        START_LIST_PATH, WANTED, BACKUP, f"{BACKUP}/1", f"{BACKUP}/record",
    }  # fmt: skip
    assert laptop.flash("--restore-vendor-tunnel", "--yes").returncode == 0
    assert robots_tree(running) == before


@pytest.mark.parametrize(
    "step", killed_at("backup", "list", "service", "reload", "stop", "watch", "finish", always=("service",))
)
def test_killed_at_any_step_it_goes_on_and_can_go_back(running: SystemdMachine, step: str) -> None:
    """With SIGKILL, as a power cut would; what ran before the kill runs again afterwards."""
    before = robots_tree(running)
    assert kill_at(running, "agent.run", [DISABLE], step)
    said = running.run("sh", "/mnt/agent.run", DISABLE).stdout
    assert "is disabled" in said.splitlines()[-1]
    assert not is_active(running) and not runs(running) & {f"/{CSCLIENT}", f"/{NPC}"}
    assert "runs again" in running.run("sh", "/mnt/agent.run", RESTORE).stdout
    assert robots_tree(running) == before and is_active(running)


@pytest.mark.parametrize("step", killed_at("begin", "list", "service", "reload", "start", "finish", always=("list",)))
def test_putting_it_back_goes_on_after_a_kill_too(running: SystemdMachine, step: str) -> None:
    """Also when it is to stay disabled after all."""
    before = robots_tree(running)
    running.run("sh", "/mnt/agent.run", DISABLE)
    assert kill_at(running, "agent.run", [RESTORE], step)
    if step in ("list", "start"):
        running.run("sh", "/mnt/agent.run", DISABLE)
        assert not is_active(running)
    running.run("sh", "/mnt/agent.run", RESTORE)
    assert robots_tree(running) == before and is_active(running)


def test_what_something_else_starts_again_is_told_and_all_is_as_before(running: SystemdMachine) -> None:
    """A second way in that nobody knows of: to say that it is off would be a lie."""
    before = robots_tree(running)
    running.run(
        "systemd-run", "--quiet", "--unit=unknown", "sh", "-c",
        f"while :; do sleep 1; /{NPC} /{AUTOSTART}/tunnel/run.sh; done",
    )  # fmt: skip
    try:
        done = running.run("sh", "/mnt/agent.run", DISABLE, check=False)
    finally:
        running.run("systemctl", "stop", "unknown")
    assert done.returncode == 23 and "came back: something else starts it" in done.stderr, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1 and "NOT started" in done.stdout
    assert robots_tree(running) == before and is_active(running)


def test_what_is_left_is_named_and_its_enrolment_is_not_shown(running: SystemdMachine) -> None:
    """Other start-up files that name it, a program of that name elsewhere, what its broker retains."""
    running.run("systemd-run", "--quiet", "--unit=broker", "mosquitto")
    running.path("/etc/rc.local").write_text("/usr/local/zhexi/cloudsail/csclient start\n")
    running.run("sh", "-c", "cp /bin/sleep /opt/npc; systemd-run --quiet --unit=elsewhere /opt/npc 600")
    publish = ("mosquitto_pub", "-h", "127.0.0.1", "-r", "-t", "usys/uuid", "-m", "whose-it-is")
    until(lambda: running.run(*publish, check=False).returncode == 0, 20, "the broker takes it")
    try:
        done = running.run("sh", "/mnt/agent.run", DISABLE, "--dry-run")
    finally:
        running.run("sh", "-c", "systemctl stop broker elsewhere; rm -f /etc/rc.local /opt/npc")
    for words in ("keeps usys/uuid: it was enrolled", "/etc/rc.local names it too", "/opt/npc runs, which lies else"):
        assert words in done.stdout, done.stdout
    assert "whose-it-is" not in done.stdout and done.stdout.splitlines()[-1] == "nothing was changed"


def test_a_service_that_is_started_in_another_way_too_is_told_and_all_is_as_before(running: SystemdMachine) -> None:
    """By a link where the distribution keeps its own, or by a timer: it would be back with the next start."""
    unit, timer = f"/lib/systemd/system/multi-user.target.wants/{UNIT}", "/etc/systemd/system/CSClientDaemon.timer"
    for begin, end in (
        (f"ln -s /etc/systemd/system/{UNIT} {unit}", f"rm {unit}"),
        (f"printf '[Timer]\\nOnBootSec=9h\\n' > {timer}; systemctl daemon-reload; systemctl start CSClientDaemon.timer",
         f"systemctl stop CSClientDaemon.timer; rm -r {timer}"),
    ):  # fmt: skip
        running.run("sh", "-c", f"{begin}; systemctl daemon-reload")
        try:
            before = robots_tree(running)
            done = running.run("sh", "/mnt/agent.run", DISABLE, check=False)
            assert done.returncode == 23 and "starts it too" in done.stderr, done.stdout + done.stderr
            assert len(done.stderr.splitlines()) == 1
            assert robots_tree(running) == before and is_active(running)
        finally:
            running.run("sh", "-c", f"{end}; systemctl daemon-reload")


def test_who_may_not_become_root_changes_nothing(laptop: Laptop, running: SystemdMachine) -> None:
    """And a robot that is read-only is told what to do."""
    before = robots_tree(running)
    laptop.refused(
        laptop.flash("--disable-vendor-tunnel", "--yes", robot=f"guest@{ROBOT}"), outcome.NO_SUDO, "not in the sudoers"
    )
    autostart = f"/{AUTOSTART}"
    running.run("sh", "-c", f"mount --bind {autostart} {autostart}; mount -o remount,bind,ro {autostart}")
    try:
        laptop.refused(
            laptop.flash("--disable-vendor-tunnel", "--yes"), 16, f"read-only: mount -o remount,rw {autostart}"
        )
    finally:
        running.run("umount", autostart)
    assert robots_tree(running) == before and is_active(running)
