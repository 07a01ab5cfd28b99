"""The reader of signatures that a bundle brings along says what a proven library says, on real and on hostile ones."""

import json
import pathlib
import random

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wachhund_seal.ed25519 import is_signed


def library_says(public: bytes, message: bytes, signature: bytes) -> bool:
    """The peer: OpenSSL's word."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_wycheproofs_signatures_are_judged_as_they_must_be(vectors: pathlib.Path) -> None:
    """They were made to be accepted wrongly: odd encodings, numbers beyond the order, cut and grown ones."""
    groups = json.loads((vectors / "ed25519_test.json").read_text(encoding="utf-8"))["testGroups"]
    cases = [(bytes.fromhex(group["publicKey"]["pk"]), case) for group in groups for case in group["tests"]]
    assert len(cases) >= 150
    for public, case in cases:
        judged = is_signed(public, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        assert judged is (case["result"] == "valid"), case["comment"]


def test_what_differs_in_one_bit_is_not_signed_and_the_library_agrees() -> None:
    """Of key, message and signature each; and what is signed is signed for both."""
    chance = random.Random(7)
    for _ in range(25):
        key = Ed25519PrivateKey.from_private_bytes(bytes(chance.randrange(256) for _ in range(32)))
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        message = bytes(chance.randrange(256) for _ in range(chance.randrange(100)))
        signature = key.sign(message)
        assert is_signed(public, message, signature) and library_says(public, message, signature)
        parts = [bytearray(public), bytearray(message + b"x"), bytearray(signature)]
        chosen = chance.choice(parts)
        chosen[chance.randrange(len(chosen))] ^= 1 << chance.randrange(8)
        altered = tuple(bytes(part) for part in parts)
        assert not is_signed(*altered)
        assert not library_says(*altered)


def test_a_key_that_is_no_point_and_things_of_another_length_are_no_signature() -> None:
    """A robot must get a no, not a traceback, whatever stands in a file's head."""
    for public, signature in ((b"\xff" * 32, b"\0" * 64), (b"", b""), (b"\x02" + b"\0" * 31, b"\0" * 63)):
        assert not is_signed(public, b"m", signature)
