"""Ed25519 keys: reading them, refusing weak ones, naming them (RFC 8032, RFC 7638, RFC 9711)."""

import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import base64url
from wachhund_evidence.errors import MisuseError

_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
# The y of all eight points whose order divides 8 (x differs in sign only). Everybody can sign for such a key.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _P - 1,
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    }
)


def raw_public_key(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key (RFC 8032)."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _check_point(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise MisuseError("public key: its encoding is not canonical: make a new key")
    if y in _SMALL_ORDER_Y:
        raise MisuseError("public key: it is of small order, anybody could sign for it: make a new key")
    x_squared = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:
        raise MisuseError("public key: not a point of the curve: make a new key")


def public_key_from_raw(raw: bytes) -> Ed25519PublicKey:
    """A public key from its 32 bytes. Raises MisuseError for a weak, odd or impossible one.

    OpenSSL loads them all; protocol-attacks.md, A2, shows what that costs.
    """
    if len(raw) != 32:
        raise MisuseError("public key: {} bytes instead of 32: not an Ed25519 key".format(len(raw)))
    _check_point(raw)
    return Ed25519PublicKey.from_public_bytes(raw)


def load_public_key_pem(pem: bytes) -> Ed25519PublicKey:
    """A public key from PEM (SubjectPublicKeyInfo). Raises MisuseError when it is unusable or weak."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise MisuseError("public key: not a PEM public key: give the file that ends in .pub") from None
    if not isinstance(key, Ed25519PublicKey):
        raise MisuseError("public key: not Ed25519: make one with `wachhund-agent keygen`")
    _check_point(raw_public_key(key))
    return key


def public_key_pem(key: Ed25519PublicKey) -> bytes:
    """PEM (SubjectPublicKeyInfo) of a public key."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_private_key_pem(pem: bytes) -> Ed25519PrivateKey:
    """A private key from unencrypted PKCS #8 PEM. Raises MisuseError when it is none; the message holds no key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise MisuseError("private key: not an unencrypted PEM private key: make one with keygen") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise MisuseError("private key: not Ed25519: make one with keygen")
    return key


def private_key_pem(key: Ed25519PrivateKey) -> bytes:
    """Unencrypted PKCS #8 PEM of a private key. The caller keeps it in a file that only its owner can read."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def thumbprint(key: Ed25519PublicKey) -> str:
    """The `kid` of a key: its JWK thumbprint (RFC 7638, with RFC 8037 for Ed25519)."""
    x = base64url.encode(raw_public_key(key))
    canonical = '{"crv":"Ed25519","kty":"OKP","x":"' + x + '"}'
    return base64url.encode(hashlib.sha256(canonical.encode("ascii")).digest())


def ueid_of(first_key: Ed25519PublicKey) -> str:
    """The robot's UEID (RFC 9711, 4.2.1): type RAND and a hash of its first key; it outlives key rotation."""
    return base64url.encode(b"\x01" + hashlib.sha256(raw_public_key(first_key)).digest())
