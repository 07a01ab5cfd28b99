"""Tokens that a robot's own key signed, made by somebody who has that key and means harm.

A reader that only fears bad signatures trusts everything behind a good one. Each case here is one that a common
library lets pass or breaks on (docs/attacks.md, A3 to A9).
"""

import json
import sys
import tracemalloc
import zlib
from typing import Any, Callable, Dict

import pytest

from wachhund_evidence import (
    MAX_MESSAGE_BYTES,
    ZERO_HASH,
    ReceiptClaims,
    RejectedEvidence,
    base64url,
    raw_public_key,
    read_evidence,
    read_receipt,
    sign_receipt,
    unpack_message,
)
from wachhund_evidence.enrolment import (
    AnswerClaims,
    read_answer,
    read_proof,
    sign_answer,
    sign_proof,
)


def reason_of(act: Callable[[], Any]) -> str:
    with pytest.raises(RejectedEvidence) as caught:
        act()
    return caught.value.reason


def reason(robot: Any, token: str) -> str:
    return reason_of(lambda: read_evidence(token, robot.keys, robot.ueid))


def test_the_way_these_tokens_are_made_gives_a_good_one(robot: Any) -> None:
    """Else each refusal below would prove nothing."""
    assert read_evidence(robot.signed(robot.header(), robot.payload()), robot.keys, robot.ueid) == robot.claims()


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"jwk": {"kty": "OKP"}},
        {"jku": "https://example.org/keys"},
        {"x5c": []},
        {"x5u": "https://example.org/chain"},
        {"cty": "JWT"},
        {"Alg": "none"},
    ],
)
def test_a_header_that_says_more_is_refused_though_it_is_signed(robot: Any, more: Dict[str, Any]) -> None:
    """A4, A7: a name that one side obeys and the other ignores gives one signature two meanings."""
    assert reason(robot, robot.signed(robot.header(**more), robot.payload())) == "header"


def test_a_payload_that_was_deflated_is_not_inflated(robot: Any) -> None:
    """A7: `zip` is defined for JWE only (RFC 7516); only the message around a token is compressed."""
    assert reason(robot, robot.signed(robot.header(), zlib.compress(robot.payload()))) == "json"


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"EdDSA","kid":"KID","typ":"eat+jwt"}',
        b'{"alg":"EdDSA","kid":"KID","kid":"KID","typ":"eat+jwt"}',
        b'{"alg":"EdDSA","kid":"KID","typ":"eat+jwt"} {}',
        b'\xef\xbb\xbf{"alg":"EdDSA","kid":"KID","typ":"eat+jwt"}',
        b'["EdDSA","KID","eat+jwt"]',
        b'{"alg":"EdDSA","kid":"KID","typ":"eat+jwt","\\u0000":1}',
        b"",
    ],
)
def test_a_header_that_two_readers_could_read_differently_is_refused(robot: Any, header: bytes) -> None:
    """A6: Python's own reader takes the last of a doubled key, so `alg` could be said twice."""
    (kid,) = robot.keys
    assert reason(robot, robot.signed(header.replace(b"KID", kid.encode()), robot.payload())) == "json"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"seq":7', b'"seq":7,"seq":8', "json"),
        (b'"mono":812.5', b'"mono":NaN', "json"),
        (b'"mono":812.5', b'"mono":Infinity', "json"),
        (b'"mono":812.5', b'"mono":1e999', "json"),
        (b'"seq":7', b'"seq":' + b"7" * 4000, "json"),
        (b'"seq":7', b'"seq":9007199254740992', "json"),
        (b'"seq":7', b'"seq":9223372036854775808', "json"),
        (b'"queue":0', b'"queue":-9007199254740992', "json"),
        (b'"swname":"wachhund-agent"', b'"swname":"\\ud800"', "json"),
        (b'"swname":"wachhund-agent"', b'"swname":"a\\u0000b"', "json"),
        (b'"swname":"wachhund-agent"', b'"swname":"\xff"', "json"),
        (b'"cpu_s":1.5', b'"cpu_s":' + b"[" * 80000 + b"]" * 80000, "json"),
        (b'"cpu_s":1.5', b'"cpu_s":' + b'{"a":' * 17 + b"1" + b"}" * 17, "json"),
        (b'"seq":7', b'"seq":true', "claims"),
        (b'"seq":7', b'"seq":7.0', "claims"),
        (b'"seq":7', b'"seq":-7', "claims"),
        (b'"iat":1700000000', b'"iat":1700000000.0', "claims"),
    ],
)
def test_json_that_pythons_own_reader_takes_is_refused_though_it_is_signed(
    robot: Any, old: bytes, new: bytes, why: str
) -> None:
    """A5, A6: what breaks a database or a second reader behind ours must not get that far."""
    payload = robot.payload()
    assert payload.count(old) == 1
    assert reason(robot, robot.signed(robot.header(), payload.replace(old, new))) == why


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_payload_in_another_encoding_is_refused(robot: Any, encoding: str) -> None:
    """A6: `json.loads` guesses UTF-16 and UTF-32 from the first bytes."""
    payload = robot.payload().decode("ascii").encode(encoding)
    json.loads(payload)
    assert reason(robot, robot.signed(robot.header(), payload)) == "json"


def test_a_deep_payload_breaks_no_reader_with_little_stack_left(robot: Any) -> None:
    """A5: it ends as a refusal, not as the interpreter's own RecursionError, which nobody counts."""
    deep = robot.signed(robot.header(), b'{"a":' * 30000 + b"1" + b"}" * 30000)
    assert len(deep) < MAX_MESSAGE_BYTES and sys.getrecursionlimit() < 30000

    def after(frames: int) -> str:
        return after(frames - 1) if frames else reason(robot, deep)

    assert after(sys.getrecursionlimit() // 2) == "json"


def spellings(token: str) -> "Dict[str, str]":
    """Other texts for the same three parts, of which a lenient decoder makes the same bytes."""
    head, payload, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    made = {
        "padding": token + "==",
        "padding inside": ".".join((head + "=" * (-len(head) % 4 or 4), payload, signature)),
        "a line break": ".".join((head, payload[:9] + "\n" + payload[9:], signature)),
        "a space": ".".join((head, payload[:9] + " " + payload[9:], signature)),
        "a foreign character": ".".join((head, payload, signature[:5] + "!" + signature[5:])),
        "the other alphabet": token.replace("-", "+").replace("_", "/"),
        "white space around": " " + token + "\n",
        "a fourth, empty part": token + ".",
    }
    for name, part in (("header", 0), ("payload", 1), ("signature", 2)):
        parts = [head, payload, signature]
        if len(parts[part]) % 4:  # the last character has bits to spare
            parts[part] = parts[part][:-1] + alphabet[alphabet.index(parts[part][-1]) ^ 1]
            made["spare bits in the " + name] = ".".join(parts)
    return {name: text for name, text in made.items() if text != token}


def test_one_signature_has_one_text(robot: Any) -> None:
    """A3: who may write a good token anew without its key can make an honest robot look like two."""
    tried = set()
    for seq in range(1, 41):  # each signature has other characters
        for name, text in spellings(robot.token(seq=seq)).items():
            assert reason(robot, text) in ("base64", "token"), name
            tried.add(name)
    assert tried >= {"padding", "the other alphabet", "a line break", "spare bits in the signature"}


def test_a_text_of_one_kind_is_taken_for_no_other(robot: Any) -> None:
    """A9, B6: evidence, receipt, proof and answer differ by `typ`, also where one key signed all four."""
    public, claims = robot.public, robot.claims()
    proof = sign_proof("wachhund1-x", public, 1, robot.key)
    answer = AnswerClaims(
        ZERO_HASH,
        "abcdefghij",
        "rex",
        robot.ueid,
        ("mqtts://h:1",),
        "c",
        "u",
        "p",
        "PEM",
        None,
        claims.eat_nonce,
        1,
        "PEM",
    )
    texts = {
        "evidence": robot.token(),
        "receipt": sign_receipt(
            ReceiptClaims(robot.ueid, claims.chain, 1, ZERO_HASH, (), ZERO_HASH, claims.eat_nonce, 1), robot.key
        ),
        "proof": proof,
        "answer": sign_answer(answer, robot.key),
    }
    raw = base64url.encode(raw_public_key(public))
    readers: "Dict[str, Callable[[str], Any]]" = {
        "evidence": lambda text: read_evidence(text, robot.keys, robot.ueid),
        "receipt": lambda text: read_receipt(text, robot.keys, robot.ueid),
        "proof": lambda text: read_proof(text, raw, public),
        "answer": lambda text: read_answer(text, public, proof),
    }
    for name, read in readers.items():
        for kind, text in texts.items():
            if kind != name:
                assert reason_of(lambda read=read, text=text: read(text)) == "typ", (kind, name)


def test_a_bomb_costs_no_more_memory_than_the_largest_message(robot: Any) -> None:
    """A8: 200 kB on the wire must not become 200 MB on the host, whatever stands behind the limit."""
    bombs = [zlib.compress(bytes(200_000_000), 9), zlib.compress(robot.token().encode() + b"." + bytes(50_000_000))]
    for bomb in bombs:
        assert len(bomb) < MAX_MESSAGE_BYTES
        tracemalloc.start()
        try:
            assert reason_of(lambda bomb=bomb: unpack_message(bomb)) == "oversize"
            assert tracemalloc.get_traced_memory()[1] < 4 * MAX_MESSAGE_BYTES
        finally:
            tracemalloc.stop()
