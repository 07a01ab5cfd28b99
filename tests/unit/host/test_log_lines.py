"""The host's log in a terminal: one line an event, whatever is in it."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from wachhund.log_lines import log_to_stderr


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error of a host; the root logger is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr(sys, "stderr", stream)
    log_to_stderr()
    yield stream
    root.handlers, root.level = handlers, level


def test_a_failure_is_one_line_with_its_place_and_no_traceback(written: io.StringIO) -> None:
    """A traceback tells a person nothing, and an attacker much."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("wachhund.x").exception("judge: failed")
    (line,) = written.getvalue().splitlines()
    assert line.startswith("wachhund: judge: failed (ValueError: two\\nlines, at ") and "test_log_lines.py:" in line


def test_control_characters_do_not_reach_the_terminal(written: io.StringIO) -> None:
    """A robot's name or reason may hold an escape sequence."""
    logging.getLogger("wachhund.x").warning("refused: %s", "\x1b]0;owned\x07\u202e\r")
    assert written.getvalue() == "wachhund: refused: \\x1b]0;owned\\x07\\u202e\\r\n"
