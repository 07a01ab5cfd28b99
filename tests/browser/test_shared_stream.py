"""One event stream for all tabs of a browser: what each is told, and that there is one."""

from typing import Any

from tests.browser.conftest import Stage, Tab
from tests.browser.test_live_pages import CONTROL, FORBIDDEN, attack

LIVE = '#liveness[data-state="live"]'


def streams_open(stage: Stage) -> int:
    return stage.board.viewers


def test_seven_tabs_are_one_stream_and_each_is_told(tab: Tab, stage: Stage) -> None:
    """A browser gives a host about six connections: seven streams would hang the seventh tab."""
    pages = [tab.page]
    for place in range(6):
        page = tab.context.new_page()
        page.goto(f"{stage.page}/" if place % 2 else f"{stage.page}/robots/go1-07")
        pages.append(page)
    for page in pages:
        page.wait_for_selector(LIVE)
    assert streams_open(stage) == 1
    attack(stage)
    for page in pages:
        page.wait_for_selector(FORBIDDEN)
    for page in pages[1:]:
        page.close()
    attacked: Any = tab.page.inner_text(CONTROL)
    assert attacked == "NOT ALLOWED" and tab.complaints == []
