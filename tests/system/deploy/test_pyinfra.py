"""The agent onto a robot by pyinfra, over a real sshd and sudo, with a real host beside it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.bundling.source import ROOT
from tests.robots import bundles
from tests.robots.ssh_machine import LAPTOP, PASSWORD, ROBOT, Bench, bench
from tests.robots.systemd_machine import NoCgroups
from tests.system.deploy.conftest import tree
from tests.waiting import until
from wachhund.ledger import Ledger

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
PYINFRA = ROOT / ".venv-pyinfra" / "bin" / "pyinfra"  # `make pyinfra`
WATCHED = ("/opt", "/etc", "/usr/local", "/var/lib", "/home", "/srv", "/run/wachhund-deploy", "/tmp")


@dataclass
class Desk:
    """Where somebody keeps his fleet by pyinfra. `folder`: his home; the host's data lies in it, and the bundles."""

    bench: Bench
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.folder),
                "PYTHONPATH": f"{ROOT}/agent:{ROOT}/host"}  # fmt: skip

    def run(self, *more: str, name: str = "rex") -> "subprocess.CompletedProcess[str]":
        """`pyinfra robots.py agent.py` as an operator says it; each word that it can print is printed."""
        data = {
            "ssh_user": "pi", "ssh_password": PASSWORD, "ssh_strict_host_key_checking": "yes",
            "ssh_look_for_keys": False, "_sudo_password": PASSWORD, "wachhund_bundles": "bundles",
            "wachhund_name": name, "wachhund": f"{sys.executable} -m wachhund", "wachhund_within": 60,
        }  # fmt: skip
        (self.folder / "robots.py").write_text(f"robots = [({ROBOT!r}, {data!r})]\n")
        argv = [PYINFRA, "-vvv", *more, "robots.py", ROOT / "deploy/pyinfra/agent.py"]
        done = self.bench.laptop.run(argv, cwd=self.folder, env=self.environ, timeout=240, check=False)
        said = done.stdout + done.stderr
        assert "wachhund1-" not in said and PASSWORD not in said, "a token, or the password, in what it prints"
        return done

    def status(self) -> dict[str, object]:
        robot = self.bench.robot
        if not robot.path("/opt/wachhund/current").is_symlink():
            return {}
        said = robot.run("python3", "-I", "-S", "-B", "/opt/wachhund/current/installer", "status", "--json")
        return dict(json.loads(said.stdout))

    def robots(self) -> dict[str, str]:
        with closing(Ledger.open(self.folder / ".local/share/wachhund/ledger.sqlite")) as ledger:
            return {robot.name: robot.state for robot in ledger.robots()}

    def robots_tree(self) -> dict[str, object]:
        robot = self.bench.robot
        return {folder: tree(robot.path(folder)) for folder in WATCHED if robot.path(folder).exists()}

    @property
    def known_hosts(self) -> Path:
        return self.folder / ".ssh" / "known_hosts"

    def uninstall(self) -> None:
        if self.status():
            self.bench.robot.run("python3", "-I", "-S", "-B", "/opt/wachhund/current/installer", "uninstall")

    def main_pid(self) -> str:
        return self.bench.robot.run("systemctl", "show", "--property=MainPID", "--value", "wachhund-agent").stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Desk]:
    if not PYINFRA.exists():
        pytest.skip("needs pyinfra: make pyinfra")
    folder = tmp_path_factory.mktemp("desk")
    with contextlib.ExitStack() as stack:
        try:
            made = Desk(stack.enter_context(bench(folder, os.environ.get("WACHHUND_AGENT_PYTHON"))), folder)
        except NoCgroups as error:
            pytest.skip(str(error))
        with made.bench.robot.path("/etc/ssh/sshd_config").open("a") as config:
            config.write("Subsystem sftp internal-sftp\n")  # as Debian's own file has it; pyinfra copies by it
        made.bench.restart_sshd()
        (folder / "bundles").mkdir()
        shutil.copy(bundle, folder / "bundles")
        log = folder / "serve.log"
        with log.open("wb") as out:
            host = made.bench.laptop.popen(
                [sys.executable, "-m", "wachhund", "serve", "--name", LAPTOP], env=made.environ, cwd=folder,
                stdout=out, stderr=out,
            )  # fmt: skip
        until(lambda: "wachhund: ready:" in log.read_text() or host.poll() is not None, 90, "the host is ready")
        assert host.poll() is None, log.read_text()
        try:
            yield made
        finally:
            host.send_signal(signal.SIGTERM)
            host.wait(30)


@pytest.fixture
def bare(desk: Desk) -> Desk:
    """The robot's SSH host key is known, and the agent is not on it."""
    keys = [desk.bench.robot.path(f"/etc/ssh/ssh_host_{kind}_key.pub").read_text() for kind in ("ed25519", "rsa")]
    (desk.folder / ".ssh").mkdir(mode=0o700, exist_ok=True)
    desk.known_hosts.write_text("".join(f"{ROBOT} {' '.join(key.split()[:2])}\n" for key in keys))
    desk.uninstall()
    return desk


def test_a_robot_whose_ssh_key_nobody_vouched_for_gets_nothing(bare: Desk) -> None:
    """A password, and then root, would go to whoever answers there."""
    bare.known_hosts.unlink()
    assert bare.run("-y").returncode != 0 and bare.status() == {}


def test_it_is_installed_enrolled_and_a_second_run_changes_nothing(bare: Desk) -> None:
    """And a dry run before it does nothing at all, also not at the host."""
    before, known = bare.robots_tree(), bare.robots()
    dry = bare.run("--dry")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert bare.robots_tree() == before and bare.robots() == known
    done = bare.run("-y")
    assert done.returncode == 0, done.stdout + done.stderr
    status = bare.status()
    assert status["enrolled"] and status["verified"] and bare.robots() == {**known, "rex": "new"}
    assert not bare.bench.robot.path("/run/wachhund-deploy").exists()
    pid, installed = bare.main_pid(), bare.robots_tree()
    again = bare.run("-y")
    assert again.returncode == 0, again.stdout + again.stderr
    assert bare.main_pid() == pid and bare.robots() == {**known, "rex": "new"}
    assert bare.robots_tree().keys() == installed.keys() and bare.robots_tree()["/opt"] == installed["/opt"]


def test_another_version_comes_by_an_update(bare: Desk) -> None:
    """The robot stays the one that it was."""
    assert bare.run("-y", name="bo").returncode == 0
    before, known = bare.status()["current"], bare.robots()
    newer = bundles.varied(next((bare.folder / "bundles").iterdir()), bare.folder / "bundles", "9.0.0")
    done = bare.run("-y", name="bo")
    newer.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    now = str(bare.status()["current"])
    assert now != before and now.startswith("9.0.0-") and bare.status()["verified"]
    assert bare.robots() == known


def test_a_name_that_is_taken_is_said_and_nothing_is_installed(bare: Desk) -> None:
    """The same board after it was cleaned is not let in by itself."""
    assert bare.run("-y", name="ann").returncode == 0
    bare.uninstall()
    done = bare.run("-y", name="ann")
    said = done.stdout + done.stderr
    assert done.returncode != 0 and re.search("no invitation for ann: .*there is one of that name", said), said
    assert bare.status() == {}
