"""One robot and one piece of evidence that is right in every detail; each test spoils one."""

from typing import Any, Callable, Dict

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    base64url,
    make_nonce,
    sign_evidence,
    strict_json,
    thumbprint,
    ueid_of,
)
from wachhund_evidence.token import EVIDENCE_TYPE, sign


class Robot:
    """A key, its names, and a way to say something with it."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key()
        self.ueid = ueid_of(self.public)
        self.keys = {thumbprint(self.public): self.public}

    def claims(self, **changes: Any) -> EvidenceClaims:
        beat = Observation("heartbeat", 1700000000.5, 812.25, "agent", {"cpu_s": 1.5, "queue": 0})
        claims = EvidenceClaims(
            ueid=self.ueid,
            eat_nonce=make_nonce(b"s" * 32, self.ueid, 1700000000000000),
            bootseed=base64url.encode(b"b" * 32),
            chain=base64url.encode(b"c" * 16),
            seq=7,
            prev=ZERO_HASH,
            iat=1700000000,
            mono=812.5,
            swname="wachhund-agent",
            swversion="0.1.0",
            hashes={"code": base64url.encode(b"h" * 32)},
            obs=(beat,),
        )
        return claims._replace(**changes)

    def token(self, **changes: Any) -> str:
        return sign_evidence(self.claims(**changes), self.key)

    def signed(self, header: bytes, payload: bytes) -> str:
        """Any header and payload at all, byte for byte, under this robot's own good signature."""
        text = "{}.{}".format(base64url.encode(header), base64url.encode(payload))
        return "{}.{}".format(text, base64url.encode(self.key.sign(text.encode("ascii"))))

    def header(self, **more: Any) -> bytes:
        """The header of its tokens, and more."""
        (kid,) = self.keys
        return strict_json.render(dict({"alg": "EdDSA", "kid": kid, "typ": EVIDENCE_TYPE}, **more)).encode("ascii")

    def payload(self) -> bytes:
        """The payload of a good token."""
        return base64url.decode(self.token().split(".")[1])

    def token_of(self, body: Dict[str, Any], typ: str = EVIDENCE_TYPE) -> str:
        """Any body at all under this robot's signature."""
        return sign(typ, body, self.key)


@pytest.fixture
def new_robot() -> Callable[[], Robot]:
    return Robot


@pytest.fixture
def robot() -> Robot:
    return Robot()


@pytest.fixture
def body(robot: Robot) -> Dict[str, Any]:
    """The claims of a good token as plain JSON."""
    return strict_json.parse_object(base64url.decode(robot.token().split(".")[1]))
