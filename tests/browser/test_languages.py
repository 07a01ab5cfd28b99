"""Pages in the languages that there are, in a real browser: told once, read through at the smallest width, live too."""

from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab
from tests.browser.scenery import play
from tests.browser.test_every_page import DESK, GRAVE, NARROW, WIDER, opened
from wachhund.web.languages import LANGUAGES

pytestmark = pytest.mark.timeout(600)
OTHERS = [tag for tag in LANGUAGES if tag != "en"]
LONGEST = "de"  # it is looked at each time; the others before a release
# What a browser of these people asks for.
LOCALES = {"de": "de-AT", "zh-Hans": "zh-CN"}


@pytest.mark.parametrize(
    "tag", [pytest.param(tag, marks=pytest.mark.matrix if tag == LONGEST else pytest.mark.exhaustive) for tag in OTHERS]
)
def test_every_page_says_its_language_fits_the_smallest_width_and_complains_of_nothing(
    chromium: Any, stage: Stage, tab: Tab, tag: str
) -> None:
    """Words of other languages are longer, or break elsewhere."""
    play(stage)
    wide, told = [], []
    for address, here in opened(chromium, stage, tab, viewport=NARROW, locale=LOCALES[tag]):
        assert here.page.get_attribute("html", "lang") == tag, address
        if here.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append((address, here.page.evaluate(WIDER)))
        told += [f"{address}: {complaint}" for complaint in here.complaints]
        here.complaints.clear()
    assert wide == [] and told == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("tag", OTHERS)
def test_axe_finds_nothing_serious_in_it(chromium: Any, stage: Stage, tab: Tab, tag: str) -> None:
    """Names and roles are texts too."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    play(stage)
    found = []
    for address, here in opened(chromium, stage, tab, bypass_csp=True, reduced_motion="reduce", viewport=DESK,
                                locale=LOCALES[tag]):  # fmt: skip
        grave = (one for one in axe.run(here.page).response["violations"] if one["impact"] in GRAVE)
        found += [f"{address}: {one['id']}: {[node['html'][:160] for node in one['nodes'][:4]]}" for one in grave]
    assert found == []


def test_a_page_in_german_stays_german_when_it_changes_and_is_in_the_browsers_zone(
    chromium: Any, stage: Stage, tab: Tab
) -> None:
    """What comes by the stream is told in the same language, and so is what the page's scripts say."""
    here = Tab(chromium, storage_state=tab.context.storage_state(), timezone_id="Asia/Kolkata", viewport=DESK)
    # By the setting: a browser's worker, which holds the stream, asks in the browser's own language, not the tab's.
    here.page.goto(f"{stage.page}/settings/me")
    here.page.select_option("select[name=language]", "de")
    here.page.locator("section[aria-labelledby=words-h] button").click()
    here.page.wait_for_selector("html[lang=de]")
    here.page.goto(f"{stage.page}/robots/go1-07")  # its script tells the zone
    here.page.goto(f"{stage.page}/robots/go1-07")
    assert here.page.get_attribute("html", "lang") == "de"
    assert "UTC+5:30" in here.page.inner_text("main")
    here.page.wait_for_selector("#liveness[data-state=live]")
    play(stage)
    here.page.locator("main").get_by_text("NICHT ERLAUBT").first.wait_for()
    assert "NOT ALLOWED" not in here.page.inner_text("main")
    assert here.complaints == []
    here.context.close()
