"""The way between pages: one row on a desk, a compact one on a phone, by keyboard, and without a script."""

from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab

_BOXES = """() => [...document.querySelectorAll(".pages > a, .pages summary")].map((one) => {
  const box = one.getBoundingClientRect();
  return [one.textContent.trim(), box.top, box.left, box.right, box.height];
})"""


def boxes(page: Any) -> list[Any]:
    found: list[Any] = page.evaluate(_BOXES)
    return found


def test_it_is_one_row_on_a_desk(stage: Stage, tab: Tab) -> None:
    """Two rows of eleven words are read by nobody."""
    tab.page.goto(f"{stage.page}/incidents")
    found = boxes(tab.page)
    assert [name for name, *_ in found] == ["Fleet", "Incidents", "Sessions", "Proof", "Manage"]
    assert len({top for _, top, *_ in found}) == 1
    assert tab.page.locator(".head").bounding_box()["height"] < 70


def test_on_a_phone_every_entry_is_reached_without_scrolling_sideways(stage: Stage, tab: Tab) -> None:
    tab.page.set_viewport_size({"width": 320, "height": 700})
    tab.page.goto(f"{stage.page}/evidence")
    found = boxes(tab.page)
    assert all(left >= 0 and right <= 320 and height >= 44 for *_, left, right, height in found)
    assert len({top for _, top, *_ in found}) == 1
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320
    for group in ("Proof", "Manage"):
        tab.page.locator("summary", has_text=group).click()
        for link in tab.page.locator("details[open] a").all():
            box = link.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 320 and box["height"] >= 44
    assert tab.page.locator("details.group[open]").count() == 1  # the other one closed by itself


def test_by_keyboard_a_list_opens_leads_on_and_closes_where_it_was_opened(stage: Stage, tab: Tab) -> None:
    tab.page.goto(f"{stage.page}/sessions")
    summary = tab.page.locator("summary", has_text="Proof")
    summary.focus()
    tab.page.keyboard.press("Enter")
    assert tab.page.locator("details.group[open]").count() == 1
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.textContent") == "Evidence"
    tab.page.keyboard.press("Escape")
    assert tab.page.locator("details.group[open]").count() == 0
    assert summary.evaluate("(one) => one === document.activeElement")
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{stage.page}/reports")
    assert tab.page.locator("nav.pages [aria-current=page]").text_content() == "Reports"
    assert tab.page.locator("summary.here").inner_text().startswith("Proof")


WHERE = [("/", "Fleet"), ("/robots/go1-07", "Fleet"), ("/settings/me", "Settings")]


@pytest.mark.parametrize(("address", "here"), WHERE)
def test_a_reader_hears_where_one_is(stage: Stage, tab: Tab, address: str, here: str) -> None:
    """Also when the entry stands in a list that is closed."""
    tab.page.goto(f"{stage.page}{address}")
    assert tab.page.locator("nav.pages a[aria-current=page]").text_content() == here
    spoken = tab.page.locator("nav.pages summary").all_text_contents()
    assert spoken == ["Proof", "Manage, where you are" if here == "Settings" else "Manage"]


def test_without_a_script_the_lists_open_all_the_same(stage: Stage, tab: Tab, chromium: Any) -> None:
    plain = chromium.new_context(java_script_enabled=False, storage_state=tab.context.storage_state())
    try:
        page = plain.new_page()
        page.goto(f"{stage.page}/incidents")
        page.locator("summary", has_text="Manage").click()
        page.get_by_role("link", name="Settings", exact=True).click()
        page.wait_for_url(f"{stage.page}/settings")
    finally:
        plain.close()
