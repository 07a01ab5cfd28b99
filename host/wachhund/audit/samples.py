"""Two bundles to try a verifier with: one as a host makes it, and the same with a word of the robot changed.

Made in place with keys that nobody keeps: real signatures, and no robot of anybody.
"""

import io
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.audit.bundle import evidence_name
from wachhund.audit.exporting import Wanted, export
from wachhund.audit.plain_zip import PlainZip, plain_zip_of
from wachhund.ledger import Ledger, Robot, VerifiedToken
from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    public_key_pem,
    read_evidence,
    sign_evidence,
    thumbprint,
    token_hash,
    ueid_of,
)
from wachhund_evidence.base64url import encode

TOKENS = 12
_EVERY_S = 10.0
_FORGED_LINE = 7  # of the evidence, from 0
_MAX_PART_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Samples:
    """Bytes of a good and of a forged bundle."""

    good: bytes
    forged: bytes


def make_samples(now: float) -> Samples:
    """Both, as if the robot had spoken until `now` (host time). Raises LedgerError where no temporary file can be."""
    with tempfile.TemporaryDirectory(prefix="wachhund-sample-") as folder:
        good = _good(Path(folder), now)
        return Samples(good, _forged(Path(folder), good))


def _good(folder: Path, now: float) -> bytes:
    key, host = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key()
    pem = public_key_pem(public).decode("ascii")
    robot = Robot("sample0001", "sample", ueid_of(public), thumbprint(public), pem, "", now - TOKENS * _EVERY_S)
    ledger = Ledger.open(folder / "ledger.sqlite")
    try:
        ledger.add_robot(robot)
        ledger.commit(_tokens(robot, key, now))
        stream = io.BytesIO()
        with ledger.moment() as connection:
            export(connection, Wanted(robot.id), host, now, stream)
        return stream.getvalue()
    finally:
        ledger.close()


def _tokens(robot: Robot, key: Ed25519PrivateKey, now: float) -> list[VerifiedToken]:
    chain, boot, head, made = encode(secrets.token_bytes(16)), encode(secrets.token_bytes(32)), ZERO_HASH, []
    for seq in range(1, TOKENS + 1):
        t = now - (TOKENS - seq) * _EVERY_S
        said = Observation("heartbeat", t, 1000.0 + t - now, "agent", {"sample": True})
        claims = EvidenceClaims(
            robot.ueid, "a-sample-has-no-challenge", boot, chain, seq, head, int(t), 1000.0 + t - now,
            "wachhund-agent", "sample", {}, (said,),
        )  # fmt: skip
        text = sign_evidence(claims, key)
        head = token_hash(text)
        read = read_evidence(text, {robot.kid: key.public_key()}, robot.ueid)
        made.append(VerifiedToken(robot.id, text, head, read, t, None))
    return made


def _forged(folder: Path, good: bytes) -> bytes:
    """The same bundle, put together anew around one token in which a character is another one."""
    path = folder / "good.zip"
    path.write_bytes(good)
    with PlainZip(path) as zipped:
        parts = zipped.contents(_MAX_PART_BYTES)
    name = evidence_name(1)
    lines = parts[name].splitlines(keepends=True)
    header, payload, signature = lines[_FORGED_LINE].split(b".", 2)
    middle = len(payload) // 2
    other = b"A" if payload[middle : middle + 1] != b"A" else b"B"
    lines[_FORGED_LINE] = b".".join([header, payload[:middle] + other + payload[middle + 1 :], signature])
    parts[name] = b"".join(lines)
    return plain_zip_of(parts)
