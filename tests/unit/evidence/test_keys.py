"""Keys: a weak one never enters a register, because anybody could sign for it."""

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import (
    ZERO_HASH,
    MisuseError,
    base64url,
    load_private_key_pem,
    load_public_key_pem,
    private_key_pem,
    public_key_from_raw,
    public_key_pem,
    raw_public_key,
    thumbprint,
    ueid_of,
)
from wachhund_evidence.enrolment import Invitation, read_invitation, write_invitation

P = 2**255 - 19


def pem_of(raw: bytes) -> bytes:
    """PEM of any 32 bytes, made without asking whether they are a key."""
    der = bytes.fromhex("302a300506032b6570032100") + raw
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


def add(p: Any, q: Any) -> Any:
    """Addition on edwards25519 (RFC 8032, 5.1.4, affine): an independent way to find the points of small order."""
    d = -121665 * pow(121666, P - 2, P) % P
    (x1, y1), (x2, y2) = p, q
    k = d * x1 * x2 * y1 * y2 % P
    return (
        (x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P,
    )


def decompress(y: int) -> Any:
    d = -121665 * pow(121666, P - 2, P) % P
    square = (y * y - 1) * pow(d * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x, y) if (x * x - square) % P == 0 else None


def points_of_small_order() -> "set[Any]":
    """All eight, found by multiplying curve points with the order of the big subgroup."""
    order = 2**252 + 27742317777372353535851937790883648493
    found = {(0, 1)}
    y = 2
    while len(found) < 8:
        point = decompress(y)
        y += 1
        if point is None:
            continue
        result, bits = (0, 1), order
        while bits:
            if bits & 1:
                result = add(result, point)
            point, bits = add(point, point), bits >> 1
        for _ in range(8):
            found.add(result)
            result = add(result, result) if result not in found else add(result, next(iter(found)))
    return found


def test_all_points_of_small_order_are_refused() -> None:
    """OpenSSL loads them, and a signature of zeros then verifies for them (protocol-attacks.md, A2)."""
    points = points_of_small_order()
    assert len(points) == 8
    for x, y in points:
        raw = bytearray(y.to_bytes(32, "little"))
        raw[31] |= (x & 1) << 7
        Ed25519PublicKey.from_public_bytes(bytes(raw))
        with pytest.raises(MisuseError, match="small order"):
            load_public_key_pem(pem_of(bytes(raw)))


def test_a_key_for_which_anybody_can_sign_is_taken_by_the_library_and_by_nobody_here() -> None:
    """For the identity point R = A, S = 0 is a good signature of every message (docs/attacks.md, A2)."""
    identity = b"\x01" + bytes(31)
    weak = Ed25519PublicKey.from_public_bytes(identity)
    for message in (b"I am robot A", b"and everything else"):
        weak.verify(identity + bytes(32), message)  # raises when it does not fit
    with pytest.raises(MisuseError, match="small order"):  # a robot's key in a file
        load_public_key_pem(public_key_pem(weak))
    with pytest.raises(MisuseError, match="small order"):  # in what it sends to enrol
        public_key_from_raw(identity)
    host = Invitation(("h:1",), ZERO_HASH, weak, base64url.encode(bytes(16)))
    with pytest.raises(MisuseError, match="small order"):  # and a host's, in a token that somebody was given
        read_invitation(write_invitation(host))


@pytest.mark.parametrize("y", [P, P + 1, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 0x80])
def test_a_second_encoding_of_a_key_is_refused(y: int, sign: int) -> None:
    raw = bytearray(y.to_bytes(32, "little"))
    raw[31] |= sign
    with pytest.raises(MisuseError, match="canonical"):
        public_key_from_raw(bytes(raw))


def test_bytes_that_are_no_point_of_the_curve_are_refused() -> None:
    y = next(y for y in range(2, 100) if decompress(y) is None)
    with pytest.raises(MisuseError, match="curve"):
        public_key_from_raw(y.to_bytes(32, "little"))


@pytest.mark.parametrize("raw", [b"", b"x" * 31, b"x" * 33])
def test_a_key_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(MisuseError, match="32"):
        public_key_from_raw(raw)


def test_ordinary_keys_are_taken() -> None:
    for _ in range(50):
        key = Ed25519PrivateKey.generate().public_key()
        assert raw_public_key(load_public_key_pem(public_key_pem(key))) == raw_public_key(key)
        assert raw_public_key(public_key_from_raw(raw_public_key(key))) == raw_public_key(key)


def test_what_is_no_key_file_is_refused_in_words() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    for pem in (b"", b"hello", private_key_pem(Ed25519PrivateKey.generate())):
        with pytest.raises(MisuseError, match="public key"):
            load_public_key_pem(pem)
    with pytest.raises(MisuseError, match="not Ed25519"):
        load_public_key_pem(public_key_pem(other.public_key()))  # type: ignore[arg-type]
    with pytest.raises(MisuseError, match="private key"):
        load_private_key_pem(b"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n")


def test_a_private_key_comes_back_from_its_file() -> None:
    key = Ed25519PrivateKey.generate()
    assert private_key_pem(load_private_key_pem(private_key_pem(key))) == private_key_pem(key)


def test_a_thumbprint_is_that_of_rfc_8037() -> None:
    """The example of RFC 8037, appendix A.3."""
    raw = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(public_key_from_raw(raw)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_ueid_is_type_rand_and_a_hash() -> None:
    key = Ed25519PrivateKey.generate().public_key()
    data = base64.urlsafe_b64decode(ueid_of(key) + "=" * (-len(ueid_of(key)) % 4))
    assert data == b"\x01" + hashlib.sha256(raw_public_key(key)).digest()
