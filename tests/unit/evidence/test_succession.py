"""How a robot comes to believe another host key: by a statement of the one it pins, or of the recovery key."""

from typing import Any, Dict

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_evidence import MisuseError, ReceiptClaims, RejectedEvidence, base64url, make_nonce, sign_receipt
from wachhund_evidence.keys import raw_public_key
from wachhund_evidence.receipt import MAX_NEXT, MAX_NEXT_CHARS
from wachhund_evidence.succession import SUCCESSOR_TYPE, Pinned, follow, read_trusted, sign_successor
from wachhund_evidence.token import RECEIPT_TYPE, sign

ONE, TWO, THREE, THIEF, RECOVERY = [Ed25519PrivateKey.generate() for _ in range(5)]
AT_ONE = Pinned(ONE.public_key(), RECOVERY.public_key())
UEID = base64url.encode(b"\x01" + b"u" * 32)


def body(**changes: Any) -> Dict[str, Any]:
    """A receipt that is right in every detail, as plain JSON."""
    made = {
        "ueid": UEID,
        "chain": base64url.encode(b"c" * 16),
        "seq": 3,
        "head": base64url.encode(b"h" * 32),
        "held": [],
        "seen": base64url.encode(b"s" * 32),
        "nonce": make_nonce(b"s" * 32, UEID, 5),
        "iat": 1,
    }
    return dict(made, **changes)


def receipt(key: Ed25519PrivateKey, *statements: str) -> str:
    claims = dict(body(), held=())
    return sign_receipt(ReceiptClaims(next=tuple(statements), **claims), key)


def same(pinned: Pinned, key: Ed25519PrivateKey) -> bool:
    return raw_public_key(pinned.key) == raw_public_key(key.public_key())


def refusal(text: str, pinned: Pinned = AT_ONE) -> str:
    with pytest.raises(RejectedEvidence) as refused:
        read_trusted(text, pinned, UEID)
    return refused.value.reason


def test_a_receipt_under_the_pinned_key_changes_nothing_whatever_it_carries() -> None:
    claims, pinned = read_trusted(receipt(ONE, sign_successor(TWO.public_key(), 1, ONE)), AT_ONE, UEID)
    assert claims.seq == 3 and pinned == AT_ONE
    assert read_trusted(receipt(ONE), AT_ONE, UEID)[1] == AT_ONE


def test_a_new_key_counts_when_the_pinned_one_says_so() -> None:
    claims, pinned = read_trusted(receipt(TWO, sign_successor(TWO.public_key(), 1, ONE)), AT_ONE, UEID)
    assert claims.seq == 3 and same(pinned, TWO) and pinned.recovery_key is AT_ONE.recovery_key
    assert refusal(receipt(ONE), pinned) == "key", "and the old one counts no more from then on"


def test_a_robot_that_missed_several_changes_follows_them_all() -> None:
    """Also when it is shown those before its own: the host does not always know which one it pins."""
    chain = [sign_successor(TWO.public_key(), 1, ONE), sign_successor(THREE.public_key(), 2, TWO)]
    assert same(read_trusted(receipt(THREE, *chain), AT_ONE, UEID)[1], THREE)
    assert same(read_trusted(receipt(THREE, *chain), Pinned(TWO.public_key()), UEID)[1], THREE)
    assert refusal(receipt(THREE, *reversed(chain))) == "key", "not in their order they lead nowhere"
    assert refusal(receipt(TWO, *chain)) == "key", "the last one has signed the receipt, or nothing counts"


def test_the_recovery_key_outranks_whatever_a_thief_of_the_host_key_has_made() -> None:
    """He may have given robots a key of his own, with any serial: the recovery key's next statement still counts."""
    stolen = read_trusted(receipt(THIEF, sign_successor(THIEF.public_key(), 2**53 - 1, ONE)), AT_ONE, UEID)[1]
    assert same(stolen, THIEF)
    back = sign_successor(TWO.public_key(), 7, RECOVERY)
    for before in (AT_ONE, stolen):
        pinned = read_trusted(receipt(TWO, back), before, UEID)[1]
        assert same(pinned, TWO) and pinned.recovery_serial == 7


def test_an_old_statement_of_the_recovery_key_brings_no_stolen_key_back() -> None:
    old, new = sign_successor(TWO.public_key(), 7, RECOVERY), sign_successor(THREE.public_key(), 8, RECOVERY)
    after = follow(AT_ONE, [old, new])
    assert same(after, THREE) and after.recovery_serial == 8
    for again in (old, sign_successor(TWO.public_key(), 8, RECOVERY)):
        assert follow(after, [again]) == after and refusal(receipt(TWO, again), after) == "key"


def test_who_pins_no_recovery_key_believes_none() -> None:
    assert refusal(receipt(TWO, sign_successor(TWO.public_key(), 1, RECOVERY)), Pinned(ONE.public_key())) == "key"


@pytest.mark.parametrize("signer", [TWO, THIEF], ids=["itself", "a stranger"])
def test_a_key_that_nobody_vouches_for_is_refused(signer: Ed25519PrivateKey) -> None:
    assert refusal(receipt(TWO)) == "key"
    assert refusal(receipt(TWO, sign_successor(TWO.public_key(), 1, signer))) == "key"


def test_a_statement_altered_in_any_one_byte_leads_nowhere() -> None:
    statement = sign_successor(TWO.public_key(), 1, ONE)
    for place in range(len(statement)):
        altered = statement[:place] + ("A" if statement[place] != "A" else "B") + statement[place + 1 :]
        with pytest.raises(RejectedEvidence):
            read_trusted(receipt(TWO, altered), AT_ONE, UEID)


KEY = base64url.encode(raw_public_key(TWO.public_key()))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"key": KEY}, "claims"),
        ({"key": KEY, "serial": 1, "more": 1}, "claims"),
        ({"serial": 1}, "claims"),
        ({"key": KEY, "serial": 0}, "claims"),
        ({"key": KEY, "serial": True}, "claims"),
        ({"key": KEY, "serial": 1.0}, "claims"),
        ({"key": KEY, "serial": "1"}, "claims"),
        ({"key": KEY, "serial": 2**53}, "json"),
        ({"key": KEY[:-1], "serial": 1}, "claims"),
        ({"key": [KEY], "serial": 1}, "claims"),
        ({"key": base64url.encode(b"\x01" + bytes(31)), "serial": 1}, "next"),
        ({"key": base64url.encode(raw_public_key(RECOVERY.public_key())), "serial": 1}, "next"),
    ],
)
def test_a_statement_that_is_not_exactly_one_is_refused(claims: Dict[str, Any], reason: str) -> None:
    """A key of small order is one that everybody can sign for; the recovery key must not come online."""
    if reason == "json":
        statement = sign(SUCCESSOR_TYPE, {"key": KEY, "serial": 1}, ONE)
        head, _, _ = statement.split(".")
        payload = base64url.encode('{{"key":"{}","serial":{}}}'.format(KEY, 2**53).encode())
        signed = head + "." + payload
        statement = signed + "." + base64url.encode(ONE.sign(signed.encode()))
    else:
        statement = sign(SUCCESSOR_TYPE, claims, ONE)
    assert refusal(receipt(TWO, statement)) == reason


def test_a_statement_is_no_receipt_and_a_receipt_no_statement() -> None:
    assert refusal(sign_successor(TWO.public_key(), 1, ONE)) == "typ"
    assert refusal(sign(RECEIPT_TYPE, body(next=[sign(RECEIPT_TYPE, {"key": KEY, "serial": 1}, ONE)]), TWO)) == "typ"


@pytest.mark.parametrize(
    "value", [None, "x", [], {}, [1], [["x"]], ["x" * (MAX_NEXT_CHARS + 1)], ["x"] * (MAX_NEXT + 1)], ids=repr
)
@pytest.mark.parametrize("signer", [ONE, TWO], ids=["pinned", "new"])
def test_what_is_not_a_short_list_of_statements_is_refused(value: object, signer: Ed25519PrivateKey) -> None:
    """Also under the key that is pinned: a host that writes this is broken, and better noticed."""
    assert refusal(sign(RECEIPT_TYPE, body(next=value), signer)) == "next"


def test_what_is_no_token_at_all_is_refused_by_name() -> None:
    for text, reason in (("", "token"), ("a.b", "token"), ("..", "json"), ("é.b.c", "base64")):
        assert refusal(text) == reason
    assert refusal(receipt(TWO, "a.b.c")) == "base64"


@pytest.mark.parametrize("serial", [0, -1, 2**53])
def test_a_serial_that_no_robot_would_read_is_not_signed(serial: int) -> None:
    with pytest.raises(MisuseError):
        sign_successor(TWO.public_key(), serial, ONE)


def test_a_statement_fits_its_bound() -> None:
    assert len(sign_successor(TWO.public_key(), 2**53 - 1, ONE)) < MAX_NEXT_CHARS / 2
