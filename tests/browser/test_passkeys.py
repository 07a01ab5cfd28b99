"""Passkeys in a real browser, with the authenticator that Chromium plays itself (WebAuthn of its DevTools protocol)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab
from wachhund.ledger.acts import Search
from wachhund.web.attempts import Attempts

PASSWORD = "four words do well"


@pytest.fixture
def here(chromium: Any, stage: Stage) -> Iterator[Tab]:
    """Bert, logged in by password at the address that passkeys are for, with a device that knows him by his finger."""
    stage.ledger.people.make(
        "bert", stage.door._passwords.hash(PASSWORD), {"all": "viewer"}, by="a test", why="", t=1.0
    )  # fmt: skip
    stage.page = stage.page.replace("127.0.0.1", "localhost")
    tab = Tab(chromium, viewport={"width": 390, "height": 844})
    tab.page.goto(f"{stage.page}/login")
    tab.page.fill('input[name="name"]', "bert")
    tab.page.fill('input[name="password"]', PASSWORD)
    tab.page.click('button:has-text("Log in")')
    tab.page.wait_for_url(f"{stage.page}/")
    yield tab
    tab.context.close()


def device(tab: Tab, **changed: Any) -> tuple[Any, str]:
    """A device at this tab, and the session by which it is asked."""
    session = tab.context.new_cdp_session(tab.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True, **changed,
    }  # fmt: skip
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def test_a_passkey_is_made_lets_in_and_is_removed(stage: Stage, here: Tab) -> None:
    """By keyboard too: every step is a button or a field of a form."""
    page = here.page
    session, identity = device(here)
    page.goto(f"{stage.page}/settings/me")
    assert page.locator("#passkey-elsewhere").is_hidden()
    page.fill("#passkey-new input[name=name]", "this phone")
    page.fill("#passkey-new input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('A passkey on this phone')")
    page.wait_for_selector("#passkey-go:enabled")
    page.focus("#passkey-go")
    page.keyboard.press("Enter")
    page.wait_for_selector('td:has-text("this phone")')
    (kept,) = session.send("WebAuthn.getCredentials", {"authenticatorId": identity})["credentials"]
    assert kept["isResidentCredential"] and kept["rpId"] == "localhost"
    page.click('button:has-text("Log out")')
    page.wait_for_url("**/login")
    page.click("#passkey-go")
    page.wait_for_url(f"{stage.page}/")
    page.goto(f"{stage.page}/settings/me")
    assert "by passkey" in page.inner_text("main")
    page.fill('section[aria-labelledby="passkeys-h"] input[name=password]', PASSWORD)
    page.click('button[aria-label="Remove this phone"]')
    page.wait_for_selector('section[aria-labelledby="passkeys-h"] p.empty')
    page.click('button:has-text("Log out")')
    page.wait_for_url("**/login")
    stage.door.attempts = Attempts()  # a minute later
    page.click("#passkey-go")
    page.wait_for_selector('.problem:has-text("does not let you in")')
    told = [act.act for act in reversed(stage.ledger.log.find(Search(who="bert"), 20)[1])]
    assert told == ["log in", "passkey add", "log out", "log in", "passkey remove", "log out"]
    assert [each for each in here.complaints if "401" not in each] == []


def test_a_device_that_does_not_know_the_person_makes_none_and_the_page_says_so(stage: Stage, here: Tab) -> None:
    page = here.page
    device(here, isUserVerified=False)
    page.goto(f"{stage.page}/settings/me")
    page.fill("#passkey-new input[name=name]", "this phone")
    page.fill("#passkey-new input[name=password]", PASSWORD)
    page.click("#passkey-new button")
    page.click("#passkey-go")
    page.wait_for_selector("#passkey-problem:not([hidden])")
    assert "Nothing was done" in page.inner_text("#passkey-problem")
    assert stage.ledger.passkeys.of("bert") == []


def test_at_another_address_the_page_says_where_they_are_made(stage: Stage, tab: Tab) -> None:
    """A button that can only fail is not offered; at the log-in there is none either."""
    page = tab.page
    page.goto(f"{stage.page}/settings/me")
    port = stage.page.rpartition(":")[2]
    assert f"at http://localhost:{port}: open it there" in page.inner_text("#passkey-elsewhere")
    assert page.locator("#passkey-new").is_hidden()
    page.click('button:has-text("Log out")')
    page.wait_for_url("**/login")
    assert page.locator("#passkey-go").is_hidden()
    assert tab.complaints == []
