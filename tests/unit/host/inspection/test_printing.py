"""A report's PDF says what its page says, and nothing in it is more than ink."""

import io
import re
from pathlib import Path

import pypdf

from tests.unit.host.inspection import robot_tree
from tests.unit.host.inspection.test_report import KEY, report_of
from wachhund.inspection.finding import Answer, Finding
from wachhund.inspection.known_robot import ANY
from wachhund.inspection.printing import print_report
from wachhund.inspection.report import Record, Subject, make
from wachhund.inspection.sealed_report import open_sealed, seal


def words_of(data: bytes) -> str:
    """All text, in one line; a break within a word is closed by `in_it`."""
    return " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def in_it(text: str, words: str) -> bool:
    """Whether a text stands there, wherever its lines are broken."""
    return re.sub(r"\s", "", text) in re.sub(r"\s", "", words)


def test_the_print_says_all_that_the_signed_report_says(tmp_path: Path) -> None:
    sealed = seal(report_of(robot_tree.enrolled(tmp_path)), KEY)
    opened = open_sealed(sealed)
    words = words_of(print_report(sealed))
    report = opened.report
    for text in (opened.kid, opened.digest, "seven blue horses", *report["unseen"], *report["not_proven"]):
        assert in_it(text, words), text
    for answer in report["answers"]:
        assert in_it(answer["question"], words)
        for finding in answer["findings"]:
            for text in (finding["title"], finding["means"], *finding["proof"], *finding["fix"], finding["recheck"]):
                assert in_it(text, words), text
    assert print_report(sealed) == print_report(sealed)


def test_what_was_watched_stands_in_it() -> None:
    subject = Subject("ssh", "r", host_key="SHA256:x", watched=Record(900.4, 7, "ab" * 32))
    words = words_of(print_report(seal(make(subject, ANY, [], 1.0, 2.0, None), KEY)))
    assert in_it("for 900 s: 7 observations, SHA-256 " + "ab" * 32, words) and in_it(
        "None, in what was looked at", words
    )


def test_a_robots_text_is_ink_and_no_link_script_or_form() -> None:
    hostile = "<script>alert(1)</script> https://evil.example \x1b[31m \u202e ) Tj (x"
    finding = Finding("n", "high", hostile, (hostile,), "It may.", ("Do.",), "Again.")
    data = print_report(
        seal(
            make(Subject("tree", hostile), ANY, [Answer("a", "Is it?", (finding,), ("/x",), ())], 1.0, 2.0, hostile),
            KEY,
        )
    )
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        assert "/Annots" not in page and "/AA" not in page
    words = words_of(data)
    assert "\x1b" not in words and "\u202e" not in words and in_it("<script>alert(1)</script>", words)
