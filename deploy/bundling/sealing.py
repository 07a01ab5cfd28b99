"""Puts head and zip together, and seals them (what the seal is: deploy/installer/wachhund_seal/seal.py)."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bundling.source import ROOT, NotBuilt
from wachhund_evidence import MisuseError, load_private_key_pem
from wachhund_evidence.keys import raw_public_key
from wachhund_seal.seal import HEAD_BYTES, statement

HEAD = ROOT / "deploy" / "head.sh"
KEY_VARIABLE = "WACHHUND_RELEASE_KEY"


class Target(NamedTuple):
    """For which machine a bundle is, and which minor versions of Python 3 it has libraries for."""

    machine: str
    minors: tuple[int, ...]


def release_key(path: Path | None = None) -> Ed25519PrivateKey | None:
    """The key (PEM) in a file, or in WACHHUND_RELEASE_KEY as a file's name or its text; None when neither is given.

    Raises NotBuilt.
    """
    named = str(path) if path is not None else os.environ.get(KEY_VARIABLE, "")
    if not named:
        return None
    try:
        text = named.encode("ascii") if named.startswith("-----BEGIN") else Path(named).read_bytes()
        return load_private_key_pem(text)
    except (OSError, UnicodeEncodeError, MisuseError) as error:
        shown = "its text" if named.startswith("-----BEGIN") else named
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise NotBuilt(f"release key ({shown}): {why}: give an Ed25519 key as PEM") from None


def seal(name: str, version: str, target: Target, payload: bytes, key: Ed25519PrivateKey | None) -> bytes:
    """The whole file. `payload`: the zip."""
    versions = [f"3.{minor}" for minor in target.minors]
    values = {
        "VERSION": version,
        "NAME": name,
        "KEY": raw_public_key(key.public_key()).hex() if key is not None else "0" * 64,
        "SIGNATURE": "0" * 128,
        "SHA256": "0" * 64,
        "MACHINE": target.machine,
        "CANDIDATES": " ".join(f"python{one}" for one in reversed(versions)),
        "VERSIONS": "|".join(versions),
        "LEAST": versions[0],
        "MOST": versions[-1],
        "ZIP_SHA256": hashlib.sha256(payload).hexdigest(),
    }
    text = HEAD.read_text(encoding="ascii")
    for word, value in values.items():
        text = text.replace(f"@{word}@", value)
    size = len(text)
    while size != len(text.replace("@OFFSET@", str(size + 1))):  # the number is part of what it counts
        size = len(text.replace("@OFFSET@", str(size + 1)))
    head = text.replace("@OFFSET@", str(size + 1)).encode("ascii")
    assert len(head) <= HEAD_BYTES, "the seal is looked for there"
    sha256 = hashlib.sha256(head + payload).hexdigest()
    head = _put(head, b"# sha256: ", sha256)
    if key is not None:
        head = _put(head, b"# signature: ", key.sign(statement(name, sha256)).hex())
    return head + payload


def _put(head: bytes, label: bytes, digits: str) -> bytes:
    """In the place of the zeros behind a label."""
    at = head.index(label) + len(label)
    return head[:at] + digits.encode("ascii") + head[at + len(digits) :]
