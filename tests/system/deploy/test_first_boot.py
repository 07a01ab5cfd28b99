"""A card that `wachhund flash image` made, on a robot with a real systemd: it installs, enrols, and goes.

The robot is tests/robots/systemd_machine.py. What lies in the image is put into its files by debugfs, as a boot from
the card would find it; everything from systemd's start of the unit on is real.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.hostile_cards.making import SECTOR
from tests.robots.cards import FIRST, card
from tests.robots.open_host import Open
from tests.robots.systemd_machine import SystemdMachine
from tests.waiting import until
from wachhund.flash import bundles, first_boot, host_side
from wachhund.flash.asking import Asking
from wachhund.flash.card_image import ImageWish, flash_image
from wachhund.flash.telling import Telling

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
_CONFIG = "/var/lib/private/wachhund/agent.json"


@pytest.fixture
def robot(machine: SystemdMachine) -> Iterator[SystemdMachine]:
    """Afterwards without Wachhund."""
    yield machine
    machine.run("systemctl", "stop", first_boot.UNIT, check=False)
    machine.run("python3", "-I", "-S", "-B", "/opt/wachhund/current/installer", "uninstall", check=False)
    machine.run("rm", "-rf", first_boot.FOLDER, first_boot.UNIT_FILE, first_boot.WANTED)


def put_card_in(robot: SystemdMachine, host: Open, bundle: Path, folder: Path, name: str) -> None:
    """Make a card for this robot, and give it what the card holds beyond its system."""
    tree = folder / "tree"
    for path, content in (
        ("etc/os-release", b"ID=debian\n"), ("etc/systemd/system/x.service", b""), ("var/lib/x", b""),
        ("usr/bin/python3.11", Path("/bin/true").read_bytes()),
    ):  # fmt: skip
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    image = card(tree, folder / "card.img", mib=32)
    wish = ImageWish(image, folder / "rex.img", name, 24.0, False, False)
    with host_side.opened(host.folder / "host") as side:
        flash_image(side, lambda _: bundles.read(bundle), wish, "op", Asking(yes=True), Telling())
    out = folder / "card"
    out.mkdir()
    commands = [f"rdump {first_boot.FOLDER} {out}", f"rdump {first_boot.UNIT_FILE} {out}"]
    subprocess.run(
        ["/usr/sbin/debugfs", "-f", "-", f"{wish.out}?offset={FIRST * SECTOR}"],
        input="\n".join(commands), text=True, check=True, capture_output=True,
    )  # fmt: skip
    into = robot.path(first_boot.FOLDER)
    subprocess.run(["cp", "-a", str(out / into.name), str(into)], check=True)
    subprocess.run(["cp", "-a", str(out / first_boot.UNIT), str(robot.path(first_boot.UNIT_FILE))], check=True)
    robot.path(first_boot.WANTED).symlink_to(first_boot.UNIT_FILE)
    robot.run("systemctl", "daemon-reload")
    assert robot.run("systemctl", "is-enabled", first_boot.UNIT).stdout.strip() == "enabled"


def is_gone(robot: SystemdMachine) -> bool:
    """Nothing of the first boot is left."""
    return not any(os.path.lexists(robot.path(path)) for path in (
        first_boot.FOLDER, first_boot.UNIT_FILE, first_boot.WANTED,
    ))  # fmt: skip


def is_running(robot: SystemdMachine) -> bool:
    return robot.run("systemctl", "is-active", "wachhund-agent.service", check=False).stdout.strip() == "active"


def state_at(host: Open, robot: SystemdMachine) -> str:
    host.robot = json.loads(robot.path(_CONFIG).read_text())["robot"]
    with closing(host.ledger()) as ledger:
        return ledger.robot(host.robot).state


def seen(host: Open, kind: str, word: str) -> bool:
    """Whether the robot told of something."""
    with closing(host.ledger()) as ledger:
        return bool(ledger.observations_holding(0, ledger.last_observation(), host.robot, [kind], [word])[1])


def test_a_robot_started_with_the_card_enrols_and_nothing_of_the_first_start_is_left(
    robot: SystemdMachine, host: Open, bundle: Path, tmp_path: Path
) -> None:
    """Its evidence is taken, its key is its own, and how the first start took itself away is no alarm."""
    put_card_in(robot, host, bundle, tmp_path, "rex")
    robot.run("systemctl", "start", first_boot.UNIT)
    until(lambda: is_gone(robot) and is_running(robot), 120, "it is installed, enrolled and running")
    assert state_at(host, robot) == "new"
    said = robot.run("journalctl", "--unit", first_boot.UNIT).stdout
    assert "not now: it starts with the robot" in said  # it starts it itself, when it has taken itself away
    assert re.search("(?<![a-z])[a-z]{5}(?: [a-z]{5}){5}(?![a-z])", said), "the words to be compared"
    until(lambda: host.tokens() > 0, 60, "its evidence is taken")
    key = next(robot.path("/var/lib/private/wachhund").glob("*.key"))
    assert key.stat().st_mode & 0o777 == 0o600
    until(lambda: seen(host, "config.state", "persistence-baseline"), 60, "it has looked at what starts by itself")
    taken = host.tokens()
    until(lambda: host.tokens() > taken, 60, "more of its evidence is taken")
    assert not seen(host, "persistence.change", "first-boot")
    with closing(host.ledger()) as ledger:
        assert [one["title"] for one in ledger.incidents(host.robot)] == []


def test_where_no_host_is_reached_it_installs_once_and_tries_until_one_is(
    robot: SystemdMachine, host: Open, bundle: Path, tmp_path: Path
) -> None:
    """The card is written once, not with each try."""
    put_card_in(robot, host, bundle, tmp_path, "bo")
    host.stop_host()
    robot.run("systemctl", "start", first_boot.UNIT)
    current = robot.path("/opt/wachhund/current")
    until(current.is_symlink, 120, "it is installed")
    inode = current.stat().st_ino
    until(lambda: robot.run("pgrep", "-x", "sleep", check=False).returncode == 0, 60, "it waits after a try")
    assert robot.path(f"{first_boot.FOLDER}/token").exists() and not robot.path(_CONFIG).exists()
    host.start_host()
    until(lambda: is_gone(robot) and is_running(robot), 120, "it is enrolled and running")
    assert state_at(host, robot) == "new" and current.stat().st_ino == inode


def test_cut_off_at_any_moment_the_next_start_goes_on(
    robot: SystemdMachine, host: Open, bundle: Path, tmp_path: Path
) -> None:
    """kill -9 of all of it: on the way, when its key is made, and when it has enrolled."""
    put_card_in(robot, host, bundle, tmp_path, "zoe")
    state = robot.path("/var/lib/private/wachhund")
    for moment in (0.2, 0.7, 1.2, 2.0, 3.0):
        start(robot)
        time.sleep(moment)
        kill(robot)
    for came in (lambda: state.is_dir() and list(state.glob("*.key")), robot.path(_CONFIG).exists):
        start(robot)
        while is_active(robot) and not came():
            pass
        kill(robot)
    robot.run("systemctl", "daemon-reload")
    robot.run("systemctl", "start", "multi-user.target")  # what a robot's start does, with the agent where it is there
    until(lambda: is_gone(robot) and is_running(robot), 120, "it is installed, enrolled and running")
    assert state_at(host, robot) == "new"
    until(lambda: seen(host, "config.state", "persistence-baseline"), 60, "it has looked at what starts by itself")
    assert not seen(host, "persistence.change", "first-boot")


def start(robot: SystemdMachine) -> None:
    """Unless it was done already, and is gone: a machine may be fast. Nobody starts one so often (reset-failed)."""
    robot.run("systemctl", "reset-failed", first_boot.UNIT, check=False)
    robot.run("systemctl", "start", first_boot.UNIT, check=False)


def kill(robot: SystemdMachine) -> None:
    robot.run("systemctl", "kill", "--signal=KILL", first_boot.UNIT, check=False)
    until(lambda: not is_active(robot), 20, "it has ended")


def is_active(robot: SystemdMachine) -> bool:
    return robot.run("systemctl", "is-active", first_boot.UNIT, check=False).stdout.strip() == "active"
