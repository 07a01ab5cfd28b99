"""Answering a robot that enrols: from the bytes that it sent to a signed answer, or to one line that says why not.

No network here: `enrolment_door` carries the bytes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.fleet.authority import Authority
from wachhund.fleet.credentials import account_of, hash_password, robot_identity
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.inviting import kept_hash
from wachhund.ledger import EnrolmentRefused, Ledger, RobotKey
from wachhund_evidence import (
    RejectedEvidence,
    make_nonce,
    public_key_pem,
    strict_json,
    thumbprint,
    token_hash,
    ueid_of,
)
from wachhund_evidence.enrolment import AnswerClaims, ProofClaims, read_proof, sign_answer, words

MAX_REQUEST_BYTES = 8 * 1024
# What a refusal tells the robot. Whoever knocks without an invitation learns no more than that it doesn't count.
_SAID = {
    "expired": "the invitation has expired: ask for a new one",
    "withdrawn": "the invitation was withdrawn: ask for a new one",
    "used": "the invitation was used by another key: tell your operator, somebody may have copied it",
    "key": "this key enrolled before: make a new one",
    "state": "the host does not let this robot in: ask its operator",
}
_OTHER_HOST = "this token is of another host, or of an earlier key of this one: ask for a new one"
_UNKNOWN = "no such invitation: copy it whole, or ask for a new one"


@dataclass(frozen=True)
class Enrolment:
    """What the host answers. `reason`: a stable word for counting; None when the robot was let in."""

    status: int
    body: bytes
    reason: str | None
    detail: str = ""


def enrol(
    body: bytes, ledger: Ledger, keys: HostKeys, authority: Authority, brokers: Sequence[str], now: float
) -> Enrolment:
    """Answer one request. Raises LedgerError when the ledger can't be written."""
    try:
        proof, claims = _read(body, keys)
    except RejectedEvidence as refused:
        said = _OTHER_HOST if refused.reason == "host" else f"not a request to enrol ({refused.reason})"
        return _refusal(400, refused.reason, said, refused.detail)
    kid = thumbprint(claims.key)
    account = account_of(keys, kid)
    asked = RobotKey(kid, "", ueid_of(claims.key), public_key_pem(claims.key).decode("ascii"), now, None)
    said = f"key {kid}, words: {' '.join(words(claims.key, claims.invitation))}"
    try:
        robot, _ = ledger.enrol(kept_hash(claims.invitation), asked, hash_password(account.password), said)
    except EnrolmentRefused as refused_key:
        return _refusal(403, refused_key.reason, _SAID.get(refused_key.reason, _UNKNOWN), f"key {kid}")
    answer = AnswerClaims(
        request=token_hash(proof),
        robot=robot.id,
        name=robot.name,
        ueid=robot.ueid,
        brokers=tuple(brokers),
        client_id=account.client_id,
        username=robot.id,
        password=account.password,
        ca=authority.certificate,
        certificate=authority.issue(robot_identity(robot.id, kid), claims.key),
        recovery_key=keys.recovery_key,
        nonce=make_nonce(keys.nonce_secret, robot.ueid, int(now * 1_000_000)),
        iat=int(now),
        recovery_serial=keys.succession.recovery_serial,
    )
    return Enrolment(200, _json({"answer": sign_answer(answer, keys.key)}), None)


def _read(body: bytes, keys: HostKeys) -> tuple[str, ProofClaims]:
    if len(body) > MAX_REQUEST_BYTES:
        raise RejectedEvidence("oversize", f"{len(body)} bytes")
    found = strict_json.parse_object(body)
    proof, raw = found.get("proof"), found.get("key")
    if set(found) != {"proof", "key"} or type(proof) is not str or type(raw) is not str:
        raise RejectedEvidence("claims", "not a proof and a key")
    return proof, read_proof(proof, raw, keys.key.public_key())


def _refusal(status: int, reason: str, said: str, detail: str) -> Enrolment:
    return Enrolment(status, _json({"error": said}), reason, detail)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
