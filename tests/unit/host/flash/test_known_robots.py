"""The robots' SSH host keys: whoever changes one without being asked is somebody in between."""

import subprocess
from pathlib import Path

import asyncssh
import pytest

from wachhund.flash.known_robots import KnownRobots, fingerprint
from wachhund.flash.outcome import CHANGED_KEY, FlashRefused
from wachhund.flash.target import Target
from wachhund_evidence import MisuseError

GO1, OTHER = Target("pi", "192.168.123.161"), Target("pi", "192.168.123.161", 2222)


def key(kind: str = "ssh-ed25519") -> str:
    made = asyncssh.generate_private_key(kind)
    return " ".join(made.export_public_key("openssh").decode().split()[:2])


def test_a_key_is_kept_for_an_address_and_port_and_its_fingerprint_is_the_one_of_openssh(tmp_path: Path) -> None:
    """People compare it with what `ssh-keygen` prints on the robot."""
    known, mine, others = KnownRobots(tmp_path / "known"), key(), key("ecdsa-sha2-nistp256")
    assert known.key(GO1) is None
    known.keep(GO1, mine)
    known.keep(GO1, mine)
    known.keep(OTHER, others)
    assert (known.key(GO1), known.key(OTHER)) == (mine, others)
    assert known.key(Target("root", "192.168.123.161")) == mine, "the user does not matter"
    assert (tmp_path / "known").read_text() == f"192.168.123.161 {mine}\n[192.168.123.161]:2222 {others}\n"
    said = subprocess.run(
        ["ssh-keygen", "-lf", "/dev/stdin"], input=mine, capture_output=True, text=True, check=True
    ).stdout
    assert fingerprint(mine) in said.split()


def test_another_key_is_refused_with_both_fingerprints_and_the_way_out(tmp_path: Path) -> None:
    """A card that was written anew is common, and somebody in between is possible: a person decides."""
    known, first, second = KnownRobots(tmp_path / "known"), key(), key()
    known.keep(OTHER, first)
    with pytest.raises(FlashRefused) as refused:
        known.keep(OTHER, second)
    assert refused.value.status == CHANGED_KEY
    said = str(refused.value)
    assert fingerprint(first) in said and fingerprint(second) in said
    assert "`wachhund flash forget [192.168.123.161]:2222`" in said
    assert known.key(OTHER) == first


def test_a_forgotten_key_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    """That is the way out."""
    known, mine, others = KnownRobots(tmp_path / "known"), key(), key()
    known.keep(GO1, mine)
    known.keep(OTHER, others)
    assert known.forget(GO1) == fingerprint(mine)
    assert (known.key(GO1), known.key(OTHER)) == (None, others)
    with pytest.raises(MisuseError, match="no SSH host key is kept"):
        known.forget(GO1)


def test_a_damaged_file_is_not_taken_for_one_without_the_robot(tmp_path: Path) -> None:
    """Else a half-written line would let anybody in as if it were the first time."""
    path = tmp_path / "known"
    path.write_text(f"# mine\n\n192.168.123.161 {key()[:40]}\n192.168.123.161\n")
    with pytest.raises(MisuseError, match="line 4 is damaged"):
        KnownRobots(path).key(GO1)
