"""What a person sees in a real browser: live without reloading, still under the pointer, honest when cut off."""

from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab
from tests.browser.scenery import attack
from tests.unit.host.web.stage import RELAY_PATH, SEEING

CONTROL = '[data-slot="robot:go1-07:control"]'
FORBIDDEN = CONTROL + '[data-tone="bad"]'  # waited for by selector: scripts of a test may not evaluate text here either


def mark(page: Any) -> None:
    """Something that a reload would wipe away."""
    page.evaluate("window.notReloaded = true")


def test_the_one_time_link_logs_in_and_leaves_no_secret_in_the_address(tab: Tab, stage: Stage) -> None:
    """The fragment never goes to a server, and is gone from the address bar and its history."""
    assert tab.page.url == f"{stage.page}/"
    tab.page.go_back()
    assert "#" not in tab.page.url
    assert tab.complaints == []


def test_the_link_pasted_over_an_open_login_page_works_too(chromium: Any, stage: Stage) -> None:
    """Only the fragment changes then: no browser loads the page again for that."""
    tab = Tab(chromium)
    tab.page.goto(f"{stage.page}/login")
    tab.page.goto(stage.way_in)
    tab.page.wait_for_url(f"{stage.page}/")
    tab.context.close()


def test_an_attack_appears_without_a_reload(tab: Tab, stage: Stage) -> None:
    """The word changes in place within seconds; the new card waits behind the bar until it is asked for."""
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    assert page.inner_text(CONTROL) == "nobody"
    mark(page)
    attack(stage)
    page.wait_for_selector(FORBIDDEN)
    assert page.get_attribute(CONTROL, "data-tone") == "bad"
    assert "203.0.113.7" in page.inner_text('[data-slot="robot:go1-07:control:reason"]')
    assert page.evaluate("window.notReloaded") is True
    assert page.locator("article.card").count() == 0
    assert page.inner_text("#show-new") == "2 new, press . to show"
    assert "go1-07" in page.inner_text("#alarm")
    page.keyboard.press(".")
    page.wait_for_selector("article.card")
    assert page.locator("article .hop-label").all_inner_texts() == [
        "203.0.113.7",
        "agentd",
        "inside the robot",
        "ssh",
        "pi",
    ]
    assert tab.complaints == []


def test_nothing_moves_under_a_resting_pointer(tab: Tab, stage: Stage) -> None:
    """Who is about to click must hit what he saw."""
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    place = (
        "JSON.stringify([...document.querySelectorAll('section h2, summary')].map(e => e.getBoundingClientRect().top))"
    )
    before = page.evaluate(place)
    attack(stage)
    page.wait_for_selector("#show-new:not([hidden])")
    assert page.evaluate(place) == before


def test_a_session_that_ends_stays_in_its_place_and_says_so(tab: Tab, stage: Stage) -> None:
    """A row that vanishes while it is read is a row that was never seen."""
    attack(stage)
    page = tab.page
    page.goto(f"{stage.page}/robots/go1-07")
    page.wait_for_selector('#liveness[data-state="live"]')
    session = stage.player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    stage.ledger.save_judgement(2, [], [{**session, "last_t": session["first_t"] + 10}])
    page.wait_for_selector('article.card.gone[data-row="s1"]')
    assert "ended" in page.inner_text("article.card.gone")


def test_pause_holds_the_page_and_resume_catches_up(tab: Tab, stage: Stage) -> None:
    """WCAG 2.2.2: what moves by itself can be stopped."""
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    page.keyboard.press("p")
    assert page.inner_text("#liveness") == "Paused"
    with page.expect_event("console", predicate=lambda message: message.text == "came") as _:
        page.evaluate("""async () => {
            const more = new EventSource(document.querySelector('meta[name="wachhund-live"]').content);
            more.addEventListener('change', (event) => {
                if (event.data.includes('NOT ALLOWED')) { more.close(); console.log('came'); }
            });
            await new Promise((opened) => more.addEventListener('open', opened));
        }""")
        attack(stage)
    assert page.inner_text(CONTROL) == "nobody"
    page.keyboard.press("p")
    page.wait_for_selector(FORBIDDEN)


@pytest.mark.thorough
def test_a_page_that_is_cut_off_says_since_when(tab: Tab, stage: Stage) -> None:
    """Ten seconds without a beat: a banner, a hollow icon, and every calm word is of then."""
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    stage.stop()
    page.wait_for_selector("html[data-stale]", timeout=20_000)
    assert "Not live since" in page.inner_text("#stale") and "UTC" in page.inner_text("#stale")
    assert page.get_attribute('link[rel="icon"]', "href") == "/static/icon-stale.svg"
    said = page.evaluate("getComputedStyle(document.querySelector('.word[data-tone=good]'), '::after').content")
    assert "as of" in said


def test_a_login_that_ended_is_said_on_the_page(tab: Tab, stage: Stage) -> None:
    """Not live, and why, within a beat or two."""
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    (cookie,) = [one for one in tab.context.cookies() if one["httpOnly"]]
    stage.door.leave(cookie["value"])
    page.wait_for_selector("html[data-stale]")
    assert "your login ended" in page.inner_text("#stale")


def test_hostile_text_does_nothing_in_a_real_browser(tab: Tab, stage: Stage) -> None:
    """No dialog, no script, no policy violation, no turned line: on first sight and when it comes live."""
    nasty = "<img src=x onerror=alert(1)></td><script>alert(2)</script>\u202e\x1b]0;x\x07"
    player = stage.player
    player.say(player.seen("process.start", puid="1-1", pid=1, exe="/" + nasty, argv=[nasty], user=nasty),
               player.looking(relay={**SEEING["relay"], "state": "blind", "why": nasty}))  # fmt: skip
    path = [{"hop": "process", "role": nasty, "exe": nasty, "user": nasty, "pid": 1}, {"hop": nasty}]
    session = player.session("s1", origin=path, user=nasty, incident="i1")
    incident = player.incident("i1", sessions=[session], title=nasty, story=[nasty], advice=[nasty], unknown=[nasty])
    page = tab.page
    page.wait_for_selector('#liveness[data-state="live"]')
    stage.ledger.save_judgement(1, [incident], [session])
    page.wait_for_selector(FORBIDDEN)
    for address in ("/", "/robots/go1-07", "/incidents", "/incidents/i1", f"/evidence/go1-07/{player.chain}/2"):
        page.goto(stage.page + address)
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        assert page.locator("main img, main script, main iframe").count() == 0
        shown = page.inner_text("body")
        assert "\u202e" not in shown and "\x1b" not in shown and "onerror" in shown
    assert tab.complaints == []


def test_every_page_is_complete_without_a_script_and_fits_a_phone(chromium: Any, stage: Stage, tab: Tab) -> None:
    """Scripts only keep it fresh; and nobody scrolls sideways at 360 px."""
    attack(stage)
    state = tab.context.storage_state()
    bare = Tab(chromium, java_script_enabled=False, viewport={"width": 360, "height": 740}, storage_state=state)
    sized = Tab(chromium, viewport={"width": 360, "height": 740}, storage_state=state)
    for address, wanted in (
        ("/", "NOT ALLOWED"),
        ("/robots/go1-07", "agentd"),
        ("/incidents", "Remote control not allowed"),
        ("/incidents/i1", "What to do"),
        (f"/evidence/go1-07/{stage.player.chain}/1", "It stands"),
    ):
        bare.page.goto(stage.page + address)
        assert wanted in bare.page.inner_text("main"), address
        sized.page.goto(stage.page + address)
        assert sized.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    bare.context.close()
    sized.context.close()


def test_keys_move_open_and_can_be_switched_off(tab: Tab, stage: Stage) -> None:
    """WCAG 2.1.4."""
    attack(stage)
    page = tab.page
    page.goto(f"{stage.page}/incidents")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/i1")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url(f"{stage.page}/")
    page.keyboard.press("?")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    assert page.inner_text("#liveness") != "Paused"
