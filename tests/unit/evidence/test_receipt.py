"""Receipts and nonces: the only thing that a robot takes from outside, so it is read as strictly as evidence."""

import dataclasses
from typing import Any, Callable, Dict

import pytest

from wachhund_evidence import (
    ZERO_HASH,
    ReceiptClaims,
    RejectedEvidence,
    base64url,
    make_nonce,
    nonce_time,
    read_receipt,
    sign_receipt,
    strict_json,
    token,
)

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


def test_a_receipt_altered_in_any_one_byte_is_refused(robot: Any, receipt: ReceiptClaims) -> None:
    text = sign_receipt(receipt, robot.key)
    for place in range(len(text)):
        altered = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises(RejectedEvidence):
            read_receipt(altered, robot.keys, robot.ueid)


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


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("chain", ZERO_HASH),
        ("seq", -1),
        ("seq", True),
        ("seq", 1.0),
        ("head", None),
        ("seen", "x"),
        ("nonce", "x" * 31),
        ("iat", "now"),
        ("held", None),
        ("held", [[1]]),
        ("held", [[5, 4]]),
        ("held", [[0, 4]]),
        ("held", [[1, True]]),
        ("held", [814, 820]),
        ("held", [[814.0, 820]]),
        ("held", [[-5, -4]]),
        ("held", [[number, number] for number in range(814, 848, 2)]),
        ("held", [[812, 820]]),
        ("held", [[900, 901], [814, 820]]),
        ("held", [[814, 820], [820, 830]]),
        ("held", [[814, 820], [814, 820]]),
    ],
)
def test_a_claim_of_the_wrong_type_is_refused(robot: Any, receipt: ReceiptClaims, claim: str, value: object) -> None:
    good = sign_receipt(receipt, robot.key)
    body: Dict[str, Any] = strict_json.parse_object(base64url.decode(good.split(".")[1]))
    body[claim] = value
    with pytest.raises(RejectedEvidence) as caught:
        read_receipt(token.sign(token.RECEIPT_TYPE, body, robot.key), robot.keys, robot.ueid)
    assert caught.value.reason == "claims"


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
