"""`python -m tests.pictures`: the pictures in docs/, taken by a real browser from a running `wachhund demo`.

Made anew whenever a page changes; look at them before they are committed.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET

DOCS = Path(__file__).resolve().parents[1] / "docs"
WACHHUND = Path(sys.executable).parent / "wachhund"
SIZE = {"width": 1200, "height": 900}
SCENE_SECONDS = 60
PATIENCE_S = 45.0  # until the host is certain


def take(page: Page, way_in: str, folder: Path) -> None:
    """Log in as a person does; take the quiet robot, and once the host is certain fleet, robot and incident page."""
    page.goto(way_in)
    page.get_by_role("heading", name="Fleet").wait_for()
    fleet = page.url
    robot = f"{fleet}robots/this-machine"
    _reload_until(page, robot, page.get_by_text("Looked at every TCP service"))
    page.screenshot(path=folder / "quiet.png")
    found = page.get_by_role("link", name=re.compile("Remote control not allowed")).first
    _reload_until(page, fleet, found)
    page.screenshot(path=folder / "fleet.png")
    page.goto(robot)
    found.wait_for()
    page.screenshot(path=folder / "robot.png")
    found.click()
    page.get_by_text("The path", exact=True).first.wait_for()
    page.screenshot(path=folder / "incident.png")


def _reload_until(page: Page, address: str, wanted: Locator) -> None:
    """What is new waits in a bar, or is marked as new, until the page is loaded again."""
    deadline = time.monotonic() + PATIENCE_S
    page.goto(address)
    while not wanted.is_visible():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{address} does not show what it should within {PATIENCE_S:.0f} s")
        page.wait_for_timeout(500)
        page.goto(address)


def main() -> int:
    """Play the demo and take the pictures. Exit status 2 when no Chromium is here, 1 when the demo ends early."""
    if CHROMIUM is None:
        print("pictures: no chromium is installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        command = [WACHHUND, "demo", "--seconds", str(SCENE_SECONDS), "--no-browser", "--data", f"{folder}/demo"]
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            link = next((found for line in demo.stdout or () if (found := re.search(r"http://\S+", line))), None)
            if link is None:
                print("pictures: the demo ended before it named its page", file=sys.stderr)
                return 1
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
                take(browser.new_page(viewport=SIZE), link[0], DOCS)
                browser.close()
        finally:
            demo.terminate()
            demo.communicate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
