"""A real Chromium on a real host: uvicorn in this process, the ledger on disk, a robot that signs."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.host.web.stage import Player, open_ledger
from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger import Ledger
from wachhund.people.passkeys import site_of
from wachhund.reports.making import Reports
from wachhund.rulebook import shelf
from wachhund.rulebook.hunts import Hunts
from wachhund.rulebook.listing import listing
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.keys_page import Keys
from wachhund.web.live import LiveBoard

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")  # fmt: skip

PATIENCE_MS = 90_000  # nothing here is held to it: a busy machine is no failure


class Stage:
    """A host that can be stopped, its ledger, and one robot on it."""

    def __init__(self, folder: Path) -> None:
        self.ledger: Ledger = open_ledger(folder)
        self.player = Player(self.ledger, "go1-07")
        self.player.say(self.player.looking(), self.player.seen("agent.start", version="0.1.0"))
        self.door = Door(self.ledger)
        keys = self.door.first_keys()
        assert keys is not None
        self._data = DataFolder(folder / "data").make()
        self.hunts = Hunts(self.ledger, self._data)
        self.reports = Reports(self.ledger, Ed25519PrivateKey.generate(), folder)
        self._port = 0
        self.begin()
        self.page = f"http://127.0.0.1:{self._port}"
        self.way_in = f"{self.page}/login#{keys.code}"

    def begin(self) -> None:
        """Serve; anew on the same port after `stop`."""
        self.board = LiveBoard()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        site = site_of(f"http://127.0.0.1:{self._port}")
        keys = Keys("a" * 43, None, (("b" * 43, "b" * 43),), ())
        self.app = app = create_app(
            self.ledger, self.door, self.board, hunts=self.hunts, site=site, about_keys=lambda: keys,
            reports=self.reports, rulebook=lambda: listing(shelf.in_use(self._data)),
        )  # fmt: skip
        settings = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=3,
                                  timeout_keep_alive=600)  # fmt: skip
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self._server.started:
            assert time.monotonic() < deadline and self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """End the host as a signal would; the ledger stays open for the test."""
        if self._thread.is_alive():
            self.board.close()
            self._server.should_exit = True
            self._thread.join()
            self._listener.close()

    def end(self) -> None:
        """Put everything away."""
        self.stop()
        self.ledger.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.end()


@pytest.fixture(scope="module")  # not longer: while it lives, this thread has a running event loop
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make env")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


class Tab:
    """One tab, with all that its console said: a violated content policy or a script error is said there."""

    def __init__(self, chromium: Any, **settings: Any) -> None:
        self.context = chromium.new_context(**settings)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []  # addresses, where a test collects them
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.on("dialog", lambda dialog: self._note("dialog", dialog.message))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning", "dialog"):
            self.complaints.append(f"{kind}: {text}")


@pytest.fixture
def tab(chromium: Any, stage: Stage) -> Iterator[Tab]:
    """A tab that has come in by the one-time link."""
    tab = Tab(chromium, viewport={"width": 1280, "height": 900})
    tab.page.goto(stage.way_in)
    tab.page.wait_for_url(f"{stage.page}/")
    yield tab
    tab.context.close()
