"""The whole way on a robot with a real systemd: installed, enrolled and verified by a real host, updated, rolled back,
killed on the way, taken away. The figures of docs/flash.md are from here.

The robot is tests/robots/systemd_machine.py: it shares this machine's kernel and network.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots import bundles
from tests.robots.open_host import Open
from tests.robots.systemd_machine import SystemdMachine
from tests.system.deploy import reach
from tests.system.deploy.conftest import tree
from tests.system.deploy.killing import kill_at
from tests.system.deploy.steps import killed_at
from tests.waiting import until
from wachhund_agent.kernel import capabilities
from wachhund_agent.privileges import NEEDED

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
UNIT = "wachhund-agent.service"
WATCHED = ("/opt", "/etc", "/usr/local", "/var/lib", "/home", "/srv")


@pytest.fixture(scope="module")
def robot(machine: SystemdMachine, tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> SystemdMachine:
    """With bundles of this version and of others where it can run them."""
    folder = tmp_path_factory.mktemp("bundles")
    shutil.copy(bundle, machine.shared / "agent.run")
    shutil.copy(bundles.varied(bundle, folder, "9.0.0"), machine.shared / "newer.run")
    shutil.copy(bundles.varied(bundle, folder, "9.1.0", bundles.mute), machine.shared / "mute.run")
    shutil.copy(bundles.varied(bundle, folder, "9.2.0", bundles.broken), machine.shared / "broken.run")
    return machine


@pytest.fixture
def installed(robot: SystemdMachine, host: Open, bundle: Path) -> Iterator[SystemdMachine]:
    """With the agent, verified by the host; afterwards without it."""
    name = f"rex-{time.monotonic_ns()}"
    done = say(robot, "agent.run", "install", "--enrol", "-", "--within", "60", given=host.robots("invite", name))
    assert done.returncode == 0, done.stdout + done.stderr
    host.robot = json.loads(robot.path("/var/lib/private/wachhund/agent.json").read_text())["robot"]
    yield robot
    say(robot, "agent.run", "uninstall")


def say(robot: SystemdMachine, file: str, *words: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    return robot.run("sh", f"/mnt/{file}", *words, check=False, given=given)


def status(robot: SystemdMachine) -> dict[str, object]:
    found = robot.run("python3", "-I", "-S", "-B", "/opt/wachhund/current/installer", "status", "--json").stdout
    return dict(json.loads(found))


def main_pid(robot: SystemdMachine) -> int:
    """Of the agent, by the robot's own count."""
    return int(robot.run("systemctl", "show", "--property=MainPID", "--value", UNIT).stdout)


def robots_tree(robot: SystemdMachine) -> dict[str, object]:
    return {folder: tree(robot.path(folder)) for folder in WATCHED if robot.path(folder).exists()}


def test_installed_enrolled_verified_and_taken_away_without_a_trace(
    robot: SystemdMachine, host: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the whole is for; and the owner's robot afterwards as it was."""
    before = robots_tree(robot)
    token, began = host.robots("invite", "a"), time.monotonic()
    done = say(robot, "agent.run", "install", "--enrol", "-", "--json", "--within", "60", given=token)
    took = time.monotonic() - began
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and lines[-1]["status"] == 0, done.stdout + done.stderr
    assert status(robot)["verified"] and status(robot)["enrolled"]
    host.robot = json.loads(robot.path("/var/lib/private/wachhund/agent.json").read_text())["robot"]
    assert host.tokens() >= 1
    again = say(robot, "agent.run", "install", "--json")
    assert again.returncode == 0 and {"step": "start", "state": "already"}.items() <= {
        key: value for line in again.stdout.splitlines() if (one := json.loads(line))["step"] == "start"
        for key, value in one.items()
    }.items()  # fmt: skip
    assert say(robot, "agent.run", "uninstall").returncode == 0
    assert robots_tree(robot) == before
    assert robot.run("systemctl", "show", "--property=LoadState", "--value", UNIT).stdout.strip() == "not-found"
    with capsys.disabled():
        print(f"\ninstalled, enrolled and verified in {took:.1f} s")


def test_enrolling_again_is_done_by_the_agents_own_user(robot: SystemdMachine, host: Open) -> None:
    """What root wrote there the agent could not read; and the agent could lead root's writing elsewhere."""
    token = host.robots("invite", "again")
    for _ in range(2):
        done = say(robot, "agent.run", "install", "--enrol", "-", "--within", "60", given=token)
        assert done.returncode == 0, done.stdout + done.stderr
    uid = robot.path("/var/lib/private/wachhund").stat().st_uid
    assert uid != 0
    owners = {path.name: path.lstat().st_uid for path in robot.path("/var/lib/private/wachhund").rglob("*")}
    assert set(owners.values()) == {uid}, owners
    refused = say(robot, "agent.run", "install", "--enrol", "-", given=token[:-4] + "AAAA")
    assert refused.returncode == 20 and len(refused.stderr.splitlines()) == 1
    assert status(robot)["enrolled"] and robot.path(f"/etc/systemd/system/{UNIT}").is_symlink(), "nothing is undone"
    assert say(robot, "agent.run", "uninstall").returncode == 0


def test_a_wrong_token_leaves_nothing_on_a_robot(robot: SystemdMachine) -> None:
    """Its whole installation is undone, and one line says why."""
    before = robots_tree(robot)
    done = say(robot, "agent.run", "install", "--enrol", "-", given="nonsense")
    assert done.returncode == 20 and len(done.stderr.splitlines()) == 1, done.stderr
    assert robots_tree(robot) == before


def test_what_the_running_agent_may_do(installed: SystemdMachine) -> None:
    """By the kernel's word: user, capabilities of each thread, filter of system calls, niceness."""
    pid = main_pid(installed)
    threads = [path.name for path in installed.path(f"/proc/{pid}/task").iterdir()]
    assert len(threads) >= 3
    proc = installed.path(f"/proc/{pid}/task")
    until(lambda: capabilities.effective(str(proc / str(pid) / "status")) == frozenset(NEEDED), 20, "the main thread")
    for thread in threads:
        if thread != str(pid):
            assert capabilities.effective(str(proc / thread / "status")) == frozenset()
    said = installed.path(f"/proc/{pid}/status").read_text()
    uid = int(said.split("Uid:")[1].split()[0])
    assert uid != 0 and "NoNewPrivs:\t1" in said and "Seccomp:\t2" in said
    assert os.getpriority(os.PRIO_PROCESS, int(_host_pid(installed, pid))) == 10, "not twice as nice"
    assert installed.path(f"/proc/{pid}/oom_score_adj").read_text() == "500\n"


def test_what_its_user_can_read_and_write_is_what_the_document_says(installed: SystemdMachine) -> None:
    """Each row is tried, by a process with the agent's user in its namespaces; and there is no other place, on any
    mount that can be written to at all, where it could leave something.
    """
    until(lambda: status(installed)["verified"], 60, "it runs, its sources are open")
    installed.run("sh", "-c", "echo hidden > /home/secret; chmod 600 /home/secret")
    other = installed.run("sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!").stdout.strip()
    try:
        rows = reach.documented({"PID": other, "DISK": _disk()})
        paths = [row.path for row in rows]
        assert len(paths) > 20
        pid = main_pid(installed)
        here = _host_pid(installed, pid)
        senses, others = (reach.reach(installed, pid, here, paths, has) for has in (True, False))
    finally:
        installed.run("sh", "-c", f"kill {other}; rm /home/secret")
    assert senses.paths == {row.path: row.senses for row in rows}
    assert others.paths == {row.path: row.others for row in rows}
    places = {str(Path(row.path)) for row in rows if "writes" in row.senses and not Path(row.path).suffix}
    # The first is where the link of that name leads to.
    assert senses.writable == others.writable == places - {"/var/lib/wachhund"} | {"/var/lib/private/wachhund"}


def _disk() -> str:
    """A disk of this machine, which the robot has too; whatever its name is."""
    lines = Path("/proc/partitions").read_text().split("\n\n")[1].splitlines()
    return next((line.split()[3] for line in lines if Path("/dev", line.split()[3]).exists()), "vda")


def _host_pid(robot: SystemdMachine, pid: int) -> str:
    """The process as this machine counts it."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "status").read_text()
            if f"NSpid:\t{folder.name}\t{pid}\n" in status and "wachhund" in (folder / "cmdline").read_text():
                return folder.name
    raise AssertionError(f"no process {pid} of the robot")


def test_the_sandbox_lets_every_sense_open_its_source(installed: SystemdMachine, host: Open) -> None:
    """Whatever is refused would be seen as blind. Process ids of its own make its probe for kernel events fail here,
    which comes after all of them were opened (systemd_machine.py).
    """

    def coverage() -> dict[str, dict[str, object]]:
        with closing(host.ledger()) as ledger:
            found = [one.observation for one in ledger.newest_observations(host.robot, 500)]
        return next((dict(one.fields["sensors"]) for one in found if one.kind == "coverage"), {})

    until(lambda: coverage() != {}, 30, "it says what it can see")
    said = coverage()
    words = ("not permitted", "ermission denied", "ead-only", "needs CAP", "root")
    refused = {name: sense for name, sense in said.items() if any(word in str(sense.get("why")) for word in words)}
    assert refused == {}, refused
    assert "stay silent" in str(said["process"]["why"])
    blind = {name for name, sense in said.items() if sense["state"] == "blind"}
    with_all = robot_without_a_sandbox(installed)
    assert set(said) == set(with_all)
    assert blind == {name for name, sense in with_all.items() if sense["state"] == "blind"}


def robot_without_a_sandbox(robot: SystemdMachine) -> dict[str, dict[str, object]]:
    """What root sees there."""
    done = robot.run("python3", "-I", "-S", "-B", "/opt/wachhund/current/agent.py", "doctor", "--json", check=False)
    return dict(json.loads(done.stdout)["sensors"])


def test_an_update_is_verified_and_the_version_before_is_kept(installed: SystemdMachine) -> None:
    """And what it had to say before it is not lost: it is the same chain."""
    first = status(installed)["current"]
    done = say(installed, "newer.run", "update", "--within", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    now = status(installed)
    assert str(now["current"]).startswith("9.0.0-") and first in list(now["versions"]) and now["trial"] is None  # type: ignore[call-overload]


@pytest.mark.parametrize("release", ["mute.run", "broken.run"])
def test_a_version_that_is_not_verified_in_time_gives_way_by_itself(installed: SystemdMachine, release: str) -> None:
    """One runs and reaches no host, one does not stay up. The old one is verified again; nothing else is left."""
    before = status(installed)
    done = say(installed, release, "update", "--within", "8")
    assert done.returncode == 22, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1
    until(lambda: status(installed)["verified"], 60, "the old version is verified again")
    now = status(installed)
    assert (now["current"], now["versions"], now["trial"]) == (before["current"], before["versions"], None)


def test_it_rolls_back_also_when_whoever_updates_is_gone(installed: SystemdMachine) -> None:
    """The laptop was closed, or its radio lost: the robot decides alone."""
    before = status(installed)["current"]
    stopped = kill_at(installed, "mute.run", ["update", "--within", "8"], "verify")
    assert stopped and str(status(installed)["current"]).startswith("9.1.0-")
    until(lambda: status(installed)["current"] == before and status(installed)["verified"], 90, "it went back alone")


@pytest.mark.parametrize(
    "step",
    killed_at("unpack", "try", "place", "trial", "switch", "reload", "start", "verify", "finish", always=("switch",)),
)
def test_an_update_killed_at_any_step_is_done_by_the_next_one(installed: SystemdMachine, step: str) -> None:
    """With SIGKILL, as a power cut would; the agent goes on in between, or is started by systemd."""
    kill_at(installed, "newer.run", ["update", "--within", "60"], step)
    assert status(installed)["current"] is not None
    done = say(installed, "newer.run", "update", "--within", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    now = status(installed)
    assert str(now["current"]).startswith("9.0.0-") and now["verified"] and now["trial"] is None
    assert not now["half_finished"]


@pytest.mark.parametrize(
    "step", killed_at("unpack", "place", "state", "unit", "reload", "enrol", "start", "verify", always=("enrol",))
)
def test_an_install_killed_at_any_step_is_done_by_the_next_one(robot: SystemdMachine, host: Open, step: str) -> None:
    """With the same token: it opens for the key that was made before the kill."""
    before = robots_tree(robot)
    token = host.robots("invite", f"killed-at-{step}")
    words = ["install", "--enrol", "-", "--within", "60"]
    kill_at(robot, "agent.run", words, step, given=token)
    done = say(robot, "agent.run", *words, given=token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(robot)["verified"] and not status(robot)["half_finished"]
    assert say(robot, "agent.run", "uninstall").returncode == 0
    assert robots_tree(robot) == before


@pytest.mark.parametrize("step", killed_at("stop", "unit", "forget", "kernel", "state", "program", always=("forget",)))
def test_an_uninstall_killed_at_any_step_is_done_by_the_next_one(robot: SystemdMachine, host: Open, step: str) -> None:
    """And then there is nothing left, of files and of what systemd knows."""
    before = robots_tree(robot)
    token = host.robots("invite", f"killed-off-at-{step}")
    assert say(robot, "agent.run", "install", "--enrol", "-", "--within", "60", given=token).returncode == 0
    kill_at(robot, "agent.run", ["uninstall"], step)
    done = say(robot, "agent.run", "uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    assert robots_tree(robot) == before
    assert robot.run("systemctl", "show", "--property=LoadState", "--value", UNIT).stdout.strip() == "not-found"


def test_a_robot_on_trial_can_be_left_without_a_trace_too(robot: SystemdMachine, host: Open) -> None:
    """Somebody changes his mind in the middle of an update."""
    before, token = robots_tree(robot), host.robots("invite", "on-trial")
    assert say(robot, "agent.run", "install", "--enrol", "-", "--within", "60", given=token).returncode == 0
    kill_at(robot, "mute.run", ["update", "--within", "600"], "verify")
    assert say(robot, "agent.run", "uninstall").returncode == 0
    assert robots_tree(robot) == before


def test_a_hanging_agent_is_started_again(installed: SystemdMachine) -> None:
    """Watched by systemd's watchdog; here the process is stopped, which no signal handler of it can mend."""
    folder = f"/run/systemd/system/{UNIT}.d"
    installed.run("mkdir", "-p", folder)
    installed.path(f"{folder}/short.conf").write_text("[Service]\nWatchdogSec=3\n")
    installed.run("sh", "-c", f"systemctl daemon-reload; systemctl restart {UNIT}")
    pid = main_pid(installed)
    installed.run("kill", "-STOP", str(pid))
    until(lambda: main_pid(installed) not in (0, pid), 60, "another one runs")
    installed.run("sh", "-c", f"rm -r {folder}; systemctl daemon-reload")
