"""Observations: what a robot's bytes become, and that nothing in them can break a line, a reader or a terminal."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_evidence import (
    Coverage,
    Observation,
    RejectedEvidence,
    clip,
    observation_from_json,
    observation_from_line,
    observation_to_line,
    strict_json,
    text,
)


def test_a_line_is_one_line_and_comes_back() -> None:
    fact = Observation("process.start", 1.5, 2, "process/tracefs", {"argv": ["a\nb", "\x1b[2J"], "exe": None})
    line = observation_to_line(fact)
    assert "\n" not in line and "\x1b" not in line
    assert observation_from_line(line) == fact
    assert observation_from_line(line.encode()) == fact


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "[]",
        "5",
        '{"kind":"x"}',
        '{"kind":7,"t":1,"mono":1,"sensor":"s"}',
        '{"t":1,"mono":1,"sensor":"s"}',
        '{"kind":"x","t":true,"mono":1,"sensor":"s"}',
        '{"kind":"x","t":1,"mono":1,"sensor":null}',
        "\ud800",
    ],
)
def test_a_line_that_is_no_observation_is_refused(line: str) -> None:
    with pytest.raises(RejectedEvidence):
        observation_from_line(line)


def test_unknown_kinds_and_fields_are_kept() -> None:
    """A newer robot must not lose what an older host cannot name yet."""
    fact = observation_from_json({"kind": "tail.wag", "t": 1, "mono": 1, "sensor": "s", "speed": {"hz": 3}})
    assert fact.to_json()["speed"] == {"hz": 3}


def test_bytes_that_are_not_utf_8_are_written_out() -> None:
    assert text(b"caf\xc3\xa9 \xff\xfe") == "café \\xff\\xfe"
    assert text(os.fsdecode(b"\xffx")) == "\\xffx"
    assert text("a\x00b") == "a\\x00b"


@given(st.binary(max_size=300))
def test_any_bytes_become_a_text_that_the_strict_reader_takes(data: bytes) -> None:
    assert strict_json.parse(strict_json.render(text(data)).encode()) == text(data)


@given(st.text(max_size=300))
def test_any_python_text_becomes_a_text_that_the_strict_reader_takes(value: str) -> None:
    assert strict_json.parse(strict_json.render(text(value)).encode()) == text(value)


def test_half_a_surrogate_pair_is_written_out() -> None:
    assert text("\ud800") == "\\ud800"


def test_a_clipped_text_never_ends_in_half_a_character() -> None:
    assert clip("äöü", 5) == ("äö", True)
    assert clip("äöü", 6) == ("äöü", False)


def test_coverage_says_everything_even_when_nothing_is_wrong() -> None:
    assert Coverage("tracefs", "event").to_json() == {
        "source": "tracefs",
        "state": "event",
        "interval_s": None,
        "dropped": 0,
        "why": None,
    }
