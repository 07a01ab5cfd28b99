"""The host as a service of a machine with a real systemd, by the recipes of docs/server.md as they stand there.

The machine is tests/robots/systemd_machine.py: it shares this machine's kernel and network.
"""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.bundling.source import ROOT
from tests.recipes import recipe
from tests.robots.ports import free_port
from tests.robots.systemd_machine import NoCgroups, SystemdMachine
from tests.waiting import until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
UNIT, HOME, BACKUPS = "wachhund-host.service", "/var/lib/wachhund-host", "/var/lib/wachhund-host-backups"
DATA = f"{HOME}/.local/share/wachhund"


class Server:
    """The machine with the service on it. `web`: where its pages are. `way_in`: what it told how to log in."""

    def __init__(self, machine: SystemdMachine) -> None:
        self.machine, self.web = machine, free_port()
        self.doors = (free_port(), free_port())
        self.way_in = ""

    def follow(self, name: str, folder: str = "/root", **environ: str) -> str:
        """Do what a recipe says. Returns what was printed."""
        return self.machine.run("sh", "-euc", f"cd {folder}\n{recipe(name)}", environ=environ).stdout

    def configure(self, *more: str) -> None:
        broker, enrol = self.doors
        words = ["--name", "127.0.0.1", "--listen", f"127.0.0.1:{self.web}", "--broker-listen", f"0.0.0.0:{broker}",
                 "--enrol-listen", f"0.0.0.0:{enrol}", *more]  # fmt: skip
        self.machine.path("/etc/wachhund-host.conf").write_text(f"WACHHUND_SERVE={' '.join(words)}\n")

    def shows(self, what: str, unit: str = UNIT) -> str:
        return self.machine.run("systemctl", "show", f"--property={what}", "--value", unit).stdout.strip()

    def wachhund(self, *words: str) -> str:
        return self.machine.run("sudo", "-u", "wachhund-host", "wachhund", *words).stdout

    def register(self, name: str) -> None:
        """A robot of that name, with a key of its own."""
        key = f"/tmp/{name}.key"
        self.machine.run("sudo", "-u", "wachhund-host", "/opt/wachhund-host/bin/wachhund-agent", "keygen", key)
        self.wachhund("robots", "add", name, "--key", f"{key}.pub", "--out", f"/tmp/{name}.json")

    def backups(self) -> list[str]:
        return sorted(path.name for path in self.machine.path(BACKUPS).iterdir())

    def is_ready_again(self, before: str) -> bool:
        return self.shows("MainPID") not in ("0", before) and self.shows("ActiveState") == "active"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[Server]:
    """Installed and started, with a robot; afterwards taken away."""
    with contextlib.ExitStack() as stack:
        try:
            machine = stack.enter_context(SystemdMachine(tmp_path_factory.mktemp("server")))
        except NoCgroups as error:
            pytest.skip(str(error))
        shutil.copytree(wheels, machine.shared / "wheels")
        shutil.copytree(ROOT / "deploy" / "systemd", machine.shared / "systemd")
        made = Server(machine)
        made.configure()
        made.follow("install", "/mnt/wheels")
        made.follow("service", "/mnt/systemd")
        assert machine.path(f"{DATA}/first-login").stat().st_mode & 0o777 == 0o600
        made.way_in = made.follow("way in")
        made.register("rex")
        yield made
        made.follow("away")
        found = machine.run("sh", "-c", "find /etc /opt /usr/local -xdev -name '*wachhund*' || true").stdout.split()
        assert found == ["/etc/wachhund-host.conf"], "what somebody wrote himself"
        assert made.shows("LoadState") == "not-found"
        assert machine.path(f"{DATA}/ledger.sqlite").exists()


def test_it_is_ready_when_systemd_says_so_and_the_way_in_is_in_no_log(server: Server) -> None:
    """Whoever may read the system's log would else have the password."""
    assert server.shows("ActiveState") == "active" and server.shows("StatusText").startswith("ready: http://")
    said = server.way_in
    password, code = re.findall(r"password (\S+)|/login#(\S+)", said)[0][0], said.split("/login#")[1].split()[0]
    assert not server.machine.path(f"{DATA}/first-login").exists()
    logged = server.machine.run("journalctl", "--no-pager", "-u", UNIT).stdout
    assert "how to log in stands in" in logged and password not in logged and code not in logged
    with httpx.Client(base_url=f"http://127.0.0.1:{server.web}", timeout=20) as client:
        assert client.post("/login", data={"name": "admin", "password": password}).status_code == 303
        assert client.get("/api/v1/fleet").status_code == 200


def test_its_commands_reach_its_data_by_its_user(server: Server) -> None:
    """And nobody else of the machine does."""
    server.follow("commands")
    assert server.wachhund("robots", "invite", "ann").splitlines()[-1].startswith("wachhund1-")
    server.register("joe")
    assert "joe" in server.wachhund("robots", "list")
    owners = {path.lstat().st_uid for path in server.machine.path(DATA).rglob("*")}
    assert owners == {server.machine.path(DATA).stat().st_uid} and 0 not in owners
    refused = server.machine.run("sudo", "-u", "nobody", "ls", DATA, check=False)
    assert refused.returncode != 0 and "Permission denied" in refused.stderr


def test_the_running_service_can_do_no_more_than_it_must(server: Server) -> None:
    """By the kernel's word."""
    pid = server.shows("MainPID")
    status = server.machine.path(f"/proc/{pid}/status").read_text()
    assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE) and "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    broker = server.machine.path(f"{DATA}/broker/broker.log").read_text()
    assert not re.findall(r"(?i)operation not permitted|permission denied", broker), broker
    places = "/etc /opt /home /dev /var/lib /sys"
    tried = f"for f in {places}; do touch $f/probe && echo $f; done; ls /home /root; touch {HOME}/probe && echo mine"
    uid = server.machine.path(DATA).stat().st_uid
    done = server.machine.run(
        "nsenter", "-t", pid, "-m", "-r", "-w", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
        "--no-new-privs", "sh", "-c", tried, check=False,
    )  # fmt: skip
    assert done.stdout.split() in (["mine"], ["/home:", "mine"]), done.stdout
    server.machine.path(f"{HOME}/probe").unlink()


def test_it_is_started_again_after_a_kill_and_when_it_turns_no_more(server: Server) -> None:
    """Its broker ends with it, else the ports were taken; and a host that hangs is as good as none."""
    before = server.shows("MainPID")
    server.machine.run("kill", "-KILL", before)
    until(lambda: server.is_ready_again(before), 60, "it is ready again")
    assert "rex" in server.wachhund("robots", "list")
    drop_in = server.machine.path(f"/etc/systemd/system/{UNIT}.d/quick.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=6\nTimeoutAbortSec=1\n")
    server.machine.run("systemctl", "daemon-reload")
    server.machine.run("systemctl", "restart", UNIT)
    before, restarts = server.shows("MainPID"), server.shows("NRestarts")
    fed = server.shows("WatchdogTimestampMonotonic")
    until(lambda: server.shows("WatchdogTimestampMonotonic") != fed, 20, "it gives a sign of life")
    assert server.shows("NRestarts") == restarts
    server.machine.run("kill", "-STOP", before)
    until(lambda: server.is_ready_again(before), 90, "systemd has seen that it hangs")
    shutil.rmtree(drop_in.parent)
    server.machine.run("systemctl", "daemon-reload")


def test_options_that_cannot_be_used_are_a_line_in_its_log(server: Server) -> None:
    """And mended, it starts by itself."""
    server.configure("--pages-at", "nonsense")
    server.machine.run("systemctl", "restart", "--no-block", UNIT)
    line = "wachhund: --pages-at: 'nonsense': give the address"
    until(lambda: line in server.machine.run("journalctl", "--no-pager", "-u", UNIT).stdout, 60, "the log says why")
    server.configure()
    until(lambda: server.shows("ActiveState") == "active", 60, "it is ready again")


def test_a_backup_is_made_drilled_and_restored(server: Server) -> None:
    """Old ones go only once a new one is whole."""
    server.follow("backup now")
    (first,) = server.backups()
    old = f"{BACKUPS}/2026-01-01T03-00-00Z"
    server.machine.run("mv", f"{BACKUPS}/{first}", old)
    server.machine.run("touch", "-d", "40 days ago", old)
    printed = server.follow("backup now")
    (newest,) = server.backups()
    assert newest not in old and newest in printed
    folder = f"{BACKUPS}/{newest}"
    assert "rex" in server.follow("drill", FOLDER=folder)
    server.register("bo")
    server.machine.run("systemctl", "stop", UNIT)
    server.machine.run("mv", DATA, f"{HOME}/old")
    server.follow("restore", FOLDER=folder)
    listed = server.wachhund("robots", "list")
    assert "rex" in listed and "bo" not in listed
    assert server.shows("ActiveState") == "active"
    assert server.shows("NextElapseUSecRealtime", "wachhund-host-backup.timer"), "the next one is due"
