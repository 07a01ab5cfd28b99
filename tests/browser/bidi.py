"""A Firefox that is spoken to by WebDriver BiDi, the W3C's protocol, over its own socket: no driver program in between.

Source: WebDriver BiDi (W3C), sections session, browsingContext, script, log, input.
"""

import contextlib
import itertools
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

START_S, ANSWER_S = 120.0, 120.0
# A fresh profile asks elsewhere for what we do not use, and a test has to work offline.
SETTINGS = {
    "app.normandy.enabled": False, "app.update.enabled": False, "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.shell.checkDefaultBrowser": False, "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.enabled": False, "extensions.update.enabled": False, "signon.rememberSignons": False,
}  # fmt: skip


class Firefox:
    """One window with one tab. `complaints`: errors and warnings of its console, as Firefox words them."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        self.tab = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def call(self, method: str, **params: Any) -> Any:
        """One command's result. AssertionError holds what Firefox answered instead."""
        number = next(self._numbers)
        self._wire.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._wire.recv(timeout=ANSWER_S))
            if told.get("method") == "log.entryAdded" and told["params"]["level"] in ("error", "warn"):
                self.complaints.append(f"{told['params']['level']}: {told['params']['text']}")
            if told.get("id") == number:
                assert told["type"] == "success", told
                return told["result"]

    def go(self, address: str) -> None:
        """Open a page and wait until all of it is there."""
        self.call("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript: a text, a number or a truth."""
        made = self.call("script.evaluate", expression=expression, target={"context": self.tab}, awaitPromise=True)
        assert made["type"] == "success", made
        return made["result"].get("value")

    def until(self, expression: str, seconds: float = 90.0) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {expression}"
            time.sleep(0.1)

    def press(self, key: str) -> None:
        """One key of the keyboard."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.call("input.performActions", context=self.tab, actions=[{"type": "key", "id": "keys", "actions": actions}])


@contextlib.contextmanager
def firefox(program: str, folder: Path) -> Iterator[Firefox]:
    """Start one with a fresh profile in `folder`, and end it."""
    (folder / "user.js").write_text(
        "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in SETTINGS.items())
    )
    log = folder / "firefox.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port=0"],
            stdout=out, stderr=subprocess.STDOUT, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while (found := re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text(errors="replace"))) is None:
            assert child.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")[-1000:]
            time.sleep(0.05)
        with connect(f"{found[1]}/session", max_size=None, open_timeout=ANSWER_S, compression=None) as wire:
            yield Firefox(wire)
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
