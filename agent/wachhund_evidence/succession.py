"""How the host's key gives way to the next: statements that travel in receipts (protocol.md, Host key).

A statement names a new host key and is signed by the one before it, or by the recovery key that is kept offline. A
robot pins one host key and one recovery key; a receipt under a key that it does not pin counts when the statements in
it lead there. TUF's root rotation is the pattern (its specification, 5.3). Pure: no I/O, no clock.
"""

from typing import Mapping, NamedTuple, Optional, Sequence, Tuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import base64url, token
from wachhund_evidence.base64url import check_size
from wachhund_evidence.errors import MisuseError, RejectedEvidence
from wachhund_evidence.keys import public_key_from_raw, raw_public_key, thumbprint
from wachhund_evidence.receipt import ReceiptClaims, next_of, read_receipt

SUCCESSOR_TYPE = "wachhund-hostkey+jwt"
MAX_SERIAL = 2**53 - 1
_CLAIMS = {"key", "serial"}


class Successor(NamedTuple):
    """One statement: `key` is the host's from now on. `signer`: the kid that it is signed with.

    `serial` grows from statement to statement; only the recovery key's are compared by it.
    """

    key: Ed25519PublicKey
    serial: int
    signer: str


class Pinned(NamedTuple):
    """What a robot believes: the host's key, and the recovery key with the highest `serial` of it that counted.

    That serial keeps an old statement of the recovery key, played again, from bringing back a key that was stolen.
    """

    key: Ed25519PublicKey
    recovery_key: Optional[Ed25519PublicKey] = None
    recovery_serial: int = 0


def sign_successor(key: Ed25519PublicKey, serial: int, signer: Ed25519PrivateKey) -> str:
    """The statement that `key` is the host's from now on. Raises MisuseError for a serial out of range."""
    if not 1 <= serial <= MAX_SERIAL:
        raise MisuseError("serial: {}: give 1 to {}".format(serial, MAX_SERIAL))
    claims = {"key": base64url.encode(raw_public_key(key)), "serial": serial}
    return token.sign(SUCCESSOR_TYPE, claims, signer)


def read_successor(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Successor:
    """A statement that one of `keys` (by `kid`) signed. Raises RejectedEvidence with the reasons of `token.read`, and
    "claims" or "next" (names a key that nobody may use)."""
    claims = token.read(text, SUCCESSOR_TYPE, keys)
    if set(claims) != _CLAIMS:
        raise RejectedEvidence("claims", "holds other than key and serial")
    check_size(claims["key"], 32, "key")
    serial = claims["serial"]
    if type(serial) is not int or serial < 1:
        raise RejectedEvidence("claims", "serial is not a whole number from 1")
    try:
        key = public_key_from_raw(base64url.decode(claims["key"]))
    except MisuseError as error:
        raise RejectedEvidence("next", str(error)) from None
    return Successor(key, serial, token.kid_of(text))


def follow(pinned: Pinned, statements: Sequence[str]) -> Pinned:
    """Where the statements lead from what is pinned, in their order.

    A statement of a key that is not pinned (any more) proves nothing here and is passed over, as is an old one of the
    recovery key. One that is signed wrongly, or names a key that may not be a host's, ends it: RejectedEvidence.
    """
    for text in statements:
        present, recovery = thumbprint(pinned.key), pinned.recovery_key
        by = token.kid_of(text)
        by_recovery = recovery is not None and by == thumbprint(recovery)
        if by != present and not by_recovery:
            continue
        key = recovery if by_recovery and recovery is not None else pinned.key
        found = read_successor(text, {by: key})
        if recovery is not None and thumbprint(found.key) == thumbprint(recovery):
            raise RejectedEvidence("next", "makes the recovery key the host's: it has to stay offline")
        if not by_recovery:
            pinned = pinned._replace(key=found.key)
        elif found.serial > pinned.recovery_serial:
            pinned = pinned._replace(key=found.key, recovery_serial=found.serial)
    return pinned


def read_trusted(text: str, pinned: Pinned, ueid: str) -> Tuple[ReceiptClaims, Pinned]:
    """A receipt for the robot `ueid`, and what is to be pinned from it on (unchanged, mostly).

    The caller keeps the second durably before it uses the first. Raises RejectedEvidence as `read_receipt` and
    `read_successor` do.
    """
    kid = token.kid_of(text)
    if kid != thumbprint(pinned.key):
        # Nothing of this receipt is proven yet; each statement in it has a signature of its own.
        pinned = follow(pinned, next_of(token.unproven(text)))
    return read_receipt(text, {thumbprint(pinned.key): pinned.key}, ueid), pinned
