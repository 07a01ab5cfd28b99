"""Text that came from a robot: nothing in it hides, turns, breaks out or floods."""

import pytest

from wachhund.web.robot_text import clipped, robot_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("agentd", "agentd"),
        ("gnp.\u202eexe", "gnp.‹U+202E›exe"),
        ("\x1b[2Jcleared", "‹U+001B›[2Jcleared"),
        ("two\nlines", "two‹U+000A›lines"),
        ("line\u2028sep", "line‹U+2028›sep"),
        ("zero\u200bwidth\ufeff", "zero‹U+200B›width‹U+FEFF›"),
        ("tag\U000e0041", "tag‹U+E0041›"),
        ("wide\u00a0space", "wide‹U+00A0›space"),
        ("Müller · 李", "Müller · 李"),
        (None, "unknown"),
    ],
)
def test_what_does_not_stand_visibly_in_a_line_is_shown_as_its_code(text: str | None, shown: str) -> None:
    """A right-to-left override makes one file name look like another."""
    assert visible(text) == shown


def test_a_tower_of_marks_is_taken_down() -> None:
    """Marks without end climb over the lines above."""
    assert visible("a" + "\u0301" * 9) == "a\u0301\u0301" + "‹U+0301›" * 7


def test_markup_stays_text() -> None:
    """Escaped before anything else is added."""
    html = str(robot_text("<img src=x onerror=alert(1)>&\"'"))
    assert html == "<bdi>&lt;img src=x onerror=alert(1)&gt;&amp;&#34;&#39;</bdi>"


def test_a_long_text_is_cut_and_can_be_read_whole() -> None:
    """ "show all" without a script: a details element."""
    html = str(robot_text("x" * 400 + "<b>", 100))
    assert html.startswith('<details class="long"><summary><bdi>' + "x" * 100 + "…</bdi>")
    assert "show all 403 characters" in html and html.endswith("x&lt;b&gt;</bdi></details>")


def test_a_cut_path_keeps_both_ends() -> None:
    """The end of a path tells as much as its beginning."""
    cut = clipped("/opt/" + "a" * 200 + "/agentd", 30)
    assert len(cut) == 30 and cut.startswith("/opt/") and cut.endswith("/agentd")
