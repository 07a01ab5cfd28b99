"""The other engine: Debian's Firefox logs in, opens each page, and gets what changes. A smoke test, no matrix."""

import shutil
from pathlib import Path

import pytest

from tests.browser.bidi import firefox
from tests.browser.conftest import Stage
from tests.browser.scenery import addresses, play

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = [
    pytest.mark.matrix,
    pytest.mark.timeout(300),
    pytest.mark.skipif(FIREFOX is None, reason="no Firefox on this machine: install the package firefox-esr"),
]
WORD = """document.querySelector('[data-slot="robot:go1-07:control"]')?.textContent"""


def test_firefox_logs_in_opens_each_page_and_is_told_what_changes(stage: Stage, tmp_path: Path) -> None:
    with firefox(str(FIREFOX), tmp_path) as browser:
        browser.go(stage.way_in)
        browser.until(f"location.href === '{stage.page}/'")
        browser.until("document.getElementById('liveness').dataset.state === 'live'")
        assert browser.ask(WORD) != "NOT ALLOWED"
        browser.ask("window.notReloaded = true")
        play(stage)
        browser.until(f"{WORD} === 'NOT ALLOWED'")
        assert browser.ask("window.notReloaded") is True
        browser.press("p")
        browser.until("document.getElementById('liveness').textContent === 'Paused'")
        for address in addresses(stage):
            answer = browser.ask(f"fetch('{address}').then((a) => a.status + ' ' + a.headers.get('content-type'))")
            assert answer.startswith("2"), f"{address}: {answer}"
            if "text/html" in answer:
                browser.go(stage.page + address)
                assert browser.ask("document.querySelector('main, body').innerText.trim().length > 20"), address
                assert browser.ask("document.documentElement.scrollWidth <= innerWidth"), address
        assert browser.complaints == []
