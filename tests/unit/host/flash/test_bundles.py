"""The host looks at a bundle before it sends it, with another reader than the bundle's own."""

import io
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bundling.archive import pack
from deploy.bundling.sealing import Target, seal
from wachhund.flash.bundles import find, read
from wachhund_evidence import MisuseError
from wachhund_evidence.keys import raw_public_key
from wachhund_seal.seal import Broken, check

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
NAME = "wachhund-agent-1.2.3-aarch64.run"


def made(folder: Path, key: Ed25519PrivateKey | None) -> Path:
    payload = pack({"__main__.py": b"print('hello')\n"}, 1_700_000_000, stored=True)
    path = folder / NAME
    path.write_bytes(seal(NAME, "1.2.3", Target("aarch64", (7,)), payload, key))
    return path


def test_the_bundle_of_a_machine_is_found_and_who_signed_it_is_known(tmp_path: Path) -> None:
    """A release is told from somebody's own build, and that from one that nobody signed."""
    made(tmp_path, KEY)
    found = find("aarch64", "1.2.3", [tmp_path / "none", tmp_path], {"2026": KEY.public_key()})
    assert (found.release, found.key) == ("2026", raw_public_key(KEY.public_key()).hex())
    assert find("aarch64", "1.2.3", [tmp_path], {}).release is None
    made(tmp_path, None)
    assert find("aarch64", "1.2.3", [tmp_path], {}).key is None
    with pytest.raises(MisuseError, match=f"armv7l.run: there is no such bundle .here: {NAME}"):
        find("armv7l", "1.2.3", [tmp_path], {})


@pytest.mark.parametrize("key", [KEY, None])
def test_both_readers_refuse_the_same_files(tmp_path: Path, key: Ed25519PrivateKey | None) -> None:
    """Where one took what the other refuses, a robot would get what nobody looked at: every byte, one bit each."""
    path = made(tmp_path, key)
    whole = path.read_bytes()
    assert read(path).key == check(io.BytesIO(whole)).key
    for at in range(0, len(whole), 3):
        altered = bytearray(whole)
        altered[at] ^= 1 << at % 8
        path.write_bytes(altered)
        with pytest.raises(MisuseError):
            read(path)
        with pytest.raises(Broken):
            check(io.BytesIO(bytes(altered)))


def test_a_bundle_under_another_name_is_refused(tmp_path: Path) -> None:
    """An old one, or another machine's, must not pass for the one that was asked for."""
    path = made(tmp_path, KEY)
    other = path.rename(tmp_path / "wachhund-agent-9.9.9-aarch64.run")
    with pytest.raises(MisuseError, match="renamed"):
        find("aarch64", "9.9.9", [tmp_path])
    other.write_bytes(b"")
    with pytest.raises(MisuseError, match="not a bundle"):
        read(other)
    with pytest.raises(MisuseError, match="No such file"):
        read(tmp_path / "none.run")
