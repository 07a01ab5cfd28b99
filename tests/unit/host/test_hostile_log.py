"""2,000 hostile texts in the host's log: each is one line, and moves no cursor."""

import logging

from tests.browser.hostile import texts
from wachhund.log_lines import _OneLine


def test_a_hostile_text_is_one_line_of_the_log_that_moves_no_cursor() -> None:
    """A robot's name for a thing is in a log that people read in a terminal."""
    formatter = _OneLine()
    for text in texts(8):
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "robot %s: refused", (text,), None)
        try:
            raise ValueError(text)
        except ValueError as error:
            record.exc_info = (ValueError, error, error.__traceback__)
        line = formatter.format(record)
        assert line.isprintable() and line.splitlines() == [line]
