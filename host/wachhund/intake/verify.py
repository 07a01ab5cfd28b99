"""What an MQTT message is worth: the numbered steps of protocol.md, from bytes to a verified token. Pure.

    (0) the topic names a registered robot        here
    (1) size and compression of the message       wachhund_evidence.unpack_message; then how much text that is counts
                                                  against the robot's quota (taking), before anything is read
    (2)-(7) spelling, header, key, signature,     wachhund_evidence.read_evidence
        payload, profile and ueid
    (8) when its nonce was issued                 here; a nonce of nobody's is no fault, it proves no freshness
    (9) the receipt that it shows                 wachhund_evidence.read_receipt; one of nobody's proves nothing
    (10) whether its key still counted then       here

The keys are those of the robot of the *topic*: a token can choose among them and nothing else.
"""

import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.fleet.roster import Enrolled
from wachhund.ledger.records import VerifiedToken
from wachhund_evidence import (
    EvidenceClaims,
    ReceiptClaims,
    RejectedEvidence,
    kid_of,
    nonce_time,
    read_evidence,
    read_receipt,
    token_hash,
)

GRACE_S = 30.0  # after the end of a key: the broker cuts a robot off within 10 s, and a nonce is at most so old
CLOCK_SLACK_S = 1.0  # by which this host's clock may go back unnoticed, as time servers make it do
_TOPIC = re.compile(r"wachhund/1/([a-z0-9]{10})/(evidence|status)", re.ASCII)


def place_of_topic(topic: str) -> tuple[str, str]:
    """Step 0: the robot id in a topic, and which of its topics it is: evidence or status.

    Raises RejectedEvidence ("topic").
    """
    found = _TOPIC.fullmatch(topic)
    if found is None:
        raise RejectedEvidence("topic", "not a topic of a robot")
    return found[1], found[2]


def receipt_topic(robot: str) -> str:
    """Where a robot reads its receipts."""
    return f"wachhund/1/{robot}/receipt"


def verify(
    text: str, sender: Enrolled, nonce_secret: bytes, received_t: float, host_keys: Mapping[str, Ed25519PublicKey]
) -> VerifiedToken:
    """Steps 2 to 10 for a token on the topic of `sender`, received at `received_t` by the host's clock.

    Step 1 came before: `text` is what `unpack_message` gave. `host_keys`: all that this host ever had, for the receipt
    that a robot may show. Raises RejectedEvidence with the reasons of `read_evidence`, and "ended" for what a rotated
    key signed after its end.
    """
    ueid = sender.robot.ueid
    claims = read_evidence(text, sender.keys, ueid)  # (2)-(7)
    nonce_t = _nonce_t(nonce_secret, claims, received_t)  # (8)
    shown = None if claims.receipt is None else _own_receipt(claims.receipt, host_keys, ueid)  # (9)
    ended = sender.ended.get(kid_of(text))
    if ended is not None and nonce_t is not None and nonce_t > ended.until_t + GRACE_S:  # (10)
        raise RejectedEvidence("ended", "made with a key that had been rotated away")
    return VerifiedToken(sender.robot.id, text, token_hash(text), claims, received_t, nonce_t, shown)


def of_an_ended_key(text: str, sender: Enrolled, received_t: float) -> tuple[VerifiedToken, str, float] | None:
    """What an ended key of the robot signed, with that key's name and when it ended; None for anything else.

    Only what came some time after the end: a robot that is being cut off says its last words.
    """
    try:
        kid = kid_of(text)
        ended = sender.ended.get(kid)
        if ended is None or received_t <= ended.until_t + GRACE_S:
            return None
        claims = read_evidence(text, {kid: ended.key}, ended.ueid)
    except RejectedEvidence:
        return None
    return VerifiedToken(sender.robot.id, text, token_hash(text), claims, received_t, None), kid, ended.until_t


def _nonce_t(secret: bytes, claims: EvidenceClaims, received_t: float) -> float | None:
    try:
        issued_t = nonce_time(secret, claims.ueid, claims.eat_nonce) / 1_000_000
    except RejectedEvidence:
        # The host lost its secret, or was restored: the robot must still be able to empty its journal.
        return None
    # Set back since then, this host's clock can't tell how old that nonce is.
    return issued_t if issued_t <= received_t + CLOCK_SLACK_S else None


def _own_receipt(text: str, keys: Mapping[str, Ed25519PublicKey], ueid: str) -> ReceiptClaims | None:
    """This host's own receipt; None for what is none, which proves nothing and harms nobody."""
    try:
        return read_receipt(text, keys, ueid)
    except RejectedEvidence:
        return None
