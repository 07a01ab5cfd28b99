"""One signed token: a JOSE compact JWS (RFC 7515), written and strictly read (protocol.md, reading a token).

Pure: bytes and keys in, claims out. The step numbers are those of protocol.md.
"""

import hashlib
import zlib
from functools import lru_cache
from typing import Any, Dict, List, Mapping, Tuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import base64url, strict_json
from wachhund_evidence.errors import RejectedEvidence
from wachhund_evidence.keys import thumbprint

MAX_MESSAGE_BYTES = 256 * 1024
MAX_HEADER_CHARS = 512  # alg, typ and a 43-character kid need some 130
EVIDENCE_TYPE = "eat+jwt"
RECEIPT_TYPE = "wachhund-receipt+jwt"
ZERO_HASH = base64url.encode(bytes(32))
_ZLIB_FIRST_BYTE = b"\x78"
_HEADERS_KEPT = 1024  # a header is the same in every token of one key


def token_hash(token: str) -> str:
    """SHA-256 of a token's text, base64url: what `prev`, `head` and `seen` hold."""
    return base64url.encode(hashlib.sha256(token.encode("ascii")).digest())


def pack_message(token: str) -> bytes:
    """The MQTT message for a token: zlib (RFC 1950) where that is shorter."""
    plain = token.encode("ascii")
    packed = zlib.compress(plain, 6)
    return packed if len(packed) < len(plain) else plain


def unpack_message(message: bytes) -> str:
    """Step 1: the token text in an MQTT message. Raises RejectedEvidence ("oversize", "zlib" or "token")."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise RejectedEvidence("oversize", "message of {} bytes".format(len(message)))
    if message[:1] == _ZLIB_FIRST_BYTE:
        inflater = zlib.decompressobj()
        try:
            message = inflater.decompress(message, MAX_MESSAGE_BYTES + 1)
        except zlib.error:
            raise RejectedEvidence("zlib", "not a zlib stream") from None
        if len(message) > MAX_MESSAGE_BYTES:
            raise RejectedEvidence("oversize", "inflates beyond {} bytes".format(MAX_MESSAGE_BYTES))
        if not inflater.eof or inflater.unused_data:
            raise RejectedEvidence("zlib", "cut off, or something after its end")
    try:
        return message.decode("ascii")
    except UnicodeDecodeError:
        raise RejectedEvidence("token", "not ASCII") from None


@lru_cache(maxsize=_HEADERS_KEPT)
def _header(part: str) -> Tuple[str, str, str]:
    """Step 3: (alg, typ, kid). A pure function of a short text, so its results are kept."""
    if len(part) > MAX_HEADER_CHARS:
        raise RejectedEvidence("header", "too long")
    header = strict_json.parse_object(base64url.decode(part))
    if set(header) != {"alg", "typ", "kid"}:
        raise RejectedEvidence("header", "holds other than alg, typ and kid")
    for name, value in header.items():
        if type(value) is not str:
            raise RejectedEvidence("header", name + " is not a text")
    return header["alg"], header["typ"], header["kid"]


def sign(typ: str, claims: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """The token text for these claims, signed with Ed25519 (`alg` EdDSA, RFC 8037)."""
    header = {"alg": "EdDSA", "kid": thumbprint(key.public_key()), "typ": typ}
    signed = "{}.{}".format(
        base64url.encode(strict_json.render(header).encode("ascii")),
        base64url.encode(strict_json.render(claims).encode("ascii")),
    )
    return signed + "." + base64url.encode(key.sign(signed.encode("ascii")))


def _parts(token: str) -> List[str]:
    if len(token) > MAX_MESSAGE_BYTES:
        raise RejectedEvidence("oversize", "token of {} characters".format(len(token)))
    parts = token.split(".")
    if len(parts) != 3:
        raise RejectedEvidence("token", "{} parts instead of 3".format(len(parts)))
    return parts


def kid_of(token: str) -> str:
    """The name of the key that a token says it was signed with. Nothing is proven by it. Raises RejectedEvidence."""
    return _header(_parts(token)[0])[2]


def unproven(token: str) -> Dict[str, Any]:
    """The claims of a token whose signature nobody has checked: for people to look at, and for what in them is signed
    by itself. Raises RejectedEvidence."""
    return strict_json.parse_object(base64url.decode(_parts(token)[1]))


def read(token: str, typ: str, keys: Mapping[str, Ed25519PublicKey]) -> Dict[str, Any]:
    """Steps 2 to 6: the claims of a token that one of `keys` (by `kid`) signed as a `typ`.

    Raises RejectedEvidence: "oversize", "token", "base64", "header", "typ", "key", "signature" or "json".
    """
    parts = _parts(token)  # (2)
    signature = base64url.decode(parts[2])
    payload = base64url.decode(parts[1])
    alg, its_typ, kid = _header(parts[0])  # (3)
    if its_typ != typ:
        raise RejectedEvidence("typ", "not a " + typ)
    key = keys.get(kid)  # (4)
    if key is None:
        raise RejectedEvidence("key", "signed with a key that is not registered here")
    if alg != "EdDSA":
        raise RejectedEvidence("header", "alg is not EdDSA")
    try:
        key.verify(signature, token[: -1 - len(parts[2])].encode("ascii"))  # (5)
    except (InvalidSignature, UnicodeEncodeError):
        raise RejectedEvidence("signature", "does not fit the token") from None
    return strict_json.parse_object(payload)  # (6)
