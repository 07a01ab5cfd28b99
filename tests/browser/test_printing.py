"""An incident's page on paper: everything that is folded stands there, no act does, from a dark screen too."""

import io
import re

from pypdf import PdfReader

from tests.browser.conftest import Stage, Tab
from tests.unit.host.web.stage import RELAY_PATH

A4 = (595.28, 841.89)  # points


def test_a_printed_incident_holds_all_that_is_folded_on_the_page(stage: Stage, tab: Tab) -> None:
    """What is handed over on paper can't be unfolded any more."""
    player = stage.player
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    story = [f"line {number} {'and more ' * 40}end of {number}." for number in range(12)]
    advice = [f"step {number}" for number in range(8)]
    incident = player.incident("i1", sessions=[session], story=story, advice=advice)
    stage.ledger.save_judgement(1, [incident], [session])
    tab.page.emulate_media(color_scheme="dark")
    tab.page.goto(f"{stage.page}/incidents/i1")
    paper = PdfReader(io.BytesIO(tab.page.pdf(format="A4")))
    for page in paper.pages:
        assert all(abs(float(side) - wanted) < 2 for side, wanted in zip(page.mediabox[2:], A4, strict=True))
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in paper.pages))
    for number in range(12):
        assert text.count(f"end of {number}.") == 1
    for words in ("step 7", "203.0.113.7", "inside the robot", "What could not be seen", "Evidence"):
        assert words in text, words
    for act in ("Acknowledge", "Close", "Log out", "Write a note", "Hand it on", "authorise this session"):
        assert act not in text, act
    # White paper: no page begins by being filled with the dark of the screen.
    tab.page.emulate_media(media="print", color_scheme="dark")
    assert tab.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.complaints == []
