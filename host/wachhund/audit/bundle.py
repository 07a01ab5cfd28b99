"""The bundle: what one file holds so that somebody else can check a robot's evidence (docs/protocol.md, Bundle).

A plain ZIP of README.txt, bundle.json, incident.json (if it is about one), evidence-0001.jsonl and on, and, last,
manifest.jws: name, size and SHA-256 of each other part, signed by the host.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import RejectedEvidence, token

FORMAT = "wachhund-bundle/1"
MANIFEST_TYPE = "wachhund-bundle+jwt"
README, ABOUT, INCIDENT, MANIFEST = "README.txt", "bundle.json", "incident.json", "manifest.jws"
MAX_ABOUT_BYTES = 4 * 1024 * 1024  # of bundle.json and of incident.json
MAX_LINE_BYTES = 320 * 1024  # of evidence: a token of 256 KiB and what stands beside it
PART_BYTES = 32 * 1024 * 1024  # of one evidence part, about: none is too large for an editor
README_TEXT = """\
Evidence of a robot, handed on by a Wachhund host. This file can be checked by anybody, without a network:

    wachhund verify FILE

It says what is proven and what is not: who signed it, in which order, what is missing. With --key and --host-key it
believes the keys only that you name; get them from the robot and from the host yourself, not from this file.

bundle.json     whose evidence, of when, under which keys; what the host did to the robot and what it erased
incident.json   what the host concluded (only in a bundle about an incident): an opinion, and no proof
evidence-*      one JSON object a line: a token as the robot signed it (a JOSE compact JWS), when it arrived and when
                its challenge was issued (by the host's clock); or the hashes of tokens whose text was erased
manifest.jws    size and SHA-256 of each other part, signed by the host

The format is in docs/protocol.md of Wachhund, completely. Do not repack this file: its every byte is checked.
It may hold personal data: logins, addresses, programs that people started. Keep it accordingly.
"""


@dataclass(frozen=True)
class Listed:
    """One part as the manifest lists it. `sha256`: in hexadecimal."""

    name: str
    size: int
    sha256: str


def evidence_name(number: int) -> str:
    """The name of an evidence part, from 1."""
    return f"evidence-{number:04d}.jsonl"


def expected_names(count: int, has_incident: bool) -> list[str]:
    """The names of all parts of a bundle with so many evidence parts, in their order."""
    return [README, ABOUT, *([INCIDENT] if has_incident else []), *map(evidence_name, range(1, count + 1)), MANIFEST]


def sign_manifest(parts: Sequence[Listed], robot: str, made_t: float, key: Ed25519PrivateKey) -> bytes:
    """The text of manifest.jws."""
    claims = {
        "format": FORMAT,
        "robot": robot,
        "iat": int(made_t),
        "parts": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in parts],
    }
    return token.sign(MANIFEST_TYPE, claims, key).encode("ascii")


def read_manifest(data: bytes, keys: Mapping[str, Ed25519PublicKey]) -> tuple[str, list[Listed]]:
    """(robot id, parts) of a manifest that one of `keys` (by kid) signed. Raises RejectedEvidence."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise RejectedEvidence("token", "not ASCII") from None
    claims = token.read(text, MANIFEST_TYPE, keys)
    parts = claims.get("parts")
    if claims.get("format") != FORMAT:
        raise RejectedEvidence("claims", "of another format")
    if type(claims.get("robot")) is not str or type(parts) is not list:
        raise RejectedEvidence("claims", "robot or parts are not as they should be")
    return claims["robot"], list(_listed(parts))


def _listed(parts: Sequence[Any]) -> Iterable[Listed]:
    for one in parts:
        if type(one) is not dict or set(one) != {"name", "size", "sha256"}:
            raise RejectedEvidence("claims", "a part is not as it should be")
        if type(one["name"]) is not str or type(one["size"]) is not int or type(one["sha256"]) is not str:
            raise RejectedEvidence("claims", "a part is not as it should be")
        yield Listed(one["name"], one["size"], one["sha256"])


class Sum:
    """Size and SHA-256 of what is written or read, piece by piece."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, data: bytes) -> None:
        """The next piece."""
        self._digest.update(data)
        self.size += len(data)

    def listed(self, name: str) -> Listed:
        """As the manifest lists it."""
        return Listed(name, self.size, self._digest.hexdigest())
