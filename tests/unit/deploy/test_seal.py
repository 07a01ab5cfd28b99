"""What a seal covers: everything."""

import io
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bundling.archive import pack
from deploy.bundling.sealing import Target, release_key, seal
from deploy.bundling.source import NotBuilt, commit
from wachhund_evidence import private_key_pem
from wachhund_evidence.keys import raw_public_key
from wachhund_seal.seal import Broken, check

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def sealed(key: Ed25519PrivateKey | None) -> bytes:
    payload = pack({"__main__.py": b"print('hello')\n"}, 1_700_000_000, stored=True)
    return seal("wachhund-agent-1.2.3-x86_64.run", "1.2.3", Target("x86_64", (7, 8)), payload, key)


@pytest.mark.parametrize("key", [KEY, None])
def test_one_bit_anywhere_breaks_the_seal(key: Ed25519PrivateKey | None) -> None:
    """Head and zip, signed or not: each byte of the file is looked at, with one of its bits changed."""
    whole = sealed(key)
    assert check(io.BytesIO(whole)).key == (raw_public_key(key.public_key()).hex() if key else None)
    for at in range(len(whole)):
        altered = bytearray(whole)
        altered[at] ^= 1 << at % 8
        with pytest.raises(Broken):
            check(io.BytesIO(bytes(altered)))


def test_a_file_that_was_cut_or_grew_is_broken() -> None:
    """A copy that broke off looks like a bundle at its begin."""
    whole = sealed(KEY)
    for altered in (b"", whole[:100], whole[:-1], whole + b"\n", whole + whole):
        with pytest.raises(Broken):
            check(io.BytesIO(altered))


def test_a_signature_taken_away_leaves_a_file_that_is_not_whole() -> None:
    """An unsigned build can't be made of a signed one by putting zeros in; that it takes a new seal is all it shows."""
    whole = sealed(KEY)
    for label in (b"signature", b"release-key"):
        zeroed = re.sub(rb"(# %s: )([0-9a-f]+)" % label, lambda found: found[1] + b"0" * len(found[2]), whole, count=1)
        with pytest.raises(Broken):
            check(io.BytesIO(zeroed))


def test_the_same_content_makes_the_same_bytes() -> None:
    """Ed25519 signs without chance, so a signed bundle can be made again by who has the key."""
    assert sealed(KEY) == sealed(KEY)


def test_a_release_key_that_is_none_is_said_and_its_text_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A build log is read by many."""
    monkeypatch.setenv("WACHHUND_RELEASE_KEY", "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----")
    with pytest.raises(NotBuilt) as told:
        release_key()
    assert "SECRET" not in str(told.value)
    monkeypatch.setenv("WACHHUND_RELEASE_KEY", f"{tmp_path}/none.pem")
    with pytest.raises(NotBuilt, match="No such file"):
        release_key()
    monkeypatch.setenv("WACHHUND_RELEASE_KEY", private_key_pem(KEY).decode())
    assert release_key() is not None
    monkeypatch.delenv("WACHHUND_RELEASE_KEY")
    assert release_key() is None


def test_the_time_of_a_bundle_is_that_of_its_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the commit; who has no git names it, or the same source would be other bytes tomorrow."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with pytest.raises(NotBuilt, match="SOURCE_DATE_EPOCH"):
        commit(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert commit(tmp_path) == ("unknown", 1_700_000_000)
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    as_somebody = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1600000000 +0000")
    subprocess.run(["git", "-C", str(tmp_path), "init", "--quiet"], check=True, timeout=60)
    subprocess.run([*as_somebody, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True, timeout=60)
    assert commit(tmp_path)[1] == 1_600_000_000
