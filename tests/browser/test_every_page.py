"""Every page, on desk and phone, dark and light: `make browser`. What must hold of each, whatever it shows.

The pages are read from the application's routes: a new one is in here by being there.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Stage, Tab
from tests.browser.scenery import addresses, play

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(600)]
DESK, PHONE, NARROW = ({"width": 1280, "height": 900}, {"width": 390, "height": 844}, {"width": 320, "height": 640})
SHAPES = [
    pytest.param({"viewport": size, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, size in (("desk", DESK), ("phone", PHONE))
    for scheme in ("light", "dark")
]
GRAVE = ("serious", "critical")


@pytest.fixture
def scene(stage: Stage, tab: Tab) -> Stage:
    play(stage)
    return stage


def opened(chromium: Any, scene: Stage, tab: Tab, **settings: Any) -> Iterator[tuple[str, Tab]]:
    """Each page, loaded; what is no page is passed over, what does not exist is not."""
    here = Tab(chromium, storage_state=tab.context.storage_state(), **settings)
    here.page.on("request", lambda request: here.asked.append(request.url))
    for address in addresses(scene):
        answer = here.context.request.get(scene.page + address)
        assert answer.status < 400, f"{address}: {answer.status}: say in tests/browser/addresses.py what stands there"
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        here.page.goto(scene.page + address)
        here.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        yield address, here
    here.context.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_axe_finds_nothing_serious(chromium: Any, scene: Stage, tab: Tab, shape: dict[str, Any]) -> None:
    """WCAG 2.2 AA as far as a program can tell: contrast, names, roles, order."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found, pages = [], 0
    # The policy is met by the other tests; a page under it would not let axe in.
    for address, here in opened(chromium, scene, tab, bypass_csp=True, reduced_motion="reduce", **shape):
        pages += 1
        for finding in axe.run(here.page).response["violations"]:
            if finding["impact"] in GRAVE:
                places = [node["html"][:160] for node in finding["nodes"][:4]]
                found.append(f"{address}: {finding['id']} ({len(finding['nodes'])}): {finding['help']}: {places}")
    assert found == []
    assert pages >= 7


@pytest.mark.parametrize("shape", SHAPES)
def test_no_page_complains_or_asks_elsewhere(chromium: Any, scene: Stage, tab: Tab, shape: dict[str, Any]) -> None:
    """No error of a script, no violation of the policy, no request but to the host: it has to work offline."""
    told, asked = [], []
    for address, here in opened(chromium, scene, tab, **shape):
        told += [f"{address}: {complaint}" for complaint in here.complaints]
        asked += [url for url in here.asked if not url.startswith(f"{scene.page}/")]
        here.complaints.clear()
        here.asked.clear()
    assert told == [] and asked == []


WIDER = """[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1
    && getComputedStyle(e).position !== 'absolute').slice(0, 3).map((e) => e.outerHTML.slice(0, 100))"""


def test_nobody_scrolls_sideways_at_320_pixels(chromium: Any, scene: Stage, tab: Tab) -> None:
    """WCAG 1.4.10: the smallest phone, and a desk at 400 %."""
    wide = [
        (address, here.page.evaluate(WIDER))
        for address, here in opened(chromium, scene, tab, viewport=NARROW)
        if here.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    ]
    assert wide == []


FOCUS = """() => { const e = document.activeElement; if (!e || e === document.body) return null;
    const style = getComputedStyle(e);
    const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== 'none';
    return [e.outerHTML.slice(0, 90), seen, e.closest('details:not([open])') === null]; }"""
MOST_STOPS = 60


def test_the_focus_is_always_seen(chromium: Any, scene: Stage, tab: Tab) -> None:
    """WCAG 2.4.7: whoever goes by Tab sees where he is; at least the links of the head are stops."""
    unseen = []
    for address, here in opened(chromium, scene, tab, viewport=DESK):
        stops = set()
        for _ in range(MOST_STOPS):
            here.page.keyboard.press("Tab")
            at = here.page.evaluate(FOCUS)
            if at is None or (at[0] in stops and len(stops) > 12):
                break
            stops.add(at[0])
            if not at[1]:
                unseen.append((address, at[0]))
        assert len(stops) > 2, address
    assert unseen == []


def test_text_can_make_no_element_by_a_script(scene: Stage, tab: Tab) -> None:
    """Trusted Types: the browser itself shuts the ways from text to markup or code, for scripts of ours as well."""
    policy = tab.context.request.get(scene.page).headers["content-security-policy"]
    assert "require-trusted-types-for 'script'; trusted-types default" in policy
    said = tab.page.evaluate(
        """() => { const said = []; for (const make of [
        () => { document.createElement('p').innerHTML = '<b>x</b>'; },
        () => { document.createElement('script').text = '1'; },
        () => { document.createElement('script').src = '/static/keys.js'; },
        () => { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); },
        () => { new SharedWorker('/static/keys.js'); },
        () => { trustedTypes.createPolicy('mine', {}); },
        () => { trustedTypes.createPolicy('default', {}); }])
        try { make(); said.push('made'); } catch (error) { said.push(error.name); } return said; }"""
    )
    assert said == ["TypeError"] * 7
