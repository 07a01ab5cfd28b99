"""Reading a token: every step of protocol.md refuses what it is there to refuse, and says so by its name."""

import zlib
from typing import Any, Callable, Dict, Tuple

import pytest

from wachhund_evidence import (
    MAX_MESSAGE_BYTES,
    RejectedEvidence,
    base64url,
    pack_message,
    read_evidence,
    sign_receipt,
    strict_json,
    unpack_message,
)
from wachhund_evidence.receipt import ReceiptClaims

# Every word by which a token can be refused: they are counted, shown and documented under these names.
REASONS = {
    *("oversize", "zlib", "token", "base64", "header", "typ", "key", "signature", "json"),
    *("claims", "observation", "profile", "ueid"),
}


def reason_of(act: Callable[[], Any]) -> str:
    with pytest.raises(RejectedEvidence) as caught:
        act()
    return caught.value.reason


def with_header(token: str, header: Dict[str, Any]) -> str:
    _, payload, signature = token.split(".")
    return ".".join((base64url.encode(strict_json.render(header).encode()), payload, signature))


def test_what_a_robot_signs_is_what_the_host_reads(robot: Any) -> None:
    assert read_evidence(robot.token(), robot.keys, robot.ueid) == robot.claims()


def test_a_token_altered_in_any_one_byte_is_refused(robot: Any) -> None:
    """The promise that everything else rests on: every byte of one token is tried, with more than one other value."""
    token = robot.token()
    for place in range(len(token)):
        for other in {"A", "_", ".", "=", "+", "\n", chr(ord(token[place]) ^ 1), chr(ord(token[place]) ^ 4)}:
            if other != token[place]:
                altered = token[:place] + other + token[place + 1 :]
                with pytest.raises(RejectedEvidence):
                    read_evidence(altered, robot.keys, robot.ueid)


def test_every_single_bit_of_a_token_counts(robot: Any) -> None:
    """As it comes in, from the message's bytes on: whatever one bit is flipped on the wire, it is refused by name."""
    message = robot.token().encode("ascii")
    for bit in range(8 * len(message)):
        altered = bytearray(message)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RejectedEvidence) as caught:
            read_evidence(unpack_message(bytes(altered)), robot.keys, robot.ueid)
        assert caught.value.reason in REASONS


def test_no_single_bit_of_a_compressed_message_makes_another_token_of_it(robot: Any) -> None:
    """zlib lies outside the signature: a flipped bit is refused, or it says nothing (and the token is the same)."""
    token = robot.token()
    message = zlib.compress(token.encode("ascii"))
    for bit in range(8 * len(message)):
        altered = bytearray(message)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            text = unpack_message(bytes(altered))
            read_evidence(text, robot.keys, robot.ueid)
        except RejectedEvidence as refused:
            assert refused.reason in REASONS
        else:
            assert text == token


def test_a_token_with_a_byte_missing_or_added_is_refused(robot: Any) -> None:
    token = robot.token()
    for place in range(len(token)):
        for altered in (token[:place] + token[place + 1 :], token[:place] + "A" + token[place:]):
            with pytest.raises(RejectedEvidence):
                read_evidence(altered, robot.keys, robot.ueid)


def test_a_token_of_another_robots_key_is_refused(robot: Any, new_robot: Callable[[], Any]) -> None:
    thief = new_robot()
    assert reason_of(lambda: read_evidence(thief.token(ueid=robot.ueid), robot.keys, robot.ueid)) == "key"


def test_a_kid_of_ours_over_a_foreign_signature_is_refused(robot: Any, new_robot: Callable[[], Any]) -> None:
    """`kid` only chooses among the registered keys; it proves nothing."""
    (kid,) = robot.keys
    forged = with_header(new_robot().token(ueid=robot.ueid), {"alg": "EdDSA", "kid": kid, "typ": "eat+jwt"})
    assert reason_of(lambda: read_evidence(forged, robot.keys, robot.ueid)) == "signature"


def test_a_robots_valid_token_on_another_robots_topic_is_refused(robot: Any, new_robot: Callable[[], Any]) -> None:
    other = new_robot()
    assert reason_of(lambda: read_evidence(robot.token(), robot.keys, other.ueid)) == "ueid"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none", "kid": "k", "typ": "eat+jwt"}, "key"),
        ({"alg": "EdDSA", "kid": "k"}, "header"),
        ({"alg": "EdDSA", "kid": "k", "typ": "eat+jwt", "crit": ["x"]}, "header"),
        ({"alg": "EdDSA", "kid": "k", "typ": "eat+jwt", "zip": "DEF"}, "header"),
        ({"alg": "EdDSA", "kid": "k", "typ": "eat+jwt", "jwk": {}}, "header"),
        ({"alg": "EdDSA", "kid": 1, "typ": "eat+jwt"}, "header"),
        ({"alg": "EdDSA", "kid": "k" * 600, "typ": "eat+jwt"}, "header"),
        ({"alg": "EdDSA", "kid": "k", "typ": "JWT"}, "typ"),
        ({"alg": "EdDSA", "kid": "../../x' OR 1=1", "typ": "eat+jwt"}, "key"),
    ],
)
def test_a_header_that_is_not_exactly_ours_is_refused(robot: Any, header: Dict[str, Any], reason: str) -> None:
    assert reason_of(lambda: read_evidence(with_header(robot.token(), header), robot.keys, robot.ueid)) == reason


def test_the_algorithm_comes_from_the_key_and_not_from_the_header(robot: Any) -> None:
    (kid,) = robot.keys
    token = with_header(robot.token(), {"alg": "none", "kid": kid, "typ": "eat+jwt"})
    assert reason_of(lambda: read_evidence(token, robot.keys, robot.ueid)) == "header"


def test_a_receipt_is_not_taken_for_evidence(robot: Any) -> None:
    receipt = sign_receipt(
        ReceiptClaims(
            robot.ueid,
            robot.claims().chain,
            1,
            robot.claims().prev,
            (),
            robot.claims().prev,
            robot.claims().eat_nonce,
            1,
        ),
        robot.key,
    )
    assert reason_of(lambda: read_evidence(receipt, robot.keys, robot.ueid)) == "typ"


def test_a_second_spelling_of_a_signature_is_refused(robot: Any) -> None:
    """Spare bits in the last character would give anybody on the wire a second token for one signature."""
    token = robot.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert reason_of(lambda: read_evidence(twin, robot.keys, robot.ueid)) == "base64"
    assert reason_of(lambda: read_evidence(token + "==", robot.keys, robot.ueid)) == "base64"


MISSING = object()
NO_TEXTS: Tuple[Any, ...] = (MISSING, None, True, 5, 1.5, [], {}, "")
NO_NUMBERS: Tuple[Any, ...] = (MISSING, None, True, False, "7", [], {})
OF_16, OF_32 = "A" * 22, "A" * 43
# Each claim with what must not stand there, and the word under which that is counted.
WRONG: Dict[str, Tuple[str, Tuple[Any, ...]]] = {
    "eat_profile": ("profile", (*NO_TEXTS, "tag:example,2026:other/1", "tag:wachhund,2026:evidence")),
    "ueid": ("ueid", (*NO_TEXTS, "AQ", OF_32)),
    "eat_nonce": ("claims", (*NO_TEXTS, "x" * 7, "x" * 89, ["x" * 32])),
    "bootseed": ("claims", (*NO_TEXTS, OF_16, OF_32 + "A", OF_32[:-1] + "B", "+" * 43, OF_32 + "\n")),
    "chain": ("claims", (*NO_TEXTS, OF_32, OF_16 + "A", OF_16[:-1] + "B", OF_16[:-1] + "=", "\u0100" * 22)),
    "seq": ("claims", (*NO_NUMBERS, 1.0, 0, -1)),
    "prev": ("claims", (*NO_TEXTS, OF_16, OF_32 + "A", OF_32[:-1] + "B")),
    "iat": ("claims", (*NO_NUMBERS, 1.5)),
    "mono": ("claims", NO_NUMBERS),
    "swname": ("claims", (MISSING, None, True, 5, [], {})),
    "swversion": ("claims", (*NO_TEXTS, "0.1.0", [5], ["0.1.0", "0.2.0"], [None])),
    "hashes": ("claims", (MISSING, None, True, 5, "x", [], {"code": 5}, {"code": None})),
    "obs": ("claims", (MISSING, None, True, 5, "x", {}, [{}] * 2001)),
    "receipt": ("claims", (True, 5, [], {})),
}
OBSERVATION = {"kind": "x", "t": 1.0, "mono": 2.0, "sensor": "s"}
WRONG_OBSERVATIONS = (
    *(5, None, "x", [], {}),
    *({**OBSERVATION, "kind": kind} for kind in (None, 5, "", "k" * 65, [])),
    *({**OBSERVATION, name: value} for name in ("t", "mono") for value in (None, "1", True, [])),
    *({**OBSERVATION, "sensor": sensor} for sensor in (None, 5, [])),
    *({name: value for name, value in OBSERVATION.items() if name != missing} for missing in OBSERVATION),
)


def test_every_claim_of_a_token_has_its_negatives(robot: Any) -> None:
    """A claim that is added gets its own, or this fails."""
    token = robot.token(receipt="r")
    assert set(strict_json.parse_object(base64url.decode(token.split(".")[1]))) == set(WRONG)


@pytest.mark.parametrize("claim", sorted(WRONG))
def test_a_claim_that_is_missing_or_wrong_is_refused(robot: Any, body: Dict[str, Any], claim: str) -> None:
    """Validly signed: it is the robot itself that sends nonsense."""
    reason, values = WRONG[claim]
    for value in values:
        spoiled = {name: kept for name, kept in body.items() if name != claim}
        if value is not MISSING:
            spoiled[claim] = value
        token = robot.token_of(spoiled)
        assert reason_of(lambda token=token: read_evidence(token, robot.keys, robot.ueid)) == reason, value


@pytest.mark.parametrize("wrong", WRONG_OBSERVATIONS, ids=repr)
def test_an_observation_that_is_none_is_refused(robot: Any, body: Dict[str, Any], wrong: object) -> None:
    """One of them spoils its token, wherever it stands: a token is taken whole or not at all."""
    for obs in ([wrong], [OBSERVATION, wrong, OBSERVATION]):
        body["obs"] = obs
        token = robot.token_of(body)
        assert reason_of(lambda token=token: read_evidence(token, robot.keys, robot.ueid)) == "observation"


def test_evidence_of_a_later_profile_is_proven_but_not_read(robot: Any, body: Dict[str, Any]) -> None:
    """An old host keeps what a new robot says instead of losing it (protocol.md, Versioning)."""
    body.update(eat_profile="tag:wachhund,2026:evidence/2", obs={"in": "a shape of its own"})
    claims = read_evidence(robot.token_of(body), robot.keys, robot.ueid)
    assert (claims.profile, claims.seq, claims.obs) == ("tag:wachhund,2026:evidence/2", 7, ())


def test_dates_are_never_checked(robot: Any) -> None:
    """A robot without a clock believes in any year; freshness comes from the nonce alone."""
    for iat in (-1, 0, 2**53 - 1):
        assert read_evidence(robot.token(iat=iat), robot.keys, robot.ueid).iat == iat


def test_a_message_is_compressed_where_that_helps_and_comes_back_whole(robot: Any) -> None:
    token = robot.token(obs=robot.claims().obs * 50)
    message = pack_message(token)
    assert message[:1] == b"\x78" and len(message) < len(token) / 2
    assert unpack_message(message) == token
    assert unpack_message(b"a.b.c") == "a.b.c"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"e" * (MAX_MESSAGE_BYTES + 1), "oversize"),
        (zlib.compress(b"0" * (MAX_MESSAGE_BYTES + 1)), "oversize"),
        (zlib.compress(b"0" * 200_000_000)[:190_000], "oversize"),
        (zlib.compress(b"a.b.c") + b"tail", "zlib"),
        (zlib.compress(b"a.b.c")[:-1], "zlib"),
        (b"x is no zlib", "zlib"),
        ("ä.b.c".encode(), "token"),
    ],
)
def test_a_message_that_is_huge_or_no_message_is_refused(message: bytes, reason: str) -> None:
    assert reason_of(lambda: unpack_message(message)) == reason


def test_a_message_of_exactly_the_limit_is_read() -> None:
    assert len(unpack_message(zlib.compress(b"a" * MAX_MESSAGE_BYTES))) == MAX_MESSAGE_BYTES


@pytest.mark.parametrize("junk", ["", ".", "..", "...", "a.b", "a.b.c.d", "\ud800.a.b", "é.é.é", "eyJ" * 100])
def test_junk_is_refused_by_name(robot: Any, junk: str) -> None:
    with pytest.raises(RejectedEvidence):
        read_evidence(junk, robot.keys, robot.ueid)
