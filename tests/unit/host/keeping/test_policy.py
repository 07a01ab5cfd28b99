"""What --keep-days and --keep-size take, and what they refuse in one line."""

import pytest

from wachhund.keeping.moments import parse_moment, shown
from wachhund.keeping.policy import DAY_S, Keep, parse_keep
from wachhund_evidence import MisuseError


def test_a_year_is_kept_unless_said_otherwise() -> None:
    assert parse_keep(None, None) == Keep(365 * DAY_S, None)


@pytest.mark.parametrize(
    ("days", "size", "keep"),
    [
        ("30", None, Keep(30 * DAY_S, None)),
        ("forever", "20G", Keep(None, 20 * 1024**3)),
        ("1", "64M", Keep(DAY_S, 64 * 1024**2)),
        (None, "1TiB", Keep(365 * DAY_S, 1024**4)),
        (None, "500mb", Keep(365 * DAY_S, 500 * 1024**2)),
    ],
)
def test_days_and_sizes_are_read(days: str | None, size: str | None, keep: Keep) -> None:
    assert parse_keep(days, size) == keep


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "", "x", "36501", "٣", "9" * 5000, "1e3"])
def test_days_that_are_none_are_refused(days: str) -> None:
    with pytest.raises(MisuseError, match=r"--keep-days: .* give a number of days"):
        parse_keep(days, None)


@pytest.mark.parametrize("size", ["0G", "10", "1K", "63M", "-1G", "G", "1.5G", "", "9" * 5000 + "G", "٣G"])
def test_sizes_that_are_none_are_refused(size: str) -> None:
    with pytest.raises(MisuseError, match=r"--keep-size: .* give a size"):
        parse_keep(None, size)


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert parse_moment("1970-01-02", "--from") == 86_400.0
    assert parse_moment("1970-01-01T01:00", "--from") == parse_moment("1970-01-01T03:00+02:00", "--to") == 3_600.0
    assert shown(86_400.0) == "1970-01-02T00:00:00Z" and shown(None) == "the beginning" and shown(1e300) == "the end"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "99999-01-01", "1e9"])
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(MisuseError, match=r"--from: .* give a time"):
        parse_moment(text, "--from")
