"""`wachhund audit ssh`, from a laptop to a robot with a real systemd, sshd and sudo: a report, and nothing left."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.robots.ssh_machine import PASSWORD, ROBOT, Bench
from tests.system.deploy.conftest import tree

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300), pytest.mark.needs_root("a systemd of its own")]
_LOOKED_AT = ("/etc", "/home", "/opt", "/usr/local", "/tmp", "/var/tmp", "/var/lib/dpkg")


def audit(robot: Bench, folder: Path, *words: str, given: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
    environ.pop("SSH_AUTH_SOCK", None)
    child: subprocess.Popen[str] = robot.laptop.popen(
        [sys.executable, "-m", "wachhund", "audit", "ssh", f"pi@{ROBOT}", "--minutes", "0", "--out", str(folder),
         *words],
        env=environ, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        out, errors = child.communicate(given, timeout=120)
    finally:
        child.kill()
        child.wait(10)
    assert PASSWORD not in out + errors
    return subprocess.CompletedProcess(child.args, child.returncode, out, errors)


def _fingerprint(robot: Bench) -> str:
    found = re.search(r"SHA256:\S+", robot.robot.run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").stdout)
    assert found is not None
    return found[0]


def _programs(robot: Bench) -> set[str]:
    lines = robot.robot.run("ps", "-eo", "args=").stdout.splitlines()
    return {line for line in lines if "sshd: " not in line and not line.startswith(("ps ", "["))}


def test_a_report_is_made_and_nothing_of_it_is_left_on_the_robot(robot: Bench, tmp_path: Path) -> None:
    before = {folder: tree(robot.robot.path(folder)) for folder in _LOOKED_AT if robot.robot.path(folder).exists()}
    programs = _programs(robot)
    done = audit(
        robot, tmp_path, "--fingerprint", _fingerprint(robot), "--challenge", "seven blue horses", given=f"{PASSWORD}\n"
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "CloudSail is installed and was enrolled" in done.stdout
    report = json.loads((tmp_path / f"{ROBOT}-audit.json").read_text())["report"]
    assert report["subject"]["host_key"] == _fingerprint(robot) and report["model"]["name"] == "go1"
    check = [sys.executable, "-m", "wachhund", "verify", str(tmp_path / f"{ROBOT}-audit.html")]
    assert subprocess.run(check, timeout=60, check=False, capture_output=True).returncode == 0
    assert {folder: tree(robot.robot.path(folder)) for folder in before} == before
    assert _programs(robot) == programs


def test_a_password_that_is_wrong_and_a_key_that_is_not_confirmed_end_it_with_one_line(
    robot: Bench, tmp_path: Path
) -> None:
    for words, given, said in (
        (["--fingerprint", _fingerprint(robot)], "not the password\n", "not let in"),
        ([], f"n\n{PASSWORD}\n", "was not confirmed"),
    ):
        done = audit(robot, tmp_path, *words, given=given)
        assert done.returncode == 2 and said in done.stderr
        assert not list(tmp_path.glob("*audit*"))
