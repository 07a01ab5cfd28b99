"""Changing the host's own key: what is on disk after each step, whoever pulls the plug, and what robots make of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.fleet import host_key_change, succession
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_key_change import finish, recover, rotate
from wachhund.fleet.host_keys import HostKeys, make_recovery_key
from wachhund.fleet.one_host import only_host
from wachhund_evidence import MisuseError, private_key_pem, raw_public_key, thumbprint
from wachhund_evidence.receipt import MAX_NEXT
from wachhund_evidence.succession import Pinned, follow

NOW = 1_700_000_000.0


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """A host that has its first keys."""
    made = DataFolder(tmp_path / "host").make()
    HostKeys.load_or_create(made)
    return made


def pinned_at(data: DataFolder) -> Pinned:
    keys = HostKeys.load_or_create(data)
    return Pinned(keys.key.public_key(), keys.recovery_key, keys.succession.recovery_serial)


def led(pinned: Pinned, data: DataFolder) -> str:
    """The key that a robot believes after it was shown how the host's key became the present one."""
    keys = HostKeys.load_or_create(data)
    return thumbprint(follow(pinned, keys.succession.next_for(thumbprint(pinned.key))).key)


def test_robots_are_led_to_the_new_key_from_wherever_they_are(data: DataFolder) -> None:
    robots = [pinned_at(data)]
    for number in range(3):
        kid = rotate(data, NOW + number)
        keys = HostKeys.load_or_create(data)
        assert keys.kid == kid == thumbprint(keys.key.public_key())
        assert {led(robot, data) for robot in robots} == {kid}
        robots.append(pinned_at(data))
    assert [len(keys.succession.next_for(thumbprint(robot.key))) for robot in robots] == [3, 2, 1, 0]
    assert len(keys.succession.next_for(None)) == 3, "of whom nobody knows it: everything"
    assert list(keys.succession.keys) == [thumbprint(robot.key) for robot in robots]
    assert not data.next_host_key.exists() and data.host_key.stat().st_mode & 0o777 == 0o600


def test_no_receipt_carries_more_than_a_robot_reads(data: DataFolder) -> None:
    robot = pinned_at(data)
    for number in range(MAX_NEXT + 1):
        rotate(data, NOW + number)
    keys = HostKeys.load_or_create(data)
    assert len(keys.succession.next_for(thumbprint(robot.key))) == MAX_NEXT


def test_the_recovery_key_brings_robots_back_from_a_thiefs_key_and_needs_nothing_else(
    data: DataFolder, tmp_path: Path
) -> None:
    offline = tmp_path / "drawer.key"
    make_recovery_key(data, offline)
    robot = pinned_at(data)
    rotate(data, NOW)
    data.host_key.unlink()  # the disk died
    kid = recover(data, offline, NOW + 1)
    assert led(robot, data) == kid == HostKeys.load_or_create(data).kid
    moved = pinned_at(data)
    assert moved.recovery_serial > 0
    again = recover(data, offline, NOW + 2)
    assert led(moved, data) == led(robot, data) == again != kid


def test_a_host_whose_robots_pinned_no_recovery_key_is_told_so(data: DataFolder, tmp_path: Path) -> None:
    """A new key that nobody believes would cut off those who believe the old one."""
    kid = HostKeys.load_or_create(data).kid
    offline = tmp_path / "drawer.key"
    offline.write_bytes(private_key_pem(Ed25519PrivateKey.generate()))
    for folder in (data, DataFolder(tmp_path / "empty").make()):
        with pytest.raises(MisuseError, match="put back a backup"):
            recover(folder, offline, NOW)
    assert HostKeys.load_or_create(data).kid == kid and list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("half", [b"", b"-----BEGIN PRIVATE KEY-----\nMC4CAQ"])
def test_a_power_cut_while_the_new_key_is_written_leaves_the_old_one(data: DataFolder, half: bytes) -> None:
    kid = HostKeys.load_or_create(data).kid
    data.next_host_key.write_bytes(half)
    finish(data)
    assert HostKeys.load_or_create(data).kid == kid and not data.next_host_key.exists()


def test_a_backup_from_before_a_rotation_gets_its_robots_back_by_the_recovery_key(
    data: DataFolder, tmp_path: Path
) -> None:
    """Its own key is one that they believe no more."""
    make_recovery_key(data, tmp_path / "drawer.key")
    backup = DataFolder(tmp_path / "backup")
    shutil.copytree(data.path, backup.path)
    rotate(data, NOW)
    robot = pinned_at(data)
    statements = HostKeys.load_or_create(backup).succession.next_for(thumbprint(robot.key))
    assert follow(robot, statements) == robot, "the backup has nothing to say to it"
    kid = recover(backup, tmp_path / "drawer.key", NOW + 1)
    assert led(robot, backup) == kid


def test_another_key_than_the_pinned_one_recovers_nothing(data: DataFolder, tmp_path: Path) -> None:
    make_recovery_key(data, tmp_path / "drawer.key")
    before = HostKeys.load_or_create(data).kid
    other = tmp_path / "other.key"
    other.write_bytes(private_key_pem(Ed25519PrivateKey.generate()))
    with pytest.raises(MisuseError, match="not the one"):
        recover(data, other, NOW)
    for text, what in ((b"rubbish", "not an unencrypted PEM"), (None, "No such file")):
        if text is not None:
            other.write_bytes(text)
        else:
            other.unlink()
        with pytest.raises(MisuseError, match=what):
            recover(data, other, NOW)
    assert HostKeys.load_or_create(data).kid == before and not data.succession.exists()


class PlugPulled(BaseException):
    """Not an error: the machine is off."""


@pytest.mark.parametrize("cut", ["before the statement", "after the statement"])
def test_a_power_cut_between_any_two_steps_leaves_a_host_that_robots_believe(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    robot = pinned_at(data)
    saved = succession.save

    def pulled(path: Path, made: succession.Succession) -> None:
        if cut == "after the statement":
            saved(path, made)
        raise PlugPulled

    with monkeypatch.context() as patch, pytest.raises(PlugPulled):
        patch.setattr(host_key_change.succession, "save", pulled)
        rotate(data, NOW)
    new = thumbprint(host_key_change.read_private_key(data.next_host_key, "key").public_key())
    if cut == "after the statement":
        with pytest.raises(MisuseError, match="finishes a change that was cut off"):
            HostKeys.load_or_create(data)
    finish(data)
    kid = HostKeys.load_or_create(data).kid
    assert kid == (new if cut == "after the statement" else thumbprint(robot.key))
    assert led(robot, data) == kid and not data.next_host_key.exists()
    assert led(robot, data) != rotate(data, NOW + 1) == HostKeys.load_or_create(data).kid


def test_a_host_that_serves_keeps_its_key(data: DataFolder) -> None:
    """It would go on signing with the old one, and another process would make invitations with the new one."""
    command = [sys.executable, "-m", "wachhund", "host-key", "rotate", "--data", str(data.path)]
    before = HostKeys.load_or_create(data).kid
    with only_host(data):
        refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 2 and "stop that one" in refused.stderr and "Traceback" not in refused.stderr
    assert HostKeys.load_or_create(data).kid == before
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and HostKeys.load_or_create(data).kid in done.stdout and "new backup" in done.stderr


@pytest.mark.parametrize("command", ["show", "rotate"])
def test_a_folder_without_a_host_is_one_clear_line(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "none"
    done = subprocess.run(
        [sys.executable, "-m", "wachhund", "host-key", command, "--data", str(folder)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "holds none" in done.stderr
    assert not folder.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"first": 1, "statements": []}', b'{"first": null, "statements": ["x"]}']
)
def test_a_damaged_succession_is_one_clear_line_and_no_new_key(data: DataFolder, content: bytes) -> None:
    """A host that forgot how its key came about could not lead its robots any more."""
    data.succession.write_bytes(content)
    with pytest.raises(MisuseError, match="damaged"):
        HostKeys.load_or_create(data)
    with pytest.raises(MisuseError, match="damaged"):
        rotate(data, NOW)


def test_serials_grow_also_when_the_clock_falls_back(data: DataFolder, tmp_path: Path) -> None:
    make_recovery_key(data, tmp_path / "drawer.key")
    serials = []
    for now in (NOW, NOW, NOW - 1e8, 0.0):
        recover(data, tmp_path / "drawer.key", now)
        serials.append(HostKeys.load_or_create(data).succession.recovery_serial)
    assert serials == sorted(set(serials))


def test_what_lies_on_disk_is_not_the_recovery_key(data: DataFolder, tmp_path: Path) -> None:
    make_recovery_key(data, tmp_path / "drawer.key")
    secret = (tmp_path / "drawer.key").read_bytes()
    recover(data, tmp_path / "drawer.key", NOW)
    assert all(secret not in path.read_bytes() for path in data.path.iterdir() if path.is_file())
    keys = HostKeys.load_or_create(data)
    assert keys.recovery_key is not None
    assert raw_public_key(keys.recovery_key) != raw_public_key(keys.key.public_key())
