"""Live sessions and authorisations in a real browser: by mouse, by keyboard, on a phone."""

from typing import Any

from tests.browser.conftest import PATIENCE_MS, Stage, Tab
from tests.browser.scenery import attack
from tests.unit.host.web.stage import RELAY_PATH
from tests.waiting import until


def test_a_session_comes_live_unfolds_by_the_keyboard_and_ends_in_place(tab: Tab, stage: Stage) -> None:
    """New ones wait in the bar; an ended one stays where it was, greyed and worded."""
    page = tab.page
    page.goto(f"{stage.page}/sessions")
    page.wait_for_selector('#liveness[data-state="live"]')
    assert "Nobody on 1 robot" in page.inner_text("main")
    attack(stage)
    page.wait_for_selector("#show-new:not([hidden])")
    assert page.locator("details.session").count() == 0
    page.keyboard.press(".")
    page.wait_for_selector('details.session[data-row="s1"]')
    page.wait_for_load_state("domcontentloaded")  # it is loaded anew: its keys are known when its scripts have run
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector('details.session[data-row="s1"][open] .hops')
    # Not by wait_for_function: what it asks a second time is `eval`, which the policy forbids.
    drawn = "document.querySelector('.path-copy').naturalWidth > 100"
    until(lambda: bool(page.evaluate(drawn)), PATIENCE_MS / 1000, "the path is drawn")
    page.wait_for_selector('#liveness[data-state="live"]')
    ended = stage.player.session("s1", origin=RELAY_PATH, user="pi", incident="i1", last_t=stage.player.born + 1_000)
    stage.ledger.save_judgement(2, [], [ended])
    page.wait_for_selector('details.session.gone[data-row="s1"]')
    assert "no longer on this page" in page.inner_text("details.session.gone")
    assert tab.complaints == []


def _allow(page: Any, stage: Stage) -> None:
    page.goto(f"{stage.page}/incidents/i1")
    page.click("text=authorise this session…")
    page.fill('input[name="why"]', "gait tests")


def test_allowing_takes_a_form_and_a_preview_by_mouse(tab: Tab, stage: Stage) -> None:
    attack(stage)
    page = tab.page
    _allow(page, stage)
    page.click("text=Show what it covers")
    page.wait_for_selector("#reach")
    assert "1 session now" in page.inner_text("#reach") and stage.ledger.authorisations.all() == []
    page.click("text=Allow this")
    page.wait_for_url("**/authorisations?tab=active*")
    (one,) = stage.ledger.authorisations.all()
    assert one.why == "gait tests" and one.id in page.inner_text("main")
    page.click("text=end it now…")
    page.fill('input[name="why"]', "enough")
    page.click('button:has-text("End it now")')
    page.wait_for_url("**/authorisations?tab=ended")
    assert "enough" in page.inner_text("main")
    assert tab.complaints == []


def test_allowing_works_by_keyboard_alone(tab: Tab, stage: Stage) -> None:
    """`g a`, `n`, then Tab and Enter: each field and button has its turn and a visible focus."""
    attack(stage)
    page = tab.page
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/authorisations")
    page.keyboard.press("n")
    page.wait_for_url("**/authorisations/new")
    for name, text in (("who", "anna"), ("robots", "go1-07")):
        page.focus(f'input[name="{name}"]')
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # ssh
    page.focus('input[name="sources"]')
    page.keyboard.type("203.0.113.7")
    page.keyboard.press("Tab")
    page.keyboard.type("relay")
    page.focus('input[name="why"]')
    page.keyboard.type("gait")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reach")
    page.focus('button:has-text("Allow this")')
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**/authorisations?tab=active*")
    assert len(stage.ledger.authorisations.all()) == 1


def test_the_pages_fit_a_phone_and_are_complete_without_a_script(chromium: Any, stage: Stage, tab: Tab) -> None:
    attack(stage)
    state = tab.context.storage_state()
    for settings in ({"java_script_enabled": False}, {"color_scheme": "dark"}):
        phone = Tab(chromium, viewport={"width": 320, "height": 740}, storage_state=state, **settings)
        for address, words in (("/sessions?open=s1", "NOT ALLOWED"), ("/sessions?group=origin", "203.0.113.7"),
                               ("/authorisations", "Nothing is allowed"),
                               ("/authorisations/new?incident=i1", "Show what it covers")):  # fmt: skip
            phone.page.goto(stage.page + address)
            assert words in phone.page.inner_text("main"), address
            if "java_script_enabled" not in settings:
                assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        phone.context.close()
