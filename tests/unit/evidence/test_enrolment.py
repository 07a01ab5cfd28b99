"""Enrolment's three texts: what a person carries, what the robot proves, what the host answers; and the six words."""

import hashlib
import re
from typing import Any, Dict

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wachhund_evidence import MisuseError, RejectedEvidence, base64url, strict_json, thumbprint, token
from wachhund_evidence.enrolment import (
    ANSWER_TYPE,
    PREFIX,
    PROOF_TYPE,
    AnswerClaims,
    Invitation,
    _proquint,
    invitation_hash,
    read_answer,
    read_invitation,
    read_proof,
    sign_answer,
    sign_proof,
    words,
    write_invitation,
)
from wachhund_evidence.keys import raw_public_key

ROBOT, HOST, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))
INVITATION = Invitation(
    ("192.0.2.1:8443", "host.example:8443"), base64url.encode(bytes(32)), HOST.public_key(), base64url.encode(bytes(16))
)
TEXT = write_invitation(INVITATION)
RAW = base64url.encode(raw_public_key(ROBOT.public_key()))
PROOF = sign_proof(TEXT, HOST.public_key(), 7, ROBOT)
ANSWER = AnswerClaims(
    token.token_hash(PROOF),
    "abcdefghij",
    "rex",
    base64url.encode(b"\x01" + bytes(32)),
    ("mqtts://192.0.2.1:8883",),
    "c",
    "abcdefghij",
    "secret",
    "PEM",
    OTHER.public_key(),
    base64url.encode(bytes(24)),
    8,
    "PEM of the robot's own",
)


def test_an_invitation_comes_back_as_it_was_also_broken_over_lines() -> None:
    for text in (TEXT, TEXT[:40] + "\n  " + TEXT[40:] + "\r\n"):
        found = read_invitation(text)
        assert found._replace(host_key=INVITATION.host_key) == INVITATION
        assert thumbprint(found.host_key) == thumbprint(HOST.public_key())
        assert invitation_hash(text) == invitation_hash(TEXT)


@given(st.integers(len(PREFIX), len(TEXT) - 1), st.sampled_from("ABCxyz019-_"))
def test_one_wrong_character_is_noticed_and_nothing_of_it_is_repeated(place: int, character: str) -> None:
    wrong = TEXT[:place] + character + TEXT[place + 1 :]
    if wrong == TEXT:
        return
    with pytest.raises(MisuseError, match="mistyped") as raised:
        read_invitation(wrong)
    assert TEXT[-20:] not in str(raised.value)


@given(st.text(max_size=300))
def test_any_text_is_an_invitation_or_a_clear_refusal(text: str) -> None:
    for candidate in (text, PREFIX + text):
        with pytest.raises(MisuseError):
            read_invitation(candidate)


@pytest.mark.parametrize(
    "change", [{"a": []}, {"a": ["x"] * 9}, {"a": [7]}, {"a": "x"}, {"t": "x"}, {"s": 7}, {"h": RAW[:-1]}, {"h": None}]
)
def test_an_invitation_with_a_wrong_field_is_refused(change: Dict[str, Any]) -> None:
    data = base64url.decode(TEXT[len(PREFIX) :])[:-4]
    body = dict(strict_json.parse_object(data), **change)
    made = strict_json.render(body).encode()
    text = PREFIX + base64url.encode(made + hashlib.sha256(made).digest()[:4])
    with pytest.raises(MisuseError, match="mistyped"):
        read_invitation(text)


def test_a_proof_binds_key_invitation_and_host() -> None:
    found = read_proof(PROOF, RAW, HOST.public_key())
    assert thumbprint(found.key) == thumbprint(ROBOT.public_key())
    assert (found.invitation, found.iat) == (invitation_hash(TEXT), 7)
    with pytest.raises(RejectedEvidence, match="another host"):
        read_proof(PROOF, RAW, OTHER.public_key())
    with pytest.raises(RejectedEvidence, match="not registered"):
        read_proof(PROOF, base64url.encode(raw_public_key(OTHER.public_key())), HOST.public_key())


def test_a_weak_key_is_refused_before_its_signature_is_looked_at() -> None:
    with pytest.raises(RejectedEvidence, match="small order"):
        read_proof(PROOF, base64url.encode(b"\x01" + bytes(31)), HOST.public_key())


@pytest.mark.parametrize("change", [{"key": "x"}, {"invitation": "x"}, {"host": 7}, {"iat": True}, {"iat": 1.0}])
def test_a_proof_with_a_wrong_claim_is_refused(change: Dict[str, Any]) -> None:
    body = {"key": RAW, "invitation": invitation_hash(TEXT), "host": thumbprint(HOST.public_key()), "iat": 7, **change}
    with pytest.raises(RejectedEvidence):
        read_proof(token.sign(PROOF_TYPE, body, ROBOT), RAW, HOST.public_key())


def test_an_answer_is_taken_only_from_the_pinned_host_and_only_to_ones_own_request() -> None:
    text = sign_answer(ANSWER, HOST)
    found = read_answer(text, HOST.public_key(), PROOF)
    assert found._replace(recovery_key=None) == ANSWER._replace(recovery_key=None)
    assert found.recovery_key is not None and thumbprint(found.recovery_key) == thumbprint(OTHER.public_key())
    with pytest.raises(RejectedEvidence, match="another request"):
        read_answer(text, HOST.public_key(), sign_proof(TEXT, HOST.public_key(), 8, ROBOT))
    with pytest.raises(RejectedEvidence, match="not registered"):
        read_answer(sign_answer(ANSWER, OTHER), HOST.public_key(), PROOF)
    with pytest.raises(RejectedEvidence, match="typ"):
        read_answer(PROOF, HOST.public_key(), PROOF)
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "change",
    [
        *({name: wrong} for name in ("robot", "name", "client_id", "username", "password") for wrong in ("", 7)),
        *({name: wrong} for name in ("ca", "certificate") for wrong in ("", 7)),
        *({"brokers": wrong} for wrong in ([], "x", [""], [7], ["x"] * 9)),
        *({"recovery_key": wrong} for wrong in ("x", 7, base64url.encode(bytes(32)))),
        {"nonce": "x"},
        {"ueid": 7},
        {"iat": "x"},
        {"request": None},
        {"ca": "x" * 20000},
    ],
)
def test_an_answer_with_a_wrong_claim_is_refused(change: Dict[str, Any]) -> None:
    body: Dict[str, Any] = {**ANSWER._asdict(), "brokers": list(ANSWER.brokers), "recovery_key": None, **change}
    with pytest.raises(RejectedEvidence):
        read_answer(token.sign(ANSWER_TYPE, body, HOST), HOST.public_key(), PROOF)


@given(st.integers(0, len(PROOF) * 6))
def test_a_changed_bit_of_a_proof_is_refused(bit: int) -> None:
    place, which = divmod(bit, 6)
    if place >= len(PROOF):
        return
    wrong = PROOF[:place] + chr(ord(PROOF[place]) ^ (1 << which)) + PROOF[place + 1 :]
    with pytest.raises(RejectedEvidence):
        read_proof(wrong, RAW, HOST.public_key())


def test_the_words_are_the_same_on_both_sides_and_change_with_key_and_invitation() -> None:
    mine = words(ROBOT.public_key(), invitation_hash(TEXT))
    assert len(mine) == 6 and all(re.fullmatch("([b-z][aiou]){2}[b-z]", one) for one in mine)
    assert words(ROBOT.public_key(), invitation_hash(TEXT)) == mine
    assert words(OTHER.public_key(), invitation_hash(TEXT)) != mine
    assert words(ROBOT.public_key(), token.ZERO_HASH) != mine


def test_the_words_are_those_of_the_published_scheme() -> None:
    """127.0.0.1 is "lusab-babad" in Wilkerson's paper."""
    assert (_proquint(0x7F00), _proquint(0x0001)) == ("lusab", "babad")
