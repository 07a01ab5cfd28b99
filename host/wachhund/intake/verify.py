"""What an MQTT message is worth: the numbered steps of protocol.md, from bytes to a verified token. Pure.

    (0) the topic names a registered robot        here
    (1) size and compression of the message       wachhund_evidence.unpack_message; then how much text that is counts
                                                  against the robot's quota (taking), before anything is read
    (2)-(7) spelling, header, key, signature,     wachhund_evidence.read_evidence
        payload, profile and ueid
    (8) when its nonce was issued                 here; a nonce of nobody's is no fault, it proves no freshness

The keys are those of the robot of the *topic*: a token can choose among them and nothing else.
"""

import re

from wachhund.fleet.roster import Enrolled
from wachhund.ledger.records import VerifiedToken
from wachhund_evidence import RejectedEvidence, nonce_time, read_evidence, token_hash

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


def verify(text: str, sender: Enrolled, nonce_secret: bytes, received_t: float) -> VerifiedToken:
    """Steps 2 to 8 for a token on the topic of `sender`, received at `received_t` by the host's clock.

    Step 1 came before: `text` is what `unpack_message` gave. Raises RejectedEvidence with the reasons of
    `read_evidence`.
    """
    ueid = sender.robot.ueid
    claims = read_evidence(text, sender.keys, ueid)  # (2)-(7)
    try:
        nonce_t = nonce_time(nonce_secret, ueid, claims.eat_nonce) / 1_000_000  # (8)
    except RejectedEvidence:
        # The host lost its secret, or was restored: the robot must still be able to empty its journal.
        nonce_t = None
    return VerifiedToken(sender.robot.id, text, token_hash(text), claims, received_t, nonce_t)
