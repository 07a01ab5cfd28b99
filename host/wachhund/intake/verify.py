"""What an MQTT message is worth: the numbered steps of protocol.md, from bytes to a verified token. Pure.

    (0) the topic names a registered robot        here
    (1) size and compression of the message       wachhund_evidence.unpack_message
    (2)-(7) spelling, header, key, signature,     wachhund_evidence.read_evidence
        payload, profile and ueid
    (8) when its nonce was issued                 here; a nonce of nobody's is no fault, it proves no freshness
    (9) the receipt that it shows                 wachhund_evidence.read_receipt; one of nobody's proves nothing

The keys are those of the robot of the *topic*: a token can choose among them and nothing else.
"""

import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.fleet.roster import Enrolled
from wachhund.ledger.records import VerifiedToken
from wachhund_evidence import (
    ReceiptClaims,
    RejectedEvidence,
    nonce_time,
    read_evidence,
    read_receipt,
    token_hash,
    unpack_message,
)

_EVIDENCE_TOPIC = re.compile(r"wachhund/1/([a-z0-9]{10})/evidence", re.ASCII)


def robot_of_topic(topic: str) -> str:
    """Step 0: the robot id in an evidence topic. Raises RejectedEvidence ("topic")."""
    found = _EVIDENCE_TOPIC.fullmatch(topic)
    if found is None:
        raise RejectedEvidence("topic", "not an evidence topic")
    return found[1]


def receipt_topic(robot: str) -> str:
    """Where a robot reads its receipts."""
    return f"wachhund/1/{robot}/receipt"


def verify(
    message: bytes, sender: Enrolled, nonce_secret: bytes, received_t: float, host_keys: Mapping[str, Ed25519PublicKey]
) -> VerifiedToken:
    """Steps 1 to 9 for a message on the topic of `sender`, received at `received_t` by the host's clock.

    `host_keys`: this host's own, for the receipt that a robot may show. Raises RejectedEvidence with the reasons of
    `unpack_message` and `read_evidence`.
    """
    ueid = sender.robot.ueid
    text = unpack_message(message)  # (1)
    claims = read_evidence(text, sender.keys, ueid)  # (2)-(7)
    try:
        nonce_t = nonce_time(nonce_secret, ueid, claims.eat_nonce) / 1_000_000  # (8)
    except RejectedEvidence:
        # The host lost its secret, or was restored: the robot must still be able to empty its journal.
        nonce_t = None
    receipt = None if claims.receipt is None else _own_receipt(claims.receipt, host_keys, ueid)  # (9)
    return VerifiedToken(sender.robot.id, text, token_hash(text), claims, received_t, nonce_t, receipt)


def _own_receipt(text: str, keys: Mapping[str, Ed25519PublicKey], ueid: str) -> ReceiptClaims | None:
    """This host's own receipt; None for what is none, which proves nothing and harms nobody."""
    try:
        return read_receipt(text, keys, ueid)
    except RejectedEvidence:
        return None
