"""A loop that cannot work says so once, however often it tries."""

import logging

import pytest

from wachhund.ledger.trouble import Trouble


def test_it_is_said_when_it_begins_and_when_it_is_over_and_not_between(caplog: pytest.LogCaptureFixture) -> None:
    """A log of one line each second hides what else stands in it."""
    trouble = Trouble(logging.getLogger("wachhund.test"), "judge", "judges again")
    trouble.is_over()
    assert trouble.begins("the server is away") and not trouble.begins("it is starting")
    assert trouble.is_on
    trouble.is_over()
    trouble.is_over()
    assert trouble.begins("the server is away") and not trouble.begins("the server is away")
    assert caplog.messages == ["judge: the server is away", "judge: judges again", "judge: the server is away"]
