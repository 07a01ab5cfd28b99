"""The walk at 3 a.m., on a phone, with each act counted: from the link of a message to an authorisation, or to a close.

An act is a click, a tap, or one field that is typed into. The link is the one that the message itself holds.
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab
from tests.browser.scenery import attack
from tests.unit.host.web.stage import RELAY_PATH
from wachhund.notify import wording

SCREEN = {"width": 390, "height": 844}
UNDERSTANDING, MORE = 1, 3


class Walker:
    """Somebody on a phone, and how many acts it took."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.acts = 0

    def opens(self, link: str) -> None:
        self.acts += 1
        self._page.goto(link)

    def taps(self, selector: str) -> None:
        self.acts += 1
        self._page.tap(selector)

    def types(self, selector: str, text: str) -> None:
        self.acts += 1
        self._page.fill(selector, text)


@pytest.fixture
def walker(chromium: Any, stage: Stage, tab: Tab) -> Iterator[tuple[Walker, Any]]:
    attack(stage)
    state = tab.context.storage_state()
    phone = Tab(chromium, viewport=SCREEN, has_touch=True, is_mobile=True, color_scheme="dark", storage_state=state)
    yield Walker(phone.page), phone.page
    assert phone.complaints == []
    phone.context.close()


def link_of_the_message(stage: Stage) -> str:
    """As a receiver gets it: the address that stands in the message's text."""
    told = stage.ledger.incident("i1")
    assert told is not None
    record = wording.record(told, "go1-07", wording.NEW, f"{stage.page}/")
    message = wording.of_incidents([record], time.time(), f"{stage.page}/")
    found = re.search(r"https?://\S+", str(message["text"]))
    assert found is not None
    return found[0]


def is_on_the_first_screen(page: Any, words: str) -> bool:
    box = page.get_by_text(words).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= SCREEN["height"]


def test_one_tap_from_the_message_shows_which_robot_what_from_where_and_what_to_do(
    stage: Stage, walker: tuple[Walker, Any]
) -> None:
    person, page = walker
    person.opens(link_of_the_message(stage))
    assert person.acts == UNDERSTANDING
    told = stage.ledger.incident("i1")
    assert told is not None
    for words in ("go1-07", told["title"], str(RELAY_PATH[0]["address"]), "What to do"):
        assert is_on_the_first_screen(page, words), words


def test_three_more_acts_allow_it(stage: Stage, walker: tuple[Walker, Any]) -> None:
    """What it would cover stands on the form itself; the one thing to type is why."""
    person, page = walker
    person.opens(link_of_the_message(stage))
    person.taps("text=authorise this session…")
    assert "1 session now" in page.inner_text("#reach") and stage.ledger.authorisations.all() == []
    person.types('input[name="why"]', "night test by the lab")
    person.taps("text=Allow this")
    page.wait_for_url("**/authorisations?tab=active*")
    (one,) = stage.ledger.authorisations.all()
    assert one.why == "night test by the lab" and person.acts <= UNDERSTANDING + MORE


def test_three_more_acts_close_it(stage: Stage, walker: tuple[Walker, Any]) -> None:
    person, page = walker
    person.opens(link_of_the_message(stage))
    person.taps("#closing summary")
    person.taps('input[value="false alarm"]')
    person.taps('#closing button[value="close"]')
    page.wait_for_selector("text=closed")
    life = stage.ledger.handling.life("i1")
    assert (life.state, life.reason) == ("closed", "false alarm") and person.acts <= UNDERSTANDING + MORE


def test_what_was_changed_after_it_was_shown_is_shown_again_before_it_is_kept(
    stage: Stage, walker: tuple[Walker, Any]
) -> None:
    person, page = walker
    person.opens(f"{stage.page}/authorisations/new?incident=i1")
    person.types('input[name="sources"]', "any")
    person.types('input[name="why"]', "too wide")
    person.taps("text=Allow this")
    page.wait_for_selector("text=Nothing is saved yet")
    assert stage.ledger.authorisations.all() == []
