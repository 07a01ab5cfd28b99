"""Receipts and nonces: the only thing that a robot takes from outside, so it is read as strictly as evidence."""

import dataclasses
from typing import Any, Callable, Dict

import pytest

from wachhund_evidence import (
    ReceiptClaims,
    RejectedEvidence,
    base64url,
    make_nonce,
    nonce_time,
    read_receipt,
    sign_receipt,
    strict_json,
    token,
    unpack_message,
)
from wachhund_evidence.receipt import MAX_NEXT, MAX_NEXT_CHARS

SECRET = b"s" * 32


@pytest.fixture
def receipt(robot: Any) -> ReceiptClaims:
    return ReceiptClaims(
        ueid=robot.ueid,
        chain=base64url.encode(b"c" * 16),
        seq=812,
        head=base64url.encode(b"h" * 32),
        held=((814, 820), (900, 900)),
        seen=base64url.encode(b"s" * 32),
        nonce=make_nonce(SECRET, robot.ueid, 1700000000000000),
        iat=1700000000,
    )


def test_what_the_host_signs_is_what_the_robot_reads(robot: Any, receipt: ReceiptClaims) -> None:
    assert read_receipt(sign_receipt(receipt, robot.key), robot.keys, robot.ueid) == receipt


def test_every_single_bit_of_a_receipt_counts(robot: Any, receipt: ReceiptClaims) -> None:
    """As the robot gets it, from the message's bytes on."""
    message = sign_receipt(receipt, robot.key).encode("ascii")
    for bit in range(8 * len(message)):
        altered = bytearray(message)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RejectedEvidence):
            read_receipt(unpack_message(bytes(altered)), robot.keys, robot.ueid)


def test_a_receipt_for_another_robot_is_refused(
    robot: Any, receipt: ReceiptClaims, new_robot: Callable[[], Any]
) -> None:
    with pytest.raises(RejectedEvidence) as caught:
        read_receipt(sign_receipt(receipt, robot.key), robot.keys, new_robot().ueid)
    assert caught.value.reason == "ueid"


def test_a_robots_own_evidence_is_no_receipt(robot: Any) -> None:
    with pytest.raises(RejectedEvidence) as caught:
        read_receipt(robot.token(), robot.keys, robot.ueid)
    assert caught.value.reason == "typ"


MISSING = object()
NO_TEXTS = (MISSING, None, True, 5, 1.5, [], {}, "")
NO_NUMBERS = (MISSING, None, True, False, 1.0, "7", [], {})
OF_16, OF_32 = "A" * 22, "A" * 43
WRONG = {
    "ueid": (*NO_TEXTS, "AQ", OF_32),
    "chain": (*NO_TEXTS, OF_32, OF_16 + "A", OF_16[:-1] + "B"),
    "seq": (*NO_NUMBERS, -1),
    "head": (*NO_TEXTS, OF_16, OF_32 + "A", OF_32[:-1] + "B"),
    "held": (
        *(MISSING, None, True, 5, "x", {}),
        *([5], [[1]], [[814, 815, 816]], [[820, 819]], [[0, 4]], [[814, True]], [[814, 820.0]], [["814", "820"]]),
        *([814, 820], [[-5, -4]], [[812, 820]], [[900, 901], [814, 820]], [[814, 820], [820, 830]], [[814, 820]] * 2),
        [[number, number] for number in range(814, 848, 2)],
    ),
    "seen": (*NO_TEXTS, "x", OF_16, OF_32 + "A"),
    "nonce": (*NO_TEXTS, "x" * 31, "x" * 33, "+" * 32),
    "iat": (*NO_NUMBERS, "now"),
    "next": (None, True, 5, "x", [], {}, [5], [None], ["x"] * (MAX_NEXT + 1), ["x" * (MAX_NEXT_CHARS + 1)]),
}
OTHER_REASONS = {"ueid": "ueid", "next": "next"}  # all others: "claims"


def test_every_claim_of_a_receipt_has_its_negatives(robot: Any, receipt: ReceiptClaims) -> None:
    """A claim that is added gets its own, or this fails."""
    text = sign_receipt(dataclasses.replace(receipt, next=("a.b.c",)), robot.key)
    assert set(strict_json.parse_object(base64url.decode(text.split(".")[1]))) == set(WRONG)


@pytest.mark.parametrize("claim", sorted(WRONG))
def test_a_claim_that_is_missing_or_wrong_is_refused(robot: Any, receipt: ReceiptClaims, claim: str) -> None:
    """Validly signed: a host that was changed, or a fault of ours."""
    body: Dict[str, Any] = strict_json.parse_object(base64url.decode(sign_receipt(receipt, robot.key).split(".")[1]))
    for value in WRONG[claim]:
        spoiled = {name: kept for name, kept in body.items() if name != claim}
        if value is not MISSING:
            spoiled[claim] = value
        with pytest.raises(RejectedEvidence) as caught:
            read_receipt(token.sign(token.RECEIPT_TYPE, spoiled, robot.key), robot.keys, robot.ueid)
        assert caught.value.reason == OTHER_REASONS.get(claim, "claims"), value


@pytest.mark.parametrize("held", [[], [[813, 813]], [[814, 820], [821, 900]], [[814, 2**53 - 1]]])
def test_ranges_in_order_and_beyond_seq_are_taken(robot: Any, receipt: ReceiptClaims, held: Any) -> None:
    text = sign_receipt(dataclasses.replace(receipt, held=tuple(map(tuple, held))), robot.key)
    assert [list(one) for one in read_receipt(text, robot.keys, robot.ueid).held] == held


def test_sixteen_ranges_are_taken(robot: Any, receipt: ReceiptClaims) -> None:
    """One more is refused above: what a robot has to remember is bounded by what it reads."""
    held = tuple((number, number) for number in range(814, 846, 2))
    text = sign_receipt(dataclasses.replace(receipt, held=held), robot.key)
    assert read_receipt(text, robot.keys, robot.ueid).held == held and len(held) == 16


def test_a_number_beyond_what_both_sides_read_alike_is_refused(robot: Any, receipt: ReceiptClaims) -> None:
    text = sign_receipt(dataclasses.replace(receipt, held=((814, 2**53),)), robot.key)
    with pytest.raises(RejectedEvidence) as caught:
        read_receipt(text, robot.keys, robot.ueid)
    assert caught.value.reason == "json"


def test_a_nonce_tells_its_host_when_it_was_made() -> None:
    """No table is kept, so a restart forgets nothing and every worker can check it."""
    assert nonce_time(SECRET, "robot-a", make_nonce(SECRET, "robot-a", 1700000000123456)) == 1700000000123456


def test_a_nonce_of_another_host_robot_or_making_is_refused() -> None:
    nonce = make_nonce(SECRET, "robot-a", 1700000000123456)
    tries = [(b"t" * 32, "robot-a", nonce), (SECRET, "robot-b", nonce)]
    tries += [(SECRET, "robot-a", nonce[:place] + "_" + nonce[place + 1 :]) for place in range(len(nonce))]
    tries += [(SECRET, "robot-a", odd) for odd in ("", "A", nonce[:-4], nonce + "AAAA", "é")]
    for secret, ueid, odd in tries:
        if (secret, ueid, odd) != (SECRET, "robot-a", nonce):
            with pytest.raises(RejectedEvidence):
                nonce_time(secret, ueid, odd)
