"""Which host key the agent believes after starts, power cuts and full disks."""

import json
import pathlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.config import Broker, Config
from wachhund_agent.host_key import FILE, HostKey
from wachhund_evidence import (
    ZERO_HASH,
    ReceiptClaims,
    RejectedEvidence,
    base64url,
    make_nonce,
    sign_receipt,
    thumbprint,
)
from wachhund_evidence.succession import sign_successor

ONE, TWO, RECOVERY = [Ed25519PrivateKey.generate() for _ in range(3)]
UEID = base64url.encode(b"\x01" + b"u" * 32)


def config(folder: pathlib.Path, host_key: Ed25519PrivateKey = ONE, **changes: Any) -> Config:
    fields = {
        "robot": "abcdefghi7",
        "brokers": (Broker("127.0.0.1", 1),),
        "client_id": "c",
        "username": "u",
        "password": "p",
        "host_key": host_key.public_key(),
        "nonce": "n" * 32,
        "key": folder / "k",
        "data": folder,
        "recovery_key": RECOVERY.public_key(),
    }
    fields.update(changes)
    return Config(**fields)


def kid(key: Ed25519PrivateKey) -> str:
    return thumbprint(key.public_key())


def receipt(signer: Ed25519PrivateKey, *statements: str) -> str:
    claims = ReceiptClaims(
        UEID, base64url.encode(b"c" * 16), 0, ZERO_HASH, (), ZERO_HASH, make_nonce(b"s" * 32, UEID, 5), 1, statements
    )
    return sign_receipt(claims, signer)


def changed(folder: pathlib.Path) -> HostKey:
    """An agent that has just learned of the second key."""
    made = HostKey(config(folder), lambda line: None)
    _, pinned = made.read(receipt(TWO, sign_successor(TWO.public_key(), 9, RECOVERY)), UEID)
    assert made.keep(pinned)
    return made


def test_what_was_learned_is_believed_after_a_start_and_what_it_replaced_is_not(tmp_path: pathlib.Path) -> None:
    assert changed(tmp_path).kid == kid(TWO)
    again = HostKey(config(tmp_path), lambda line: None)
    assert again.kid == kid(TWO) and again.read(receipt(TWO), UEID)[0].seq == 0
    with pytest.raises(RejectedEvidence):
        again.read(receipt(ONE), UEID)
    with pytest.raises(RejectedEvidence):
        again.read(receipt(ONE, sign_successor(ONE.public_key(), 9, RECOVERY)), UEID)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_power_cut_before_it_is_kept_leaves_the_key_from_before(tmp_path: pathlib.Path) -> None:
    """Cut off while it wrote: half a file beside the one that counts, or a whole one that nobody renamed."""
    for half in (b"", b'{"enrolled": "', (b"{}" * 9)):
        (tmp_path / (FILE + ".new")).write_bytes(half)
        made = HostKey(config(tmp_path), lambda line: None)
        assert made.kid == kid(ONE)
    assert changed(tmp_path).kid == kid(TWO) and not (tmp_path / (FILE + ".new")).exists()


def test_a_disk_that_takes_nothing_changes_nothing(tmp_path: pathlib.Path) -> None:
    """The receipt is not used then, and the host tells it again."""
    said = []  # type: List[str]
    made = HostKey(config(tmp_path), said.append)
    _, pinned = made.read(receipt(TWO, sign_successor(TWO.public_key(), 1, ONE)), UEID)
    (tmp_path / (FILE + ".new")).mkdir()
    assert not made.keep(pinned) and not made.keep(pinned)
    assert len(said) == 1 and "can't be kept" in said[0]
    assert made.kid == kid(ONE) and not (tmp_path / FILE).exists()
    (tmp_path / (FILE + ".new")).rmdir()
    assert made.keep(pinned) and made.kid == kid(TWO)


def test_nothing_is_written_while_nothing_changes(tmp_path: pathlib.Path) -> None:
    """A receipt comes each second, and the card wears."""
    made = HostKey(config(tmp_path), lambda line: None)
    assert made.keep(made.read(receipt(ONE), UEID)[1])
    assert list(tmp_path.iterdir()) == []


def test_a_robot_that_was_enrolled_anew_believes_its_new_configuration(tmp_path: pathlib.Path) -> None:
    changed(tmp_path)
    third = Ed25519PrivateKey.generate()
    made = HostKey(config(tmp_path, third), lambda line: None)
    assert made.kid == kid(third)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 99, b"[]", b"{}", b'{"key": 1, "recovery_serial": 1}', b'{"key": "AA", "recovery_serial": true}'],
)
def test_a_damaged_file_is_said_once_and_the_agent_goes_on(tmp_path: pathlib.Path, data: bytes) -> None:
    """An agent that does not start sees nothing. The host finds out which key it believes, and proves its own anew."""
    (tmp_path / FILE).write_bytes(data)
    said = []  # type: List[str]
    made = HostKey(config(tmp_path), said.append)
    assert made.kid == kid(ONE) and len(said) == 1 and "\n" not in said[0] and str(tmp_path / FILE) in said[0]


@pytest.mark.parametrize("key", [b"\x01" + bytes(31), b"\xff" * 32, b"short"])
def test_a_file_with_a_key_that_nobody_may_use_is_not_used(tmp_path: pathlib.Path, key: bytes) -> None:
    body = {"enrolled": kid(ONE), "key": base64url.encode(key), "recovery_serial": 0}
    (tmp_path / FILE).write_text(json.dumps(body))
    said = []  # type: List[str]
    assert HostKey(config(tmp_path), said.append).kid == kid(ONE) and len(said) == 1


def test_the_serial_of_the_enrolment_holds_off_what_was_signed_before_it(tmp_path: pathlib.Path) -> None:
    """Enrolled after two recoveries: the statement of the first must not lead this robot back to that key."""
    made = HostKey(config(tmp_path, recovery_serial=9), lambda line: None)
    with pytest.raises(RejectedEvidence):
        made.read(receipt(TWO, sign_successor(TWO.public_key(), 9, RECOVERY)), UEID)
    assert made.read(receipt(TWO, sign_successor(TWO.public_key(), 10, RECOVERY)), UEID)[0].seq == 0
