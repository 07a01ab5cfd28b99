"""A list that a spreadsheet opens: what a robot sent stays text there."""

import csv
import io

import pytest

from wachhund.web.csv_text import defused, moment, pieces


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1+1", "\uff0bx",
        "\u202e=1", '"=1', "'=1", "a;=1+1", "a,=1+1", "a|@x", ";;=1",
    ],
)  # fmt: skip
def test_no_cell_and_no_part_of_one_begins_a_formula(text: str) -> None:
    """Also where the spreadsheet cuts at another separator than we wrote."""
    for separator in ",;|\t\n":
        for cell in defused(text).split(separator):
            assert cell.strip(" \"'")[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20") or "'" in cell, (separator, cell)
    assert not set(defused(text)) & set("\t\r\n\u202e")


def test_what_is_harmless_stays_as_it_is() -> None:
    for text in ("ssh -R 22:localhost", "a-b", "203.0.113.7 → agentd", "5 = 5", "ümlaut"):
        assert defused(text) == text


def test_numbers_and_yes_and_nothing_are_written_as_such() -> None:
    """Minus five is a number; only text is defused."""
    whole = "".join(pieces(("a", "b", "c", "d"), [(-5, 1.5, True, None)]))
    assert whole == '"a","b","c","d"\r\n"-5","1.5","yes",""\r\n'


def test_a_long_list_comes_in_pieces_and_reads_back_whole() -> None:
    rows = [(f'{number} "x", y', number) for number in range(1_001)]
    made = list(pieces(("text", "number"), iter(rows)))
    assert len(made) > 5
    read = list(csv.reader(io.StringIO("".join(made))))
    assert len(read) == 1_002 and read[1000][1] == "999" and read[1][0] == '0 "x", y'


@pytest.mark.parametrize("t", [None, -1.0, 1e300, float("nan"), float("inf")])
def test_a_time_that_is_none_is_an_empty_cell(t: float | None) -> None:
    assert moment(t) == ""
    assert moment(0.0) == "1970-01-01T00:00:00Z"
