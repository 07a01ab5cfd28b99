"""How a bundle is sealed, and the check of it.

A bundle is a shell text (its head), then a zip. Four comment lines of the head are the seal:

    # bundle: the file's own name
    # release-key: 64 hex digits, the Ed25519 public key; or zeros: an unsigned development build
    # signature: 128 hex digits; or zeros
    # sha256: 64 hex digits, of the whole file with the digits of `signature` and of this line as zeros

Signed is a text of three lines: `wachhund bundle 1`, the name, and that SHA-256. So every byte counts, the head's too,
signed or not. What the head can't do is vouch for itself: whoever rewrites all of the file may put his own key in. Who
must know compares the key with one that he has from elsewhere (the host does, before it sends a bundle to a robot).
"""

import hashlib
import re
from typing import BinaryIO, NamedTuple, Optional

from wachhund_seal.ed25519 import is_signed

HEAD_BYTES = 4096  # the seal lies within
_CHUNK = 1 << 20
_KEY = re.compile(rb"^# release-key: ([0-9a-f]{64})$", re.MULTILINE)
_SIGNATURE = re.compile(rb"^# signature: ([0-9a-f]{128})$", re.MULTILINE)
_SHA256 = re.compile(rb"^# sha256: ([0-9a-f]{64})$", re.MULTILINE)
_NAME = re.compile(rb"^# bundle: ([A-Za-z0-9._+-]{1,100}\.run)$", re.MULTILINE)


class Broken(Exception):
    """The file is not what its maker made. The text says how that was seen."""


class Seal(NamedTuple):
    """`name`: the file's own. `sha256`: of all of it, as the seal counts it. `key`: hex, None for an unsigned build."""

    name: str
    sha256: str
    key: Optional[str]


def statement(name: str, sha256: str) -> bytes:
    """What is signed."""
    return "wachhund bundle 1\n{}\n{}\n".format(name, sha256).encode("ascii")


def check(file: BinaryIO) -> Seal:
    """The seal of an open bundle, which is read from its begin. Raises Broken."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    name, key, signature, sha256 = (_one(pattern, head) for pattern in (_NAME, _KEY, _SIGNATURE, _SHA256))
    digest = hashlib.sha256(_blank(_blank(head, signature), sha256))
    while True:
        chunk = file.read(_CHUNK)
        if not chunk:
            break
        digest.update(chunk)
    if digest.hexdigest() != sha256.group(1).decode("ascii"):
        raise Broken("not as it was made: cut off, or changed, or copied badly")
    seal = Seal(name.group(1).decode("ascii"), digest.hexdigest(), None)
    if not key.group(1).strip(b"0") and not signature.group(1).strip(b"0"):
        return seal
    signed = statement(seal.name, seal.sha256)
    if not is_signed(bytes.fromhex(key.group(1).decode()), signed, bytes.fromhex(signature.group(1).decode())):
        raise Broken("its signature does not fit: it was changed after it was signed, or copied badly")
    return seal._replace(key=key.group(1).decode("ascii"))


def _blank(head: bytes, found: "re.Match[bytes]") -> bytes:
    return head[: found.start(1)] + b"0" * len(found.group(1)) + head[found.end(1) :]


def _one(pattern: "re.Pattern[bytes]", head: bytes) -> "re.Match[bytes]":
    found = list(pattern.finditer(head))
    if len(found) != 1:
        raise Broken("its seal can't be read")
    return found[0]
