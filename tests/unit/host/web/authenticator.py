"""An authenticator of our own: makes keys, and really signs, as a device with a browser in front of it would."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from wachhund_evidence.base64url import decode, encode

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """Keeps one discoverable key for each person of a site. What is public is for tests of attacks to change."""

    origin: str
    counts: bool = True
    flags: int = PRESENT | VERIFIED
    kind: str = ""  # of the client's data, where it is not the right one
    count: int = 0
    keys: dict[str, tuple[bytes, bytes, ec.EllipticCurvePrivateKey]] = field(default_factory=dict)

    def make(self, options: dict[str, Any], **changed: Any) -> str:
        """The answer to `navigator.credentials.create`, as JSON. `changed`: of the attestation object."""
        site, handle = options["rp"]["id"], decode(options["user"]["id"])
        assert -7 in [each["alg"] for each in options["pubKeyCredParams"]]
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        identity, key = secrets.token_bytes(32), ec.generate_private_key(ec.SECP256R1())
        self.keys[site] = (identity, handle, key)
        point = key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        told = bytes(16) + len(identity).to_bytes(2, "big") + identity + cbor2.dumps(cose)
        data = self._data(site, HAS_KEY) + told
        stated = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data, **changed})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(identity, {"clientDataJSON": encode(client), "attestationObject": encode(stated)})

    def show(self, options: dict[str, Any], site: str | None = None) -> str:
        """The answer to `navigator.credentials.get`, as JSON. `site`: another one's key than it was asked for."""
        assert options["userVerification"] == "required" and options["allowCredentials"] == []
        identity, handle, key = self.keys[options["rpId"]]
        client = self._client("webauthn.get", options["challenge"])
        data = self._data(site or options["rpId"], 0)
        signature = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        told = {"clientDataJSON": client, "authenticatorData": data, "signature": signature, "userHandle": handle}
        return self._answer(identity, {name: encode(value) for name, value in told.items()})

    def _data(self, site: str, more: int) -> bytes:
        self.count += 1 if self.counts else 0
        return hashlib.sha256(site.encode()).digest() + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": self.kind or kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    @staticmethod
    def _answer(identity: bytes, response: dict[str, str]) -> str:
        name = encode(identity)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
