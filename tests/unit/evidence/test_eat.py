"""Evidence is an Entity Attestation Token as RFC 9711 says, claim by claim; receipt and proof are none, and say so."""

import hashlib
import re
from typing import Any

from wachhund_evidence import (
    EVIDENCE_PROFILE,
    ZERO_HASH,
    ReceiptClaims,
    base64url,
    raw_public_key,
    read_evidence,
    sign_receipt,
    strict_json,
)
from wachhund_evidence.enrolment import sign_proof


def parts(token: str) -> "list[dict[str, Any]]":
    return [strict_json.parse_object(base64url.decode(part)) for part in token.split(".")[:2]]


def test_evidence_holds_exactly_these_claims(robot: Any) -> None:
    """RFC 9711's own names where it has one, and `chain`, `seq`, `prev`, `mono`, `hashes`, `obs`, `receipt` of ours.

    Not `nonce` (an EAT has `eat_nonce`), and not `measurements`, which is a list of CoSWIDs and no map of hashes.
    """
    header, claims = parts(robot.token())
    assert header == {"alg": "EdDSA", "kid": next(iter(robot.keys)), "typ": "eat+jwt"}
    standard = {"eat_profile", "ueid", "eat_nonce", "bootseed", "iat", "swname", "swversion"}
    always = standard | {"chain", "seq", "prev", "mono", "hashes", "obs"}
    assert set(claims) == always
    _, more = parts(robot.token(receipt="a.b.c"))
    assert set(more) == {*always, "receipt"}


def test_each_claim_of_the_standard_has_its_form(robot: Any) -> None:
    """RFC 9711: 4.1 nonce, 4.2.1 UEID, 4.2.6 and 4.2.7 software, 4.3.2 profile; RFC 7519: 4.1.6 iat."""
    _, claims = parts(robot.token())
    ueid = base64url.decode(claims["ueid"])
    assert ueid == b"\x01" + hashlib.sha256(raw_public_key(robot.public)).digest()
    assert len(ueid) == 33 and 10 <= len(claims["ueid"]) <= 44
    assert 8 <= len(claims["eat_nonce"]) <= 88 and len(base64url.decode(claims["eat_nonce"])) * 8 >= 64
    assert claims["swversion"] == ["0.1.0"] and claims["swname"] == "wachhund-agent"
    assert type(claims["iat"]) is int
    assert len(base64url.decode(claims["bootseed"])) == 32
    assert claims["eat_profile"] == EVIDENCE_PROFILE


def test_the_profile_is_a_tag_uri(robot: Any) -> None:
    """RFC 4151, 2.1: an authority, a date, and what it names."""
    assert re.fullmatch(r"tag:[a-z0-9.-]+,\d{4}:evidence/\d+", EVIDENCE_PROFILE)


def test_a_receipt_and_a_proof_are_plain_jwts_of_their_own_types(robot: Any) -> None:
    """They state nothing about an entity's condition, so they are no EATs; RFC 8725, 3.11: explicit types."""
    nonce = robot.claims().eat_nonce
    receipt = sign_receipt(ReceiptClaims(robot.ueid, "A" * 22, 1, ZERO_HASH, (), ZERO_HASH, nonce, 1), robot.key)
    for text, typ in (
        (receipt, "wachhund-receipt+jwt"),
        (sign_proof("x", robot.public, 1, robot.key), "wachhund-enrol+jwt"),
    ):
        header, claims = parts(text)
        assert header["typ"] == typ and not set(claims) & {"eat_profile", "eat_nonce", "bootseed"}


def test_a_statement_of_a_witness_is_a_nested_token(robot: Any) -> None:
    """RFC 9711, 4.2.18: in JSON a nested token is `["JWT", TOKEN]`; a bare text would be no submodule."""
    statement = "e30.e30." + "A" * 43
    _, claims = parts(robot.token(witness=statement))
    assert claims["submods"] == {"witness": ["JWT", statement]}
    assert read_evidence(robot.token(witness=statement), robot.keys, robot.ueid).witness == statement
