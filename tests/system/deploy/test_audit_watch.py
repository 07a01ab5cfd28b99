"""`wachhund audit ssh` watches a robot with a real systemd, sshd and sudo, from the unpacked host bundle of a laptop.

Nothing is installed: whatever ends it, and when, the robot is as it was.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.robots.ssh_machine import LAPTOP, PASSWORD, ROBOT, Bench, bench
from tests.robots.systemd_machine import NoCgroups
from tests.system.deploy.conftest import tree
from tests.waiting import until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
_LOOKED_AT = ("/etc", "/home", "/mnt", "/opt", "/run", "/srv", "/tmp", "/usr/local", "/var/lib/private", "/var/tmp")
# What logind, sudo and the journal note of whoever logs in and becomes root, whatever he does there.
_OF_LOGINS = ("log/", "motd.dynamic", "sudo/", "systemd/", "udev/", "user/", "utmp")
_OWN = ("wachhund", "unshare --mount")
# A guest who is logged in for as long as its standard input is open.
_GUEST = """
import asyncio, asyncssh, sys
async def main():
    settings = {"username": "guest", "password": sys.argv[2], "known_hosts": None, "config": None}
    async with asyncssh.connect(sys.argv[1], **settings) as one:
        process = await one.create_process("echo in; cat")
        print((await process.stdout.readline()).strip(), flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


class Robot:
    """The bench, and the laptop's unpacked host."""

    def __init__(self, made: Bench, host: Path) -> None:
        self.made, self.host = made, host

    def start(self, folder: Path, *words: str) -> "subprocess.Popen[str]":
        environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder)}
        child: subprocess.Popen[str] = self.made.laptop.popen(
            [self.host / "wachhund", "audit", "ssh", f"pi@{ROBOT}", "--out", str(folder), *words],
            env=environ, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(f"y\n{PASSWORD}\n")
        child.stdin.flush()
        return child

    def state(self) -> dict[str, object]:
        """What is on it, and what runs; but for sshd's own."""
        files = {folder: tree(self.made.robot.path(folder)) for folder in _LOOKED_AT
                 if self.made.robot.path(folder).is_dir()}  # fmt: skip
        for name in [name for name in files["/run"] if name.startswith(_OF_LOGINS)]:
            del files["/run"][name]
        found = {f"{folder}/{name}": what for folder, names in files.items() for name, what in names.items()}
        return {**found, "mounts": self.made.robot.run("cat", "/proc/self/mounts").stdout, "runs": self.programs()}

    def programs(self) -> set[str]:
        lines = self.made.robot.run("ps", "-eo", "args=").stdout.splitlines()
        return {line for line in lines if "sshd: " not in line and not line.startswith(("ps ", "["))}

    def is_ours_there(self) -> bool:
        return any(mark in line for line in self.programs() for mark in _OWN)


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory, host_bundle: Path) -> Iterator[Robot]:
    folder = tmp_path_factory.mktemp("watch")
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(bench(folder))
        except NoCgroups as error:
            pytest.skip(str(error))
        made.hide_this_machine()
        made.robot.run("systemd-run", "--quiet", "--unit=door", "/usr/bin/python3", "-m", "http.server", "8099")
        environ = {"PATH": "/usr/bin:/bin", "WACHHUND_PYTHON": os.path.realpath(sys.executable)}
        made.laptop.run(["sh", host_bundle, "--into", folder / "host"], cwd=folder, env=environ, timeout=120)
        yield Robot(made, folder / "host")


def _changed(before: dict[str, object], after: dict[str, object]) -> dict[str, tuple[object, object]]:
    """What is new, gone or another."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {name: (before.get(name), after.get(name)) for name in names}


def _until_watching(child: "subprocess.Popen[str]") -> None:
    assert child.stderr is not None
    said = []
    for line in child.stderr:
        said.append(line)
        if line.startswith("watching for"):
            return
    raise AssertionError("".join(said))


def test_who_comes_in_and_what_listens_stands_in_the_report_and_nothing_is_left(robot: Robot, tmp_path: Path) -> None:
    before = robot.state()
    child = robot.start(tmp_path, "--minutes", "0.5")
    try:
        _until_watching(child)
        guest: subprocess.Popen[str] = robot.made.laptop.popen(
            [sys.executable, "-c", _GUEST, ROBOT, PASSWORD],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with guest:
            assert guest.stdout is not None and guest.stdin is not None
            assert guest.stdout.readline() == "in\n"
            time.sleep(5)  # it stays for a while, as people do
            guest.stdin.close()
        out, errors = child.communicate(timeout=180)
    finally:
        child.kill()
        child.wait(10)
    assert child.returncode in (0, 3, 4) and PASSWORD not in out + errors, out + errors
    report = json.loads((tmp_path / f"{ROBOT}-audit.json").read_text())["report"]
    answers = {one["name"]: one for one in report["answers"]}
    (sessions,) = answers["watched-sessions"]["findings"]
    assert any("guest" in line and LAPTOP in line for line in sessions["proof"]), sessions
    assert any("pi" in line and "this audit comes from there" in line for line in sessions["proof"]), sessions
    (listeners,) = answers["watched-listeners"]["findings"]
    assert any(":8099" in line and "python3" in line for line in listeners["proof"]), listeners
    assert answers["watched-incidents"]["findings"] == [], "its own coming and going is none"
    told = (tmp_path / f"{ROBOT}-observations.jsonl").read_bytes()
    assert report["watched"]["sha256"] == hashlib.sha256(told).hexdigest()
    assert report["watched"]["observations"] == told.count(b"\n") and report["watched"]["seconds"] >= 29
    page = tmp_path / f"{ROBOT}-audit.html"
    words = [robot.host / "wachhund", "verify", page, "--observations", tmp_path / f"{ROBOT}-observations.jsonl"]
    checked = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    judged = subprocess.run(
        [robot.host / "wachhund", "judge", tmp_path / f"{ROBOT}-observations.jsonl"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert judged.returncode == 0 and judged.stderr == "", judged.stderr
    until(lambda: not robot.is_ours_there(), 20, "nothing of it runs there")
    assert _changed(before, robot.state()) == {}


def test_an_interrupt_ends_the_watch_and_the_report_says_for_how_long(robot: Robot, tmp_path: Path) -> None:
    child = robot.start(tmp_path, "--minutes", "30")
    try:
        _until_watching(child)
        time.sleep(5)
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait(10)
    assert child.returncode in (3, 4), out + errors
    report = json.loads((tmp_path / f"{ROBOT}-audit.json").read_text())["report"]
    assert any("of 1800 s" in missed for one in report["answers"] for missed in one["missed"])
    assert report["watched"]["observations"] > 0


@pytest.mark.parametrize(
    "how",
    ["the laptop's program is killed", pytest.param("the robot's sshd is killed", marks=pytest.mark.exhaustive)],
)
def test_whatever_ends_it_and_when_nothing_is_left(robot: Robot, tmp_path: Path, how: str) -> None:
    """Ten moments from the log-in to the watch."""
    before = robot.state()

    def at(moment_s: float, end: Callable[["subprocess.Popen[str]"], None]) -> None:
        child = robot.start(tmp_path, "--minutes", "30")
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(moment_s)
            end(child)
        finally:
            child.kill()
            child.wait(10)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()

    def kill(child: "subprocess.Popen[str]") -> None:
        child.kill() if how.startswith("the laptop") else robot.made.cut()

    for moment_s in (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10):
        at(moment_s, kill)
        until(lambda: not robot.is_ours_there(), 30, f"nothing of it runs there, ended after {moment_s} s")
    assert _changed(before, robot.state()) == {}
