"""A running robot's files by SSH: the same answers as from its card, and nothing of it stays there."""

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.robots.ssh_robot import PASSWORD, SshRobot, the_password
from tests.unit.host.inspection import robot_tree
from wachhund.cli import main
from wachhund.flash.asking import Asking
from wachhund.flash.known_robots import fingerprint
from wachhund.flash.logging_in import Way
from wachhund.flash.outcome import NO_SUDO, STRANGE, UNKNOWN_KEY, FlashRefused
from wachhund.inspection.examining import PLACES, examine
from wachhund.inspection.finding import NOT_SEEN, Answer
from wachhund.inspection.over_ssh import Fetched, fetch
from wachhund.robot_tree.files import CannotLook, Files
from wachhund.robot_tree.folder import Folder


def fetched(
    folder: Path, root: Path, sudo: str = "asks", programs: dict[str, str] | None = None, answer: str = "y\n",
    wanted: str | None = None,
) -> Fetched:  # fmt: skip
    """What comes of a robot whose / is `root`. `answer`: to the question about its SSH host key."""

    async def act() -> Fetched:
        async with SshRobot(folder, sudo, programs) as robot:
            told: list[str] = []
            asking, way = Asking(input=io.StringIO(answer)), Way(the_password)
            found = await fetch(robot.target, wanted, asking, way, PLACES, told.append, str(root))
            assert found.host_key == fingerprint(robot.pinned) and found.host_key in told[0]
            assert PASSWORD not in " ".join(robot.commands)
            return found

    return asyncio.run(act())


def answers_of(found: Fetched) -> dict[str, Answer]:
    return {answer.name: answer for answer in examine(Files(found.archive))[1]}


@pytest.mark.parametrize("state", [robot_tree.stock, robot_tree.enrolled, robot_tree.cleaned])
def test_a_running_robot_answers_as_its_card_does(tmp_path: Path, state: Callable[[Path], Path]) -> None:
    """Level, title, proof and places of every finding; only what was looked at in vain may be less."""
    root = state(tmp_path / "robot")
    (root / "home/pi/Unitree/autostart/a name with\nodd 'characters").write_text("x")
    (root / "etc/profile.d").mkdir()
    (root / "etc/profile.d/leads-out.sh").symlink_to("/etc/shadow")
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    found = fetched(tmp_path, root)
    folder = Folder(root)
    try:
        robot, live = examine(Files(folder))
    finally:
        folder.close()
    assert robot.name == "go1"
    assert {name: one.to_json() for name, one in answers_of(found).items()} == {one.name: one.to_json() for one in live}
    assert {path: path.lstat().st_mtime_ns for path in root.rglob("*")} == before, "nothing is written there"


def test_what_lies_outside_of_the_usual_places_is_asked_for_too(tmp_path: Path) -> None:
    """The keys of root and of every other user, and settings that came with packages: an audit over SSH called a robot
    clean that its card showed to be open."""
    root = robot_tree.stock(tmp_path / "robot")
    users = "root:x:0:0::/root:/bin/sh\nlab:x:1001:1001::/srv/the lab:/bin/sh\nlab2:x:1002:1002::/srv/the lab:/bin/sh\n"
    robot_tree.write(root, "etc/passwd", f"{users}no:x:1:1::/nonexistent:/bin/false\nbin:x:2:2::/:/bin/false\n")
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== somebody\n"
    homes = {"/root", "/srv/the lab", "/home/pi"}
    for home in homes:
        robot_tree.write(root, f"{home[1:]}/.ssh/authorized_keys", key)
    robot_tree.write(root, "usr/lib/sysctl.d/50-router.conf", "net.ipv4.ip_forward = 1\n")
    answers = answers_of(fetched(tmp_path, root))
    (keys,) = (one for one in answers["remote-login"].findings if one.name == "authorized-keys")
    folder = Folder(root)
    try:
        live = {one.name: one for one in examine(Files(folder))[1]}
    finally:
        folder.close()
    assert {line.partition("/.ssh/")[0] for line in keys.proof} == homes - {"/home/pi"}
    assert any("50-router.conf" in line for one in answers["forwarding"].findings for line in one.proof)
    assert answers["remote-login"] == live["remote-login"] and answers["forwarding"] == live["forwarding"]


def test_files_that_no_question_reads_do_not_travel(tmp_path: Path) -> None:
    """A recording of an hour would; it is larger than a program may be."""
    root = robot_tree.stock(tmp_path / "robot")
    with (root / "home/pi/recording.bag").open("wb") as stream:
        stream.truncate(64 << 30)
    assert fetched(tmp_path, root).archive.place("/home/pi/recording.bag") is None


def test_of_a_robot_that_is_lost_in_the_middle_what_came_is_told_and_the_rest_as_not_seen(tmp_path: Path) -> None:
    """Its shell is killed behind the first pieces; what may be in a folder that was cut is not said to be absent."""
    root = robot_tree.enrolled(tmp_path / "robot")
    for number in range(400):  # in etc/ssh, which is sent behind the units
        robot_tree.write(root, f"etc/ssh/key-{number}", os.urandom(4096))
    cut = '#!/bin/sh\n/usr/bin/base64 "$@" | head -n 8\nkill -9 "$(ps -o ppid= -p $$ | tr -d " ")"\n'
    found = fetched(tmp_path, root, programs={"base64": cut})
    assert found.lost is not None
    answers = answers_of(found)
    assert answers["default-passwords"].findings, "what came is judged"
    assert answers["old-packages"].result == NOT_SEEN
    tunnel = answers["vendor-tunnel"]
    assert any(found.lost in missed for missed in tunnel.missed), "where its programs lie was not seen"
    assert any(found.lost in missed for missed in answers["remote-login"].missed)
    with pytest.raises(CannotLook, match="lost"):
        found.archive.names("/etc/ssh")


def test_what_the_robot_itself_cannot_read_is_not_seen(tmp_path: Path) -> None:
    """A damaged card, or a file system that root may not read."""
    root = robot_tree.stock(tmp_path / "robot")
    said = "tar: ./etc/shadow: Cannot open: Input/output error"
    tar = f'#!/bin/sh\n/usr/bin/tar "$@" --exclude=./etc/shadow\necho "{said}" >&2\n'
    answer = answers_of(fetched(tmp_path, root, programs={"tar": tar}))["default-passwords"]
    assert answer.result == NOT_SEEN and "/etc/shadow: Cannot open: Input/output error" in answer.missed


def test_a_key_that_is_not_confirmed_or_not_the_wanted_one_ends_it_before_any_login(tmp_path: Path) -> None:
    root = robot_tree.stock(tmp_path / "robot")
    for answer, wanted in (("n\n", None), ("y\n", "SHA256:" + "A" * 43)):
        with pytest.raises(FlashRefused) as refused:
            fetched(tmp_path, root, answer=answer, wanted=wanted)
        assert refused.value.status == UNKNOWN_KEY


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("base64", "echo '<script>alert(1)</script>'"),
        ("tar", "head -c 100000 /dev/zero | tr '\\0' 'x'"),
        ("tar", "yes '../../../../etc/passwd'"),
    ],
)
def test_a_robot_that_sends_something_else_is_refused_in_one_line(tmp_path: Path, program: str, text: str) -> None:
    root = robot_tree.stock(tmp_path / "robot")
    if "yes" in text:
        text += " | head -c 3000000"
    with pytest.raises((FlashRefused, CannotLook)) as refused:
        fetched(tmp_path, root, programs={program: f"#!/bin/sh\n{text}\n"})
    assert "\n" not in str(refused.value)
    if isinstance(refused.value, FlashRefused):
        assert refused.value.status == STRANGE


def test_who_may_not_become_root_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(FlashRefused) as refused:
        fetched(tmp_path, robot_tree.stock(tmp_path / "robot"), sudo="refuses")
    assert refused.value.status == NO_SUDO


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["pi@"], "not a robot's address"),
        (["pi@127.0.0.1:1", "--fingerprint", "SHA256:short"], "--fingerprint: give SHA256:"),
        (["pi@127.0.0.1:1"], "not reached by SSH"),
        (["pi@127.0.0.1:1", "--minutes", "-1"], "--minutes: 0 to 1440"),
        (["pi@127.0.0.1:1", "--minutes", "nan"], "--minutes: 0 to 1440"),
    ],
)
def test_what_can_not_be_used_is_told_in_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "ssh", *arguments]) == 2
    said = capsys.readouterr().err
    assert line in said and said.count("\n") == 1
