"""`wachhund flash ssh`, from an operator's laptop with the unpacked host bundle to a robot with a real systemd, sshd
and sudo: the whole walk, each bad input, and the laptop or the connection lost at each step.

Two network namespaces with a cable between them: no internet, no name service, nothing of this clone on the robot. The
figures of docs/flash.md are from here.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots import bundles
from tests.robots.ssh_machine import PASSWORD, ROBOT, bench
from tests.robots.systemd_machine import NoCgroups, SystemdMachine
from tests.system.deploy.flash_bench import Laptop
from tests.system.deploy.steps import killed_at
from wachhund.flash import outcome

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON")


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory, bundle: Path, host_bundle: Path) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("flash")
    with contextlib.ExitStack() as stack:
        try:
            made = Laptop(stack.enter_context(bench(folder, _PYTHON)), folder)
        except NoCgroups as error:
            pytest.skip(str(error))
        shutil.copy(bundles.varied(bundle, folder, "9.0.0"), made.bench.robot.shared / "newer.run")
        for act, do in (("unpack", lambda: made.unpack(host_bundle)), ("serve", made.serve)):
            began = time.monotonic()
            do()
            made.seconds[act] = time.monotonic() - began
        yield made
        made.stop_serving()


@pytest.fixture
def known(laptop: Laptop) -> Laptop:
    """The robot's SSH host key was confirmed before."""
    known_robots = laptop.data / "known_robots"
    if not known_robots.exists() or ROBOT not in known_robots.read_text():
        done = laptop.flash("--fingerprint", laptop.fingerprint(), "--dry-run", "--name", "nobody")
        assert done.returncode == 0, done.stdout + done.stderr
    return laptop


@pytest.fixture
def clean(known: Laptop) -> Iterator[Laptop]:
    """Afterwards nothing of it is on the robot, whatever a test left there."""
    before = known.robots_tree()
    yield known
    done = known.flash("--uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert known.robots_tree() == before


@contextlib.contextmanager
def program(robot: SystemdMachine, name: str, script: str) -> Iterator[None]:
    """Another program of that name, which the robot's users find first."""
    path = robot.path(f"/usr/local/bin/{name}")
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    try:
        yield
    finally:
        path.unlink()


def test_a_robot_from_its_password_to_verified_and_back_without_a_trace(
    laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The walk "flashing a Go1". A person's acts: unpack, serve, one command, confirm the key, password, go on."""
    before, robot = laptop.robots_tree(), laptop.bench.robot
    began = time.monotonic()
    done = laptop.flash("--name", "rex", given=f"y\n{PASSWORD}\ny\n")
    took = time.monotonic() - began
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert said.splitlines()[-1] == "rex is verified" and done.stderr == ""
    assert laptop.fingerprint() in said
    assert PASSWORD not in said and "wachhund1-" not in said
    assert {"tcp", "process"} <= {line.split()[1] for line in said.splitlines() if line.startswith("sense ")}
    assert laptop.states()["rex"] == "active"
    detail = dict(laptop.acts("rex"))["accept"]
    assert "six words compared by program" in detail and laptop.fingerprint() in detail and f"pi@{ROBOT}" in detail
    assert not list((laptop.data / "flash").iterdir()), "no invitation is left"
    assert not list(robot.path("/run").glob("wachhund-flash.*"))

    again = laptop.flash("--name", "rex", "--yes")
    assert again.returncode == 0 and "(already)" in again.stdout, again.stdout + again.stderr
    off = laptop.flash("--uninstall", "--yes")
    assert off.returncode == 0 and "`wachhund robots retire rex`" in off.stdout, off.stdout + off.stderr
    assert laptop.robots_tree() == before
    assert laptop.flash("--uninstall", "--yes").stdout.splitlines()[-1] == "nothing of Wachhund was there"
    with capsys.disabled():
        acts = {**laptop.seconds, "flash, with key, password and yes": took}
        print(
            f"\n6 acts, {sum(acts.values()):.1f} s: {', '.join(f'{act} {s:.1f} s' for act, s in acts.items())}\n{said}"
        )


def test_a_dry_run_looks_and_changes_nothing(known: Laptop) -> None:
    """Not on the robot, and not in the fleet."""
    before, robots = known.robots_tree(), known.states()
    done = known.flash("--name", "dry", "--dry-run")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "nothing was changed", done.stdout + done.stderr
    assert "would " in done.stdout
    assert known.robots_tree() == before and known.states() == robots
    assert not list((known.data / "flash").iterdir())


def test_whoever_says_no_has_changed_nothing(known: Laptop) -> None:
    """The plan was shown first."""
    before = known.robots_tree()
    done = known.flash("--name", "no", given=f"{PASSWORD}\nn\n")
    known.refused(done, outcome.DECLINED, "nothing was changed")
    assert "plan" in done.stdout and known.robots_tree() == before


@pytest.mark.parametrize(
    ("robot", "given", "status", "words"),
    [
        (f"pi@{ROBOT}", "wrong\n", outcome.NO_LOGIN, "not let in: wrong password"),
        (f"pi@{ROBOT}", "", outcome.NO_LOGIN, "not let in"),
        (f"nobody@{ROBOT}", f"{PASSWORD}\n", outcome.NO_LOGIN, "not let in"),
        (f"guest@{ROBOT}", f"{PASSWORD}\n", outcome.NO_SUDO, "not in the sudoers file"),
        ("pi@192.168.123.99", f"{PASSWORD}\n", outcome.UNREACHABLE, "not reached by SSH"),
        (f"pi@{ROBOT}:1", f"{PASSWORD}\n", outcome.UNREACHABLE, "Connection refused"),
    ],
)
def test_who_does_not_get_in_is_told_why(known: Laptop, robot: str, given: str, status: int, words: str) -> None:
    """One line, its own exit status, nothing changed."""
    before = known.robots_tree()
    known.refused(known.flash("--name", "x", "--yes", robot=robot, given=given), status, words)
    assert known.robots_tree() == before and "x" not in known.states()


def test_a_host_key_that_nobody_confirmed_gets_no_password(known: Laptop) -> None:
    """Also with --yes, and with a fingerprint that is another's."""
    known.run("flash", "forget", ROBOT)
    for words, given in ((["--yes"], ""), ([], "n\n")):
        known.refused(known.flash(*words, given=given), outcome.UNKNOWN_KEY, "was not confirmed: compare SHA256:")
    other = "SHA256:" + "A" * 43
    known.refused(known.flash("--fingerprint", other), outcome.UNKNOWN_KEY, f"is SHA256:.*, not {other}")


def test_a_changed_host_key_is_refused_with_both_and_the_way_out(known: Laptop) -> None:
    """The way out is the one that the line says."""
    robot, before = known.bench.robot, known.fingerprint()
    path = "/etc/ssh/ssh_host_ed25519_key"
    robot.run("sh", "-c", f"rm {path}*; ssh-keygen -q -t ed25519 -N '' -f {path}")
    known.bench.restart_sshd()
    said = known.refused(known.flash("--yes"), outcome.CHANGED_KEY, "or somebody in between")
    assert before in said and known.fingerprint() in said and f"`wachhund flash forget {ROBOT}`" in said
    assert before in known.run("flash", "forget", ROBOT)
    done = known.flash("--fingerprint", known.fingerprint(), "--dry-run")
    assert done.returncode == 0, done.stderr


def test_a_robot_without_room_or_that_is_read_only_is_left_as_it_was(known: Laptop) -> None:
    """The installer's own words and statuses come through, and no invitation is left."""
    robot = known.bench.robot
    for options, status, words in (("size=8m", 15, "MB needed"), ("ro", 16, "mount -o remount,rw")):
        robot.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", "/opt")
        try:
            before = known.robots_tree()
            known.refused(known.flash("--name", "full", "--yes"), status, words)
            assert known.robots_tree() == before
        finally:
            robot.run("umount", "/opt")
    assert not list((known.data / "flash").iterdir()) and "full" not in known.states()
    assert known.flash("--name", "full", "--dry-run").returncode == 0, "the name is free"


def test_another_machine_and_a_clock_of_2021_are_seen_before_anything_is_sent(known: Laptop) -> None:
    """A 32-bit board is refused with the reason; a wrong clock is told and does not matter."""
    robot = known.bench.robot
    with program(robot, "uname", "echo armv7l"):
        known.refused(known.flash("--yes"), outcome.ARCHITECTURE, "armv7l: there are no libraries for 32-bit")
    with program(robot, "date", "echo 1614556800"):
        done = known.flash("--yes", "--dry-run")
    assert done.returncode == 0 and "2021-03-01 00:00 UTC (here it is" in done.stdout, done.stdout + done.stderr


def test_a_robot_that_says_wild_things_is_shown_as_text(known: Laptop) -> None:
    """Its model, its Python, its login greeting: whoever owns the robot chose them."""
    robot = known.bench.robot
    with program(robot, "systemctl", r"printf 'systemd \033[31m \342\200\256 evil\n'"):
        done = known.flash("--yes", "--dry-run")
    assert "\x1b" not in done.stdout and "\\x1b[31m \\u202e evil" in done.stdout, done.stdout + done.stderr


def test_without_its_host_a_robot_is_not_touched(known: Laptop, tmp_path: Path) -> None:
    """No host runs, or the folder is none, or the robot does not reach it: said before anything is sent."""
    before = known.robots_tree()
    known.stop_serving()
    try:
        known.refused(known.flash("--name", "x", "--yes"), outcome.NO_HOST, "does not answer .*start `wachhund serve`")
    finally:
        known.serve()
    done = known.bench.laptop.run(
        [known.folder / "host" / "wachhund", "flash", "ssh", ROBOT, "--data", tmp_path], check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "WACHHUND_PYTHON": os.environ.get("WACHHUND_PYTHON", "")},
    )  # fmt: skip
    assert done.returncode == 2 and "not a host's data folder" in done.stderr, done.stderr
    robot = known.bench.robot
    robot.run("nft", "add table ip test; add chain ip test o { type filter hook output priority 0; };"
              "add rule ip test o tcp dport 8443 reject")  # fmt: skip
    try:
        known.refused(known.flash("--name", "x", "--yes"), outcome.NO_HOST, "reaches no address of this host")
    finally:
        robot.run("nft", "delete", "table", "ip", "test")
    assert known.robots_tree() == before and "x" not in known.states()


def test_another_version_is_named_and_update_brings_this_one(clean: Laptop) -> None:
    """Forward by --update, back by --older; the robot stays itself."""
    robot = clean.bench.robot
    assert clean.flash("--name", "upd", "--yes").returncode == 0
    done = robot.run("sh", "/mnt/newer.run", "update", "--within", "60", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    clean.refused(clean.flash("--name", "upd", "--yes"), outcome.OTHER_VERSION, "9.0.0-.*flash with --update")
    clean.refused(clean.flash("--update", "--yes"), outcome.OTHER_VERSION, "--older")
    done = clean.flash("--update", "--older", "--yes")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "upd is verified", done.stdout + done.stderr
    assert clean.flash("--update", "--yes").returncode == 0, "once more is no fault"


def test_an_update_of_nothing_says_what_to_do(known: Laptop) -> None:
    """It is not installed by mistake."""
    known.refused(known.flash("--update", "--yes"), outcome.NOT_INSTALLED, "flash without --update")


def test_a_robot_of_another_host_is_left_to_it(clean: Laptop) -> None:
    """And so is a name that is another robot's."""
    assert clean.flash("--name", "theirs", "--yes").returncode == 0
    clean.run("robots", "revoke", "theirs")
    clean.refused(clean.flash("--name", "theirs", "--yes"), outcome.ELSEWHERE, "is revoked: --uninstall")
    assert clean.flash("--uninstall", "--yes").returncode == 0
    clean.refused(clean.flash("--name", "theirs", "--yes"), 2, "there is one of that name.*--replace")
    done = clean.flash("--name", "theirs", "--replace", "--yes")
    assert done.returncode == 0 and clean.states()["theirs"] == "active", done.stdout + done.stderr


@pytest.mark.parametrize("how", ["laptop", "connection"])
@pytest.mark.parametrize(
    "step",
    killed_at("installed", "copy", "unpack", "place", "switch", "unit", "enrol", "accept", "start", always=("accept",)),
)
def test_a_flash_that_was_lost_at_any_step_goes_on_when_it_is_said_again(clean: Laptop, step: str, how: str) -> None:
    """The laptop was closed (SIGKILL), or the radio was lost: the same command again, and nothing is there twice."""
    name = f"{how}-{step}"
    child = clean.start("--name", name, "--yes", given=f"{PASSWORD}\n")
    assert child.stdout is not None and child.stderr is not None
    for line in child.stdout:
        if line.startswith(step):
            break
    else:
        raise AssertionError(f"no step {step}: {child.stderr.read()}")
    if how == "laptop":
        child.kill()
        child.communicate(timeout=30)
    else:
        clean.bench.cut()
        _, errors = child.communicate(timeout=120)
        assert child.returncode == outcome.LOST and "say the same again" in errors, (child.returncode, errors)
    done = clean.flash("--name", name, "--yes")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == f"{name} is verified", done.stdout + done.stderr
    assert clean.states()[name] == "active"
    assert not list((clean.data / "flash").iterdir())


def test_many_robots_are_flashed_from_a_file_and_one_that_fails_stops_no_other(clean: Laptop, tmp_path: Path) -> None:
    """A result line each, and the exit status says that not all went well."""
    path = tmp_path / "fleet"
    path.write_text(
        f"pi@{ROBOT} fleet-1\n192.168.123.98 fleet-2 {clean.fingerprint()}\nguest@{ROBOT}:1 fleet-3 # no sshd there\n"
    )
    done = clean.flash("--from", path, "--yes", robot="")
    assert done.returncode == 1, done.stdout + done.stderr
    first, second, third = done.stdout.splitlines()[-3:]
    assert first == f"fleet-1  {ROBOT}  ok  fleet-1 is verified"
    assert second.startswith("fleet-2  192.168.123.98  failed (30)  ") and third.startswith("fleet-3  ")
    assert "failed (30)" in third
    assert clean.states().keys() >= {"fleet-1"} and "fleet-2" not in clean.states()
    path.write_text(f"{ROBOT} fleet-1\n")
    assert clean.flash("--from", path, "--update", "--yes", robot="").returncode == 0
