"""A receipt: what the host holds of a robot's evidence, and a fresh nonce (protocol.md, Receipt)."""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import token
from wachhund_evidence.base64url import check_size
from wachhund_evidence.errors import RejectedEvidence
from wachhund_evidence.witness import is_compact

MAX_HELD_RANGES = 16
MAX_NEXT = 8  # statements on the host's key in one receipt: a robot that missed more changes enrols again
MAX_NEXT_CHARS = 1024  # of one; it needs some 330


@dataclass(frozen=True)
class ReceiptClaims:
    """The claims of one receipt.

    `seq`: all of `chain` up to here is committed (0: nothing yet), and `head` is the hash of the token at `seq`
    (zero for 0). `held`: ranges (first, last) beyond it that are committed too; fewer than MAX_HELD_RANGES are all that
    there are. `seen`: hash of the newest token verified. `iat`: host time in whole seconds. `next`: how the host's key
    became the one that signed this receipt (wachhund_evidence.succession), for a robot that pins an earlier one.
    `confirm`: for the robot's witness, which alone can read it.
    """

    ueid: str
    chain: str
    seq: int
    head: str
    held: Tuple[Tuple[int, int], ...]
    seen: str
    nonce: str
    iat: int
    next: Tuple[str, ...] = ()
    confirm: Optional[str] = None


def spans_of(numbers: Iterable[int]) -> List[Tuple[int, int]]:
    """Ascending numbers as ranges (first, last), as `held` names them."""
    made: List[Tuple[int, int]] = []
    for number in numbers:
        if made and made[-1][1] == number - 1:
            made[-1] = (made[-1][0], number)
        else:
            made.append((number, number))
    return made


def sign_receipt(claims: ReceiptClaims, key: Ed25519PrivateKey) -> str:
    """The token text for these claims, signed with the host's key."""
    body: Dict[str, Any] = {
        "ueid": claims.ueid,
        "chain": claims.chain,
        "seq": claims.seq,
        "head": claims.head,
        "held": [list(held) for held in claims.held],
        "seen": claims.seen,
        "nonce": claims.nonce,
        "iat": claims.iat,
    }
    if claims.next:
        body["next"] = list(claims.next)
    if claims.confirm is not None:
        body["confirm"] = claims.confirm
    return token.sign(token.RECEIPT_TYPE, body, key)


def _held(value: Any, seq: int) -> Tuple[Tuple[int, int], ...]:
    """Ranges beyond `seq` in the order of their numbers, none touching what another says. Integers end at 2**53 - 1."""
    if type(value) is not list or len(value) > MAX_HELD_RANGES:
        raise RejectedEvidence("claims", "held is not a list of at most {} ranges".format(MAX_HELD_RANGES))
    before = seq
    for item in value:
        if type(item) is not list or len(item) != 2 or any(type(end) is not int for end in item):
            raise RejectedEvidence("claims", "held is not a list of ranges")
        first, last = item
        if first > last:
            raise RejectedEvidence("claims", "held has a range that runs backwards")
        if first <= before:
            where = "not beyond seq" if before == seq else "not behind the range before it"
            raise RejectedEvidence("claims", "held has a range that is " + where)
        before = last
    return tuple((first, last) for first, last in value)


def next_of(claims: Mapping[str, Any]) -> Tuple[str, ...]:
    """The statements in a receipt's `next`; none when it has no such claim. Raises RejectedEvidence ("next")."""
    if "next" not in claims:
        return ()
    value = claims["next"]
    if type(value) is not list or not 1 <= len(value) <= MAX_NEXT:
        raise RejectedEvidence("next", "not a list of 1 to {} statements".format(MAX_NEXT))
    if any(type(item) is not str or len(item) > MAX_NEXT_CHARS for item in value):
        raise RejectedEvidence("next", "holds something other than a statement")
    return tuple(value)


def read_receipt(text: str, keys: Mapping[str, Ed25519PublicKey], ueid: str) -> ReceiptClaims:
    """The claims of a receipt for the robot `ueid`, signed by one of the host's `keys` (by `kid`).

    Raises RejectedEvidence with the reasons of `token.read`, and "claims", "next" or "ueid". Dates are not checked: a
    robot that believes in 2021 must take a receipt of 2026.
    """
    claims = token.read(text, token.RECEIPT_TYPE, keys)
    if claims.get("ueid") != ueid:
        raise RejectedEvidence("ueid", "for another robot")
    for name, size in (("chain", 16), ("head", 32), ("seen", 32), ("nonce", 24)):
        check_size(claims.get(name), size, name)
    seq, iat = claims.get("seq"), claims.get("iat")
    if type(seq) is not int or seq < 0:
        raise RejectedEvidence("claims", "seq is not a whole number from 0")
    if type(iat) is not int:
        raise RejectedEvidence("claims", "iat is not a whole number")
    confirm = claims.get("confirm")
    if confirm is not None and (type(confirm) is not str or not is_compact(confirm)):
        raise RejectedEvidence("claims", "confirm is not a compact JWS of one line")
    return ReceiptClaims(
        ueid,
        claims["chain"],
        seq,
        claims["head"],
        _held(claims.get("held"), seq),
        claims["seen"],
        claims["nonce"],
        iat,
        next_of(claims),
        confirm,
    )
