"""A robot with a real systemd, sshd and sudo, and a laptop beside it: two network namespaces and a cable, nothing else.

The user pi logs in with a password and may become root with it, guest may not. Needs root.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.robots.go1.namespace import Namespace
from tests.robots.systemd_machine import SystemdMachine
from tests.waiting import until

ROBOT, LAPTOP = "192.168.123.161", "192.168.123.100"
PASSWORD = "as it stands on the card"  # a stock robot's is 123, which can't be looked for in what was said
_PREPARE = """
set -eu
useradd -m -s /bin/bash pi
useradd -m -s /bin/sh guest
printf 'pi:%s\\nguest:%s\\n' "$1" "$1" | chpasswd
echo 'pi ALL=(ALL:ALL) ALL' > /etc/sudoers.d/pi
chmod 440 /etc/sudoers.d/pi
printf '%s\\n' "$1" | su pi -c 'sudo -S -p "" true'  # its lecture leaves a file, once
rm -f /etc/ssh/ssh_host_* /run/nologin  # the unit that lets users in is masked
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
ssh-keygen -q -t rsa -b 2048 -N '' -f /etc/ssh/ssh_host_rsa_key
printf '%s\\n' 'PasswordAuthentication yes' 'UsePAM yes' 'PermitRootLogin no' 'MaxStartups 60' > /etc/ssh/sshd_config
mkdir -p /run/sshd
systemd-run --quiet --unit=robots-sshd /usr/sbin/sshd -D
"""


class Bench:
    """`robot`: its files and commands as root. `laptop`: where the host and its commands are started."""

    def __init__(self, robot: SystemdMachine, laptop: Namespace) -> None:
        self.robot, self.laptop = robot, laptop

    def restart_sshd(self) -> None:
        self.robot.run("systemctl", "restart", "robots-sshd")
        self.wait_for_sshd()

    def wait_for_sshd(self) -> None:
        def answers() -> bool:
            done = self.laptop.run(["ssh-keyscan", "-T", "2", ROBOT], check=False)
            return "ssh-ed25519" in done.stdout

        until(answers, 30, "sshd answers")

    def hide_this_machine(self) -> None:
        """What the machine that runs the test has beside its packages is not on the robot."""
        for place in ("/opt", "/tmp", "/usr/local", "/var/tmp"):
            self.robot.run("mount", "-t", "tmpfs", "tmpfs", place)

    def become_a_go1(self, root: Path) -> None:
        """With the maker's files, as they lie below that folder."""
        self.hide_this_machine()
        for part in ("home/pi/Unitree", "usr/local/zhexi"):
            for path in (root / part).rglob("*"):
                if path.is_file():
                    there = self.robot.path("/") / path.relative_to(root)
                    there.parent.mkdir(parents=True, exist_ok=True)
                    there.write_bytes(path.read_bytes())
                    there.chmod(0o755)

    def cut(self) -> None:
        """End all SSH sessions, as a lost radio would in the end: what ran in them gets no word."""
        said = self.robot.run("ps", "-eo", "pid=,args=", check=True).stdout
        mine = [line.split()[0] for line in said.splitlines() if " sshd: " in line and "/usr/sbin/sshd -D" not in line]
        self.robot.run("kill", "-KILL", *mine, check=False)


@contextlib.contextmanager
def bench(folder: Path, python: str | None = None) -> Iterator[Bench]:
    """Raises NoCgroups."""
    tag = f"wachhund-flash-{os.getpid()}"
    names = [f"{tag}-robot", f"{tag}-laptop"]
    try:
        robots, laptop = (Namespace(name, folder / f"{name}.out") for name in names)
        robots.ip(
            "link set lo up", f"link add eth0 type veth peer name eth0 netns {laptop.name}", "link set eth0 up",
            f"addr add {ROBOT}/24 dev eth0",
        )  # fmt: skip
        laptop.ip("link set lo up", "link set eth0 up", f"addr add {LAPTOP}/24 dev eth0")
        with SystemdMachine(folder / "robot", python, Path(f"/run/netns/{robots.name}")) as robot:
            robot.run("sh", "-c", _PREPARE, "sh", PASSWORD)
            made = Bench(robot, laptop)
            made.wait_for_sshd()
            yield made
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=10)
