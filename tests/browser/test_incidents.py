"""The life of an incident in a real browser: by mouse, by keyboard alone, on a phone, and live."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab
from tests.unit.host.web.stage import RELAY_PATH

STATE = '[data-slot="incident:i1:state"]'
OTHER_PATH = [{**RELAY_PATH[0], "address": "198.51.100.9"}, *RELAY_PATH[1:]]


def judge(stage: Stage, *names: str, paths: tuple[Any, ...] = (RELAY_PATH,)) -> None:
    """Incidents of an attack through a relay, with a session by each of the paths."""
    for name in names:
        sessions = [
            stage.player.session(f"{name}-{place}", origin=path, user="pi", incident=name)
            for place, path in enumerate(paths)
        ]
        stage.ledger.save_judgement(1, [stage.player.incident(name, sessions=sessions)], sessions)


def life(stage: Stage, name: str = "i1") -> tuple[str, str | None]:
    """What people left an incident at, and the reason of a close."""
    found = stage.ledger.handling.life(name)
    return found.state, found.reason


@pytest.fixture
def phone(chromium: Any, stage: Stage) -> Iterator[Tab]:
    """The smallest phone that we know of."""
    tab = Tab(chromium, viewport={"width": 320, "height": 568}, has_touch=True, is_mobile=True)
    tab.page.goto(stage.way_in)
    tab.page.wait_for_url(f"{stage.page}/")
    yield tab
    tab.context.close()


def test_an_incident_is_taken_closed_and_opened_again_by_mouse(tab: Tab, stage: Stage) -> None:
    judge(stage, "i1")
    page = tab.page
    page.goto(f"{stage.page}/incidents")
    page.click('tr[data-row="i1"] a[data-open]')
    page.click("#ack")
    page.wait_for_selector(f"{STATE}:text-is('acknowledged')")
    page.click("#closing summary")
    page.check('input[value="false alarm"]')
    page.fill("#closing textarea", "our own test")
    page.click('#closing button[value="close"]')
    page.wait_for_selector(f"{STATE}:text-is('closed')")
    assert life(stage) == ("closed", "false alarm")
    assert "our own test" in page.inner_text('[data-rows="acts"]')
    page.click('button[value="reopen"]')
    page.wait_for_selector(f"{STATE}:text-is('needs you')")
    assert tab.complaints == []


def focus_is_seen(page: Any) -> bool:
    """Whether the element in focus is drawn so (WCAG 2.4.7), and is not covered (2.4.11)."""
    return bool(
        page.evaluate(
            """() => { const one = document.activeElement, box = one.getBoundingClientRect();
            const style = getComputedStyle(one);
            return box.width > 0 && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; }"""
        )
    )


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until that element has the focus, which is seen on each step."""
    for _ in range(80):
        page.keyboard.press("Tab")
        assert focus_is_seen(page), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no way to {selector} by Tab")


def test_an_incident_is_found_taken_and_closed_by_keyboard_alone(tab: Tab, stage: Stage) -> None:
    judge(stage, "i1")
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(f"{stage.page}/incidents")
    page.keyboard.press("j")
    assert focus_is_seen(page)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stage.page}/incidents/i1")
    page.keyboard.press("a")
    page.wait_for_selector(f"{STATE}:text-is('acknowledged')")
    tab_to(page, "#closing > summary")
    page.keyboard.press("Enter")
    tab_to(page, 'input[name="reason"]')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    tab_to(page, "#closing textarea")
    page.keyboard.type("a test with an a, a j and a dot.")
    tab_to(page, '#closing button[value="close"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{STATE}:text-is('closed')")
    assert life(stage) == ("closed", "test")
    assert stage.ledger.handling.acts("i1")[-1].text == "a test with an a, a j and a dot."
    assert tab.complaints == []


def test_the_key_acknowledges_the_row_in_focus_and_can_be_switched_off(tab: Tab, stage: Stage) -> None:
    judge(stage, "i1", "i2")
    page = tab.page
    page.goto(f"{stage.page}/incidents")
    page.evaluate("localStorage.setItem('keys', 'off')")
    page.focus('tr[data-row="i1"] a[data-open]')
    page.keyboard.press("a")
    page.evaluate("localStorage.setItem('keys', 'on')")
    page.keyboard.press("a")
    page.wait_for_selector(".saved")
    assert [life(stage, name)[0] for name in ("i1", "i2")] == ["acknowledged", "open"]
    assert page.is_checked('tr[data-row="i1"] input[name="chosen"]')
    assert len(stage.ledger.handling.acts("i1")) == 1


def test_on_a_phone_the_first_screen_says_what_to_do_and_has_the_act_at_the_thumb(phone: Tab, stage: Stage) -> None:
    judge(stage, "i1")
    page = phone.page
    page.goto(f"{stage.page}/incidents/i1")
    for selector in ("h1", '[data-slot="incident:i1:on"]', "#todo-h", "#ack"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 568, selector
    ack = page.locator("#ack").bounding_box()
    assert ack["height"] >= 44 and ack["y"] > 568 / 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.tap("#ack")
    page.wait_for_selector(f"{STATE}:text-is('acknowledged')")
    page.goto(f"{stage.page}/incidents?tab=acknowledged")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert phone.complaints == []


def test_growth_shows_in_place_on_an_acknowledged_incident(tab: Tab, stage: Stage) -> None:
    """The page says so without a reload, and an act on what was not seen is refused with its text kept."""
    judge(stage, "i1")
    page = tab.page
    page.goto(f"{stage.page}/incidents/i1")
    page.click("#ack")
    page.wait_for_selector(f"{STATE}:text-is('acknowledged')")
    page.wait_for_selector('#liveness[data-state="live"]')
    page.evaluate("window.notReloaded = true")
    judge(stage, "i1", paths=(RELAY_PATH, OTHER_PATH))
    page.wait_for_selector(f"{STATE}:text-is('needs you')")
    assert "a new origin" in page.inner_text('[data-slot="incident:i1:because"]')
    assert page.evaluate("window.notReloaded") is True
    page.click("#closing summary")
    page.check('input[value="test"]')
    page.fill("#closing textarea", "words that stay")
    page.click('#closing button[value="close"]')
    page.wait_for_selector("#problem")
    assert "changed since you loaded the page (a new origin)" in page.inner_text("#problem")
    assert page.input_value("#closing textarea") == "words that stay"
    page.click('#closing button[value="close"]')
    page.wait_for_selector(f"{STATE}:text-is('closed')")


def test_a_silence_is_previewed_made_and_seen_on_the_incident(tab: Tab, stage: Stage) -> None:
    judge(stage, "i1")
    page = tab.page
    page.goto(f"{stage.page}/incidents/i1")
    page.click("#expected summary")
    page.click('#expected a[href="/silences/new?incident=i1"]')
    page.fill('input[name="until"]', "1h")
    page.fill('input[name="why"]', "gait tests")
    page.click('button[value="preview"]')
    page.wait_for_selector("#preview")
    assert "1 incident held back now" in page.inner_text("#preview")
    assert stage.ledger.silencing.all() == []
    page.click('button[value="make"]')
    page.wait_for_url(f"{stage.page}/silences")
    assert "matches 1 now" in page.inner_text('[data-rows="silences"]')
    (one,) = stage.ledger.silencing.valid(time.time())
    page.goto(f"{stage.page}/incidents/i1")
    assert f"silence {one.id}" in page.inner_text('[data-slot="incident:i1:held"]')
    assert page.inner_text(STATE) == "needs you"
    assert tab.complaints == []
