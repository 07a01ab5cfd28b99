"""The JSON that both sides read alike: what Python's reader would let pass is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_evidence import RejectedEvidence
from wachhund_evidence.strict_json import MAX_DEPTH, MAX_INTEGER, parse, parse_object, render


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'[{"b":{"a":1,"a":2}}]',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"9007199254740992",
        b"-9007199254740992",
        b"1" * 4000,
        b"0." + b"1" * 4000,
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"\\u0000"',
        b'"\x00"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b"",
        b"{}{}",
        b"{'a':1}",
        b"[1,]",
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(RejectedEvidence) as caught:
        parse(data)
    assert caught.value.reason == "json"


def test_the_limits_themselves_are_still_read() -> None:
    assert parse(str(MAX_INTEGER).encode()) == MAX_INTEGER
    assert parse(str(-MAX_INTEGER).encode()) == -MAX_INTEGER
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert json.dumps(parse(deepest)).encode() == deepest
    assert parse(b"[" + b"[]," * 50 + b"[]]") == [[]] * 51


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_only_an_object_is_an_object() -> None:
    with pytest.raises(RejectedEvidence):
        parse_object(b"[]")


def test_what_leaves_is_plain_ascii_without_control_characters() -> None:
    """A terminal or a log that shows our JSON must not obey what a robot's process was called."""
    shown = render({"argv": ["\x1b]0;x\x07", "\x7f", "\x9b31m", "\u202e", "ä"]})
    assert shown.isascii() if hasattr(shown, "isascii") else shown.encode("ascii")
    assert all(32 <= ord(character) < 127 for character in shown)
    assert parse(shown.encode()) == {"argv": ["\x1b]0;x\x07", "\x7f", "\x9b31m", "\u202e", "ä"]}


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef"), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_what_we_write_we_read(value: Any) -> None:
    assert parse(render(value).encode("ascii")) == value


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        parse(data)
    except RejectedEvidence as error:
        assert error.reason == "json"
