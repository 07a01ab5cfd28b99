"""`python -m tests.page_pictures`: docs/pages.md and a picture of each page, by a real browser on a real host.

The pages are read from the application's routes, so a new one is among them by being there. Each shows the scene of
the browser tests: a robot under attack, one that is quiet. Look at the pictures before they are committed.
"""

import io
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.addresses import address_of, routes_of
from tests.browser.conftest import CHROMIUM, QUIET, Stage
from tests.browser.scenery import known, play
from wachhund.web.routes import every_route

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURES, DOCUMENT = DOCS / "pages", DOCS / "pages.md"
SIZE = {"width": 1100, "height": 800}
TALLEST = 1_600  # of a page: what is below is cut off
COLOURS = 64
_HEAD = """# Every page

What people see, as a picture of each page; `python -m tests.page_pictures` takes them and writes this document.
They show the scene of the browser tests: `go1-07` is under attack, `go1-08` is quiet. Who may open which page stands
in [roles.md](roles.md).
"""


def name_of(route: str) -> str:
    """The picture's name: `/incidents/{identity}` -> `incidents-one`."""
    plain = re.sub(r"\{[^}]*\}", "one", route).strip("/").replace("/", "-")
    return plain or "fleet"


def taken(page: Page, stage: Stage) -> Iterator[tuple[str, str, bytes]]:
    """Route, title and picture of each page."""
    for route in routes_of(stage.app):
        address = stage.page + address_of(route, **known(stage))
        if "text/html" not in page.request.get(address).headers.get("content-type", ""):
            continue
        page.goto(address)
        height = min(TALLEST, int(page.evaluate("document.documentElement.scrollHeight")))
        clip = {"x": 0, "y": 0, "width": SIZE["width"], "height": max(height, 200)}
        yield route, page.title(), page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]


def small(picture: bytes) -> bytes:
    """The same with few colours: pages are text on a ground."""
    out = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(out, "png", optimize=True)
    return out.getvalue()


def main() -> int:
    """Take them all. Exit status 2 when no Chromium is here."""
    if CHROMIUM is None:
        print("page pictures: no chromium is installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        try:
            play(stage)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
                page = browser.new_page(viewport=SIZE, reduced_motion="reduce")  # type: ignore[arg-type]
                page.goto(stage.way_in)
                page.wait_for_url(f"{stage.page}/")
                _write(stage, list(taken(page, stage)))
                browser.close()
        finally:
            stage.end()
    return 0


def _write(stage: Stage, pages: list[tuple[str, str, bytes]]) -> None:
    says: dict[str, Any] = {
        route.path: route.needs.say for route in every_route(stage.app._app) if route.needs and route.method == "GET"
    }
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    parts = [_HEAD]
    for route, title, picture in pages:
        (PICTURES / f"{name_of(route)}.png").write_bytes(small(picture))
        parts.append(f"## {title.removesuffix(' · Wachhund')}\n`{route}`: {says.get(route, '')}\n")
        parts.append(f"![{title}](pages/{name_of(route)}.png)\n")
    DOCUMENT.write_text("\n".join(parts))


if __name__ == "__main__":
    sys.exit(main())
