"""What a robot says may be anything: it is cut, cleaned, and never taken for more than it is."""

import json

import pytest

from wachhund.flash import robots_words
from wachhund.flash.robots_words import MAX_LINE_BYTES, Lines, Step


def test_lines_come_whole_however_the_bytes_are_cut() -> None:
    """TCP cuts where it likes."""
    text = "eins\nzwei\r\n\ndrüben\n".encode()
    for size in range(1, len(text) + 1):
        lines = Lines()
        found = [line for at in range(0, len(text), size) for line in lines.feed(text[at : at + size])]
        assert found == [b"eins", b"zwei", b"", "drüben".encode()]


def test_a_line_without_an_end_does_not_grow() -> None:
    """A robot that sends for ever costs this machine no more than a line."""
    lines = Lines()
    for _ in range(50):
        assert lines.feed(b"x" * MAX_LINE_BYTES) == []
    (cut,) = lines.feed(b"\n")
    assert len(cut) == MAX_LINE_BYTES
    assert lines.feed(b"next\n") == [b"next"]


def test_a_step_of_the_installer_is_read_and_its_text_made_fit_for_a_terminal() -> None:
    """Escape codes in it would be the robot's word on the operator's screen."""
    line = json.dumps({"step": "enrol", "state": "done", "text": "ok \x1b[31m\u202e" + "y" * 5000}).encode()
    found = robots_words.step(line)
    assert found is not None and found.step == "enrol" and found.status is None
    assert found.text.startswith("ok \\x1b[31m\\u202e") and len(found.text) < 500
    end = json.dumps({"step": "end", "state": "failed", "status": 16, "text": "read-only"}).encode()
    assert robots_words.step(end) == Step("end", "failed", "read-only", 16)


@pytest.mark.parametrize(
    "found",
    [
        {"step": "end", "state": "done", "status": True, "text": "x"},
        {"step": "end", "state": "done", "status": 99999, "text": "x"},
        {"step": "end", "state": "done", "text": "x"},
        {"step": "../x", "state": "done", "text": "x"},
        {"step": "check", "state": "\x1b[2J", "text": "x"},
        {"step": "check", "state": "done", "text": ["x"]},
        {"step": "check", "state": ["done"], "text": "x"},
        ["step"], "step", 7, None,
    ],
)  # fmt: skip
def test_what_is_no_step_is_none(found: object) -> None:
    """It is not shown, and decides nothing: the installer's exit statuses are numbers that we know."""
    assert robots_words.step(json.dumps(found).encode()) is None
    assert robots_words.step(b"\xff\xfe{") is None


def test_fields_are_read_from_lines_and_numbers_only_where_they_are_some() -> None:
    """Of two answers to one question the first counts: what a script said before something else got hold of it."""
    said = robots_words.fields([b"machine aarch64", b"machine x86_64", b"free_kb 12x", b"\xff", b"clock -5", b"uid 0"])
    assert said["machine"] == "aarch64"
    numbers = {name: robots_words.number(said.get(name)) for name in ("free_kb", "clock", "uid", "none")}
    assert numbers == {"free_kb": None, "clock": None, "uid": 0, "none": None}
    assert robots_words.number("9" * 17) is None and robots_words.number("٣") is None
