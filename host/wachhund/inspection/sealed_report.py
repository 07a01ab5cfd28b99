"""A report as a file that cannot be changed unnoticed: one JSON text, signed whole by the auditor's key (Ed25519, JWS).

The text is exactly what is written here, byte for byte, so whatever was altered in it is refused. The key comes with
the report: who holds it is for the reader to ask (`wachhund verify --key`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_evidence import (
    MisuseError,
    RejectedEvidence,
    load_public_key_pem,
    public_key_pem,
    strict_json,
    thumbprint,
    token,
)

FORMAT = "wachhund-audit-1"
TYPE = "wachhund-audit+jwt"
MAX_BYTES = 32 << 20


@dataclass(frozen=True)
class Opened:
    """A report that its key signed. `kid`: the key's thumbprint (RFC 7638); `digest`: SHA-256 of the file."""

    report: dict[str, Any]
    kid: str
    digest: str


def seal(report: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The file's text."""
    body = strict_json.render(report)
    claims = {"format": FORMAT, "sha256": hashlib.sha256(body.encode("ascii")).hexdigest()}
    pem = public_key_pem(key.public_key()).decode("ascii")
    return _text(report, pem, token.sign(TYPE, claims, key))


def open_sealed(data: bytes) -> Opened:
    """Raises RejectedEvidence ("oversize", "json", "claims", "key", "signature" and those of a token)."""
    if len(data) > MAX_BYTES:
        raise RejectedEvidence("oversize", f"a report has at most {MAX_BYTES >> 20} MiB")
    held = strict_json.parse_object(data.rstrip(b"\n"))
    report, pem, sealed = held.get("report"), held.get("key"), held.get("seal")
    if type(report) is not dict or type(pem) is not str or type(sealed) is not str:
        raise RejectedEvidence("claims", "not a report of an audit")
    if report.get("format") != FORMAT:
        raise RejectedEvidence("claims", "a report of another format: verify it with the version that made it")
    try:
        key = load_public_key_pem(pem.encode("ascii"))
    except (MisuseError, UnicodeEncodeError):
        raise RejectedEvidence("key", "the auditor's key is none") from None
    if pem != public_key_pem(key).decode("ascii"):
        raise RejectedEvidence("key", "the auditor's key is written differently than it was")
    kid = thumbprint(key)
    claims = token.read(sealed, TYPE, {kid: key})
    body = strict_json.render(report)
    if claims != {"format": FORMAT, "sha256": hashlib.sha256(body.encode("ascii")).hexdigest()}:
        raise RejectedEvidence("signature", "the report is not the one that was signed")
    if data != _text(report, pem, sealed):
        raise RejectedEvidence("json", "written differently than it was")
    return Opened(report, kid, hashlib.sha256(data).hexdigest())


def _text(report: Mapping[str, Any], pem: str, sealed: str) -> bytes:
    return strict_json.render({"report": report, "key": pem, "seal": sealed}).encode("ascii") + b"\n"
