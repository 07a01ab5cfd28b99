"""Enrolment: how a robot and a host come to know each other's keys (protocol.md, Enrolment).

A person carries an invitation from the host to the robot. It pins the host's TLS key and its signing key, and holds a
secret that counts once. The robot proves that it has its own key; the host's answer is signed over that proof. Then two
people compare six words. Pure: no I/O, no clock.
"""

import hashlib
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import base64url, strict_json, token
from wachhund_evidence.base64url import check_size
from wachhund_evidence.errors import MisuseError, RejectedEvidence
from wachhund_evidence.keys import public_key_from_raw, raw_public_key, thumbprint

PROOF_TYPE = "wachhund-enrol+jwt"
ANSWER_TYPE = "wachhund-enrolled+jwt"
PREFIX = "wachhund1-"
MAX_INVITATION_CHARS = 2048
MAX_ADDRESSES = 8
MAX_ADDRESS_CHARS = 255
SECRET_BYTES = 16
_CHECK_BYTES = 4
_TEXTS = ("robot", "name", "client_id", "username", "password", "ca", "nonce", "certificate")
_MAX_TEXT = 16 * 1024  # a CA certificate is some 700 bytes
# Proquints: D. S. Wilkerson, "A Proposal for Proquints: Identifiers that are Readable, Spellable, and Pronounceable"
# (2009). Sixteen bits a word.
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_WORDS = 6


class Invitation(NamedTuple):
    """What a person carries to the robot. `addresses`: of the host's enrolment door, "ADDRESS:PORT", tried in order.

    `tls_pin`: SHA-256 of the door's public key (SubjectPublicKeyInfo, DER); `secret`: 16 bytes; both base64url.
    """

    addresses: Tuple[str, ...]
    tls_pin: str
    host_key: Ed25519PublicKey
    secret: str


class ProofClaims(NamedTuple):
    """What the robot says. `invitation`: hash of the invitation's text; `host`: thumbprint of the key it pins."""

    key: Ed25519PublicKey
    invitation: str
    host: str
    iat: int


class AnswerClaims(NamedTuple):
    """What the host answers. `request`: hash of the proof that it answers. `brokers`: addresses as URLs, in order.

    `ueid`: of the robot's first key. `ca`: certificate (PEM) that the broker's is checked with. `recovery_key`: may
    sign a new host key when the host's own was lost; None when the host has none. `recovery_serial`: of the last
    statement that it signed (wachhund_evidence.succession), 0 for none. `certificate`: of the robot's own key (PEM),
    signed by that `ca`; the broker asks for it. The password is in here.
    """

    request: str
    robot: str
    name: str
    ueid: str
    brokers: Tuple[str, ...]
    client_id: str
    username: str
    password: str
    ca: str
    recovery_key: Optional[Ed25519PublicKey]
    nonce: str
    iat: int
    certificate: str
    recovery_serial: int = 0

    def __repr__(self) -> str:
        return "AnswerClaims(robot={!r})".format(self.robot)


def write_invitation(invitation: Invitation) -> str:
    """The text of an invitation: one word, to be copied or scanned."""
    body = {
        "a": list(invitation.addresses),
        "t": invitation.tls_pin,
        "h": base64url.encode(raw_public_key(invitation.host_key)),
        "s": invitation.secret,
    }
    data = strict_json.render(body).encode("ascii")
    return PREFIX + base64url.encode(data + hashlib.sha256(data).digest()[:_CHECK_BYTES])


def read_invitation(text: str) -> Invitation:
    """The invitation in a text that a person gave. Raises MisuseError: what is wrong with it, never its content."""
    text = "".join(text.split())  # mail programs and terminals break long words
    if not text.startswith(PREFIX) or len(text) > MAX_INVITATION_CHARS:
        raise MisuseError("invitation: it begins with {}: give it whole, as the host printed it".format(PREFIX))
    try:
        data = base64url.decode(text[len(PREFIX) :])
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if hashlib.sha256(body).digest()[:_CHECK_BYTES] != check:
            raise RejectedEvidence("invitation", "its check sum does not fit")
        found = strict_json.parse_object(body)
        check_size(found.get("t"), 32, "t")
        check_size(found.get("h"), 32, "h")
        check_size(found.get("s"), SECRET_BYTES, "s")
        addresses = _addresses(found.get("a"))
        return Invitation(addresses, found["t"], public_key_from_raw(base64url.decode(found["h"])), found["s"])
    except RejectedEvidence:
        raise MisuseError("invitation: cut off or mistyped: copy it whole, as the host printed it") from None


def _addresses(value: Any) -> Tuple[str, ...]:
    if type(value) is not list or not 1 <= len(value) <= MAX_ADDRESSES:
        raise RejectedEvidence("claims", "not a list of 1 to {} addresses".format(MAX_ADDRESSES))
    if any(type(item) is not str or not item or len(item) > MAX_ADDRESS_CHARS for item in value):
        raise RejectedEvidence("claims", "an address is no text of 1 to {} characters".format(MAX_ADDRESS_CHARS))
    return tuple(value)


def invitation_hash(text: str) -> str:
    """SHA-256 of an invitation's text without white space, base64url: how proof and host name it."""
    return token.token_hash("".join(text.split()))


def sign_proof(invitation: str, host_key: Ed25519PublicKey, iat: int, key: Ed25519PrivateKey) -> str:
    """The robot's proof for an invitation (its text). `iat`: the robot's clock, informative."""
    body = {
        "key": base64url.encode(raw_public_key(key.public_key())),
        "invitation": invitation_hash(invitation),
        "host": thumbprint(host_key),
        "iat": iat,
    }
    return token.sign(PROOF_TYPE, body, key)


def read_proof(text: str, key_raw: str, host_key: Ed25519PublicKey) -> ProofClaims:
    """A proof, signed by the key that it presents (`key_raw`: 32 bytes, base64url) and meant for this host.

    Raises RejectedEvidence with the reasons of `token.read`, and "claims", "key" (a weak one) or "host".
    """
    check_size(key_raw, 32, "key")
    try:
        key = public_key_from_raw(base64url.decode(key_raw))
    except MisuseError as error:
        raise RejectedEvidence("key", str(error)) from None
    claims = token.read(text, PROOF_TYPE, {thumbprint(key): key})
    check_size(claims.get("invitation"), 32, "invitation")
    if claims.get("key") != key_raw:
        raise RejectedEvidence("key", "presents another key than it is signed with")
    if claims.get("host") != thumbprint(host_key):
        raise RejectedEvidence("host", "meant for another host")
    if type(claims.get("iat")) is not int:
        raise RejectedEvidence("claims", "iat is not a whole number")
    return ProofClaims(key, claims["invitation"], claims["host"], claims["iat"])


def sign_answer(claims: AnswerClaims, host_key: Ed25519PrivateKey) -> str:
    """The host's answer."""
    body: Dict[str, Any] = claims._asdict()
    body["brokers"] = list(claims.brokers)
    recovery = claims.recovery_key
    body["recovery_key"] = None if recovery is None else base64url.encode(raw_public_key(recovery))
    return token.sign(ANSWER_TYPE, body, host_key)


def read_answer(text: str, host_key: Ed25519PublicKey, proof: str) -> AnswerClaims:
    """The answer to this proof, signed by the key that the invitation pinned. Raises RejectedEvidence.

    Its dates are not checked: the robot may believe in another year.
    """
    claims = token.read(text, ANSWER_TYPE, {thumbprint(host_key): host_key})
    if claims.get("request") != token.token_hash(proof):
        raise RejectedEvidence("request", "answers another request")
    for name in _TEXTS:
        value = claims.get(name)
        if type(value) is not str or not value or len(value) > _MAX_TEXT:
            raise RejectedEvidence("claims", "{} is not a text".format(name))
    check_size(claims.get("nonce"), 24, "nonce")
    if type(claims.get("ueid")) is not str or type(claims.get("iat")) is not int:
        raise RejectedEvidence("claims", "ueid or iat is missing")
    serial = claims.get("recovery_serial", 0)
    if type(serial) is not int or serial < 0:
        raise RejectedEvidence("claims", "recovery_serial is not a whole number from 0")
    return AnswerClaims(
        claims["request"],
        claims["robot"],
        claims["name"],
        claims["ueid"],
        _addresses(claims.get("brokers")),
        claims["client_id"],
        claims["username"],
        claims["password"],
        claims["ca"],
        _recovery_key(claims),
        claims["nonce"],
        claims["iat"],
        claims["certificate"],
        serial,
    )


def _recovery_key(claims: Mapping[str, Any]) -> Optional[Ed25519PublicKey]:
    value = claims.get("recovery_key")
    if value is None:
        return None
    check_size(value, 32, "recovery_key")
    try:
        return public_key_from_raw(base64url.decode(value))
    except MisuseError as error:
        raise RejectedEvidence("claims", str(error)) from None


def words(key: Ed25519PublicKey, invitation: str) -> List[str]:
    """Six words that robot and host draw from key and invitation (its text's hash), for two people to compare.

    96 bits: who wants another key to show the same words has to try some 2^96 keys.
    """
    data = b"wachhund enrolment words\0" + raw_public_key(key) + base64url.decode(invitation)
    digest = hashlib.sha256(data).digest()
    return [_proquint(int.from_bytes(digest[2 * place : 2 * place + 2], "big")) for place in range(_WORDS)]


def _proquint(bits: int) -> str:
    return (
        _CONSONANTS[bits >> 12]
        + _VOWELS[bits >> 10 & 3]
        + _CONSONANTS[bits >> 6 & 15]
        + _VOWELS[bits >> 4 & 3]
        + _CONSONANTS[bits & 15]
    )
