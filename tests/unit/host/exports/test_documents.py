"""An incident as Markdown and as PDF: the same facts in both, and a robot's text is nothing but text in either."""

import io
import time
from itertools import pairwise
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pypdf import PdfReader

from tests.unit.host.exports.stories import EVIL, incidents
from wachhund.exports.markdown import code, markdown
from wachhund.exports.pdf import pdf
from wachhund.exports.record import MAX_LINES, NOT_PROOF, Beside, Record, record
from wachhund.exports.sheets import MARGIN, WIDTH, Sheet, sheets
from wachhund.judge.wording import moment
from wachhund.web.robot_text import visible

STORIES = incidents()
NOW = 1_790_000_000.0


def beside(robot: str = "go1-07", **changed: Any) -> Beside:
    made: dict[str, Any] = {
        "robot": robot, "robot_id": "k3jd82ks9a", "kid": "SHA256:abc", "going_on": "yes", "state": "came back",
        "because": "it went on", "owner": "ada", "held": None,
        "done": [("ada", NOW, "wrote", "ours\nnot `theirs`")], "told": ["mail: taken"], "made_t": NOW, "version": "0.1",
    }  # fmt: skip
    return Beside(**{**made, **changed})


def made(story: str, **changed: Any) -> Record:
    return record(STORIES[story], beside(**changed))


def every_token(text: str) -> list[Token]:
    """As a CommonMark reader that takes HTML, bare addresses and tables for markup understands it."""
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
    return [inner for token in parser.parse(text) for inner in (token, *(token.children or ()))]


def pages(content: bytes) -> list[str]:
    """What stands on each, without its foot: a line may go on over it."""
    whole = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    return [page[: page.rindex(NOT_PROOF[:40])] for page in whole]


def squeezed(text: str) -> str:
    """Without the places where a line was broken."""
    return "".join(text.split())


@pytest.mark.parametrize("story", STORIES)
def test_both_forms_say_every_fact_of_the_record(story: str) -> None:
    """Who gets the PDF must not know less than who gets the Markdown; neither may drop what was not seen."""
    one = made(story)
    text, paper = markdown(one), squeezed("".join(pages(pdf(one))))
    for name, value in one.facts:
        assert name in text and squeezed(value) in paper
    for part in one.parts:
        assert f"## {part.heading}" in text and squeezed(part.heading) in paper
        for line in part.lines:
            assert line in text and squeezed(line) in paper, line
        for hop in part.path:
            assert hop.label in text and squeezed(hop.label) in paper
    assert one.title in text and NOT_PROOF in text


def test_the_document_tells_the_path_the_story_and_how_to_check_it() -> None:
    text = markdown(made("an ssh session through a relay"))
    hops = [line for line in text.split("\n") if line[:2] in ("1.", "2.", "3.", "4.", "5.") and ", " in line]
    assert "1. **NOT ALLOWED** `outside address`, seen: `203.0.113.7` (`port 443`)" in hops
    assert "3. `loopback`, joined: `inside the robot` (`its own address`)" in hops
    assert "agentd is a relay." in text and "wachhund verify incident-24ccec784b032f64.zip --key ROBOT.pem" in text
    assert "SHA256:abc" in text and "came back: it went on" in text


def test_what_somebody_allowed_is_not_called_forbidden() -> None:
    one = made("one that was allowed")
    path = next(part.path for part in one.parts if part.heading == "The path")
    assert path and not any(hop.forbidden for hop in path)
    assert "NOT ALLOWED" not in markdown(one) and "NOT ALLOWED" not in "".join(pages(pdf(one)))


HOSTILE = (
    EVIL, "`` ` ```", "`", " ` ", "[a](javascript:alert(1))", "![a](http://evil.example/x)", "<img src=x onerror=y>",
    "$x$", "http://evil.example www.evil.example a@evil.example", "@everyone #1 org/repo#2", "| a | b |", "\\`",
    "a\nb\n# c", "---", "&lt;script&gt;", "*a* _b_ ~~c~~", "\t- x", "    code", "1. x", "> x",
    "=HYPERLINK(1)", "\u2028x", "",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_markdown(text: str) -> None:
    """It stands in a ticket system of somebody else, who never saw ours: nothing may be made of it but its letters."""
    story = {**STORIES["hostile texts"], "title": text, "story": [text], "advice": [text], "rules": [text]}
    told = markdown(record(story, beside(text, done=[(text, NOW, "wrote", text)], told=[text], owner=text)))
    kinds = {token.type for token in every_token(told)}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "blockquote_open"}
    assert not kinds & {"table_open", "s_open", "em_open"}
    spans = [token.content for token in every_token(told) if token.type == "code_inline"]
    shown = visible(text)
    if shown.strip():
        # Spaces at both ends are a matter of the reader's; every other character is there, in order.
        assert sum(span.strip() == shown.strip() for span in spans) >= 4
        assert code(shown) in told
    assert "\u202e" not in told and "\x1b" not in told and "\x00" not in told
    assert sum(token.type == "heading_open" for token in every_token(told)) == 1 + len(made("hostile texts").parts)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_pdf(text: str) -> None:
    """No link, no script, no form, no file within; direction marks and control characters are shown as their codes."""
    story = {**STORIES["hostile texts"], "title": text, "story": [text]}
    content = pdf(record(story, beside(text)))
    reader = PdfReader(io.BytesIO(content))
    assert all("/Annots" not in page for page in reader.pages)
    assert not {"/AcroForm", "/Names", "/OpenAction", "/AA"} & set(reader.root_object)
    paper = squeezed("".join(pages(content)))
    assert squeezed(visible(text)) in paper
    assert "\u202e" not in paper


def test_letters_that_the_file_lacks_are_shown_as_their_codes() -> None:
    """A box or a gap would hide what was there."""
    paper = squeezed("".join(pages(pdf(made("a tunnel that idles", robot="机器狗 für Ölprüfung")))))
    assert "‹U+673A›‹U+5668›‹U+72D7›fürÖlprüfung" in paper
    assert "机器狗" in markdown(made("a tunnel that idles", robot="机器狗"))


def test_the_same_record_gives_the_same_file() -> None:
    """Two people who have it can compare digests."""
    assert pdf(made("a tunnel that idles")) == pdf(made("a tunnel that idles"))


class Typewriter:
    """Letters that are all as wide."""

    def width(self, text: str, size: float, bold: bool) -> float:
        return len(text) * size * 0.5


def laid(one: Record) -> list[Sheet]:
    return sheets(one, Typewriter())


def test_nothing_stands_outside_the_sheet_or_upon_another_line() -> None:
    """A thousand long words without a space."""
    story = {**STORIES["hostile texts"], "story": ["x" * 1_900] * 50 + ["y z " * 400]}
    for sheet in laid(record(story, beside())):
        for words in sheet.words:
            assert words.x + Typewriter().width(words.text, words.size, words.bold) <= WIDTH - MARGIN + 0.01
            assert words.y >= 20
        body = sorted({round(words.y, 2) for words in sheet.words if words.y > MARGIN})
        assert all(upper - lower > 4 for lower, upper in pairwise(body))


def test_every_sheet_says_which_of_how_many_it_is() -> None:
    found = laid(record({**STORIES["hostile texts"], "story": ["a line"] * 300}, beside()))
    assert len(found) > 3
    for number, sheet in enumerate(found, start=1):
        assert f"{number} of {len(found)}" in [words.text for words in sheet.words]


def test_a_story_without_an_end_is_cut_and_says_so() -> None:
    """A flood must not make a file that nobody can open, nor hide that something is missing."""
    told = [f"line {number}" for number in range(MAX_LINES + 7)]
    one = record({**STORIES["a tunnel that idles"], "story": told}, beside())
    story = next(part for part in one.parts if part.heading == "What happened")
    assert story.lines[0] == "line 7" and len(story.lines) == MAX_LINES
    assert "7 earlier lines are left out here" in story.intro
    begun = time.monotonic()
    pdf(one)
    assert time.monotonic() - begun < 60


def test_a_robot_that_believes_in_another_time_is_told_with_both() -> None:
    story = {**STORIES["a tunnel that idles"], "robot_first_t": 5.0, "robot_last_t": 9.0}
    facts = dict(record(story, beside()).facts)
    assert facts["Robot's own clock"] == f"{moment(5.0)} to {moment(9.0)}"
    assert "Robot's own clock" not in dict(made("a tunnel that idles").facts)
