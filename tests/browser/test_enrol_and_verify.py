"""Enrol, verify, and the fleet's filters, by mouse and by keyboard alone, in a real browser."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import Stage, Tab
from tests.unit.host.web.stage import Player
from wachhund.audit.samples import make_samples
from wachhund.ledger.labels import Relabel

LIVE = '#liveness[data-state="live"]'


def crowd(stage: Stage) -> None:
    for number in range(4):
        player = Player(stage.ledger, f"lab-{number}")
        player.say(player.looking())
    stage.ledger.labels.change(["lab-0", "lab-1"], Relabel("Berlin", ("leased",)), "anna")


def names(page: Page) -> list[str]:
    return page.locator("tr[data-row] a[data-open]").all_inner_texts()


def test_the_fleet_is_filtered_and_labelled_by_mouse(tab: Tab, stage: Stage) -> None:
    """A value, then without it; a site named for a chosen row; the address says what is looked at."""
    crowd(stage)
    page = tab.page
    page.goto(f"{stage.page}/")
    page.click("summary:has-text('Filter')")
    page.click('.facet a:has-text("berlin")')
    assert sorted(names(page)) == ["lab-0", "lab-1"] and "q=site%3Aberlin" in page.url
    page.click('.pill:has-text("site:berlin")')
    page.check('input[aria-label="Choose lab-3"]')
    page.click("summary:has-text('Sites and tags')")
    page.fill("#site", "Hamburg")
    page.click("form.relabel button")
    page.wait_for_selector('td:has-text("Hamburg")')
    page.goto(f"{stage.page}/?q=-site:none")
    assert sorted(names(page)) == ["lab-0", "lab-1", "lab-3"]
    assert tab.complaints == []


def test_the_fleet_is_searched_and_a_row_chosen_by_keyboard_alone(tab: Tab, stage: Stage) -> None:
    """`/` searches, `j` moves, `x` chooses, Enter opens; the focus can be seen."""
    crowd(stage)
    page = tab.page
    page.goto(f"{stage.page}/")
    page.keyboard.press("/")
    page.keyboard.type("lab- tag:leased")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=lab-*")
    assert sorted(names(page)) == ["lab-0", "lab-1"]
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("tr[data-row] input:checked").count() == 1
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**/robots/lab-0")
    assert tab.complaints == []


def test_a_page_that_was_cut_off_says_what_it_missed(tab: Tab, stage: Stage) -> None:
    """Ten seconds without a word are said; and what changed meanwhile is, too."""
    crowd(stage)
    page = tab.page
    page.goto(f"{stage.page}/")
    page.wait_for_selector(LIVE)
    stage.stop()
    page.wait_for_selector("html[data-stale]", timeout=30_000)
    Player(stage.ledger, "lab-new")
    stage.ledger.change_robot("lab-2", "revoke", "anna")
    stage.begin()
    page.wait_for_selector("html:not([data-stale])", timeout=30_000)
    page.wait_for_selector("#missed:not(:empty)", timeout=30_000)
    said = page.inner_text("#missed")
    assert said.startswith("Live again. Not live from") and "1 new" in said
    page.keyboard.press("Escape")
    assert page.inner_text("#missed") == ""


def test_a_bundle_is_dropped_and_its_failures_are_walked_through_by_keyboard(
    tab: Tab, stage: Stage, tmp_path: Path
) -> None:
    """The forged sample; `n` goes from failure to failure."""
    forged = tmp_path / "forged.zip"
    forged.write_bytes(make_samples(1_700_000_000.0).forged)
    page = tab.page
    page.goto(f"{stage.page}/verify")
    page.set_input_files("#file", str(forged))
    page.focus("form.verify button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-failure]")
    page.wait_for_load_state()  # the keys are read by then
    page.keyboard.press("n")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("n")
    assert "manifest" in first and page.evaluate("document.activeElement.textContent") != first
    assert tab.complaints == []


def test_pages_fit_a_phone(tab: Tab, stage: Stage) -> None:
    """320 px: nothing is wider than the screen."""
    crowd(stage)
    page = tab.page
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/", "/enrol", "/enrol/robots/lab-0", "/verify", "/evidence?robot=lab-0"):
        page.goto(f"{stage.page}{path}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, f"{path} is {wide} px wide"
