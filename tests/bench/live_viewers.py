"""What it costs to look: the host for 1, 5 and 20 viewers, the browser's main thread, the first load.

Real: the web application over a ledger on disk, event streams over loopback, Chromium. Not real: the tokens are
unsigned and written behind the intake by a process beside (as `wachhund robots` would), on the same cores. The
viewers look at different pages of the list, so that no answer serves two of them.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.bench.figure import Figure
from tests.bench.process_cost import cost_of
from tests.bench.scratch import scratch

VIEWERS = (0, 1, 5, 20)
SECONDS = 20.0
_SETTLE_S = 10.0  # all viewers open their pages in one moment: that is a figure of its own
SCENES = (("500 robots at 10 Hz", 500, 10.0), ("10,000 robots at 0.1 Hz", 10_000, 0.1))
QUICK = (("50 robots at 10 Hz", 50, 10.0), ("500 robots at 0.1 Hz", 500, 0.1))
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip


@contextmanager
def _child(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.terminate()


def _line(child: subprocess.Popen[str]) -> str:
    if child.stdout is None:
        raise RuntimeError("no output")
    return child.stdout.readline()


class Viewer:
    """One browser's stream, read as fast as it comes."""

    def __init__(self, client: httpx.AsyncClient, page: str, number: int) -> None:
        self._client, self._page, self._number = client, page, number
        self.messages, self.opened_s = 0, 0.0
        self.late_s: list[float] = []  # of each moment told: how long after it was received

    async def look(self) -> None:
        began = time.monotonic()
        text = (await self._client.get(f"{self._page}/?page={self._number + 1}")).text
        self.opened_s = time.monotonic() - began
        address = re.findall(r'name="wachhund-live" content="([^"]*)"', text)[0].replace("&amp;", "&")
        shown = re.findall(r'name="wachhund-live-id" content="([^"]*)"', text)[0]
        url = f"{self._page}/streams?a={quote(address, safe='')}&from={shown}"
        async with self._client.stream("GET", url, timeout=60.0) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self._heard(json.loads(line.removeprefix("data: ")))

    def _heard(self, told: dict[str, Any]) -> None:
        slots = told.get("slots")
        if slots is None:
            return
        now = time.time()
        self.messages += 1
        self.late_s += [now - slot["t"] for key, slot in slots.items() if key.endswith(":last") and "t" in slot]


@dataclass(frozen=True)
class _Looked:
    """`cpu`: % of a core; `memory`: MB; `told`: change messages a second and viewer; `late_s`: how old each moment was
    when it was shown; `opened_s`: what each viewer waited for the page, when all asked at once."""

    cpu: float
    memory: float
    told: float
    late_s: tuple[float, ...]
    opened_s: tuple[float, ...]


async def _measure(page: str, cookie: dict[str, str], pid: int, viewers: int, seconds: float) -> _Looked:
    async with httpx.AsyncClient(cookies=cookie, timeout=60.0, limits=httpx.Limits(max_connections=100)) as client:
        looking = [Viewer(client, page, number) for number in range(viewers)]
        tasks = [asyncio.create_task(viewer.look()) for viewer in looking]
        await asyncio.sleep(_SETTLE_S)
        for viewer in looking:
            viewer.late_s.clear()
        cpu, began, before = cost_of(pid).cpu_s, time.monotonic(), sum(viewer.messages for viewer in looking)
        await asyncio.sleep(seconds)
        took = time.monotonic() - began
        share = (cost_of(pid).cpu_s - cpu) / took
        told = (sum(viewer.messages for viewer in looking) - before) / took / max(1, viewers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    late = tuple(each for viewer in looking for each in viewer.late_s)
    opened = tuple(viewer.opened_s for viewer in looking)
    return _Looked(share * 100, cost_of(pid).rss_bytes / 1e6, told, late, opened)


def browser_cost(page: str, cookie: dict[str, str], seconds: float) -> dict[str, float]:
    """Bytes of the first load, ms to the first paint, and ms of main thread a second while it is live."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": name, "value": value, "url": page} for name, value in cookie.items()])
        tab = context.new_page()
        session = context.new_cdp_session(tab)
        session.send("Network.enable")
        session.send("Performance.enable")
        sizes: list[float] = []
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        tab.goto(f"{page}/", wait_until="load")
        tab.wait_for_selector('#liveness[data-state="live"]', timeout=30_000)
        loaded = sum(sizes)
        paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")

        def busy() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")

        before, began = busy(), time.monotonic()
        tab.wait_for_timeout(seconds * 1000)
        share = (busy() - before) / (time.monotonic() - began)
        browser.close()
    return {"bytes": loaded, "paint_ms": float(paint), "busy_ms": share * 1000}


def _scene(folder: Path, name: str, robots: int, hertz: float, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    ledger = folder / "ledger.sqlite"
    seconds = 5.0 if quick else SECONDS
    with _child("tests.bench.ledger_feeder", str(ledger), str(robots), str(hertz)) as feeder:
        if _line(feeder).strip() != "begun":
            raise RuntimeError("the feeder does not begin")
        with _child("tests.bench.viewed_host", str(ledger)) as host:
            told: dict[str, Any] = json.loads(_line(host))
            page, pid = told["page"], told["pid"]
            with httpx.Client(base_url=page) as client:
                client.post("/login", data={"code": told["code"]}, headers={"origin": page})
                cookie = dict(client.cookies)
                began = time.monotonic()
                client.get("/", timeout=60.0)
                first = time.monotonic() - began
                began = time.monotonic()
                client.get("/", timeout=60.0)
                figures.append(Figure("live-viewers", f"{name}: first page after start", "s", (first,)))
                figures.append(Figure("live-viewers", f"{name}: page", "s", (time.monotonic() - began,), "< 1"))
            for viewers in (0, 1, 5) if quick else VIEWERS:
                seen = asyncio.run(_measure(page, cookie, pid, viewers, seconds))
                what = f"{name}: {viewers} viewers"
                note = f"{seen.told:.1f} changes/s each"
                figures.append(Figure("live-viewers", f"{what}: CPU", "% of a core", (seen.cpu,), "", note))
                figures.append(Figure("live-viewers", f"{what}: memory", "MB", (seen.memory,)))
                if viewers:
                    figures.append(Figure("live-viewers", f"{what} at once: page", "s", seen.opened_s))
                    figures.append(Figure("live-viewers", f"{what}: received to shown", "s", seen.late_s, "< 1"))
            if _CHROMIUM is not None:
                figures += _in_a_browser(name, page, cookie, seconds)
        feeder.terminate()
        fed = json.loads(_line(feeder))["per_second"]
        figures.append(Figure("live-viewers", f"{name}: tokens written", "1/s", (fed,), f"{robots * hertz:g}"))
    return figures


def _in_a_browser(name: str, page: str, cookie: dict[str, str], seconds: float) -> list[Figure]:
    found = browser_cost(page, cookie, seconds)
    return [
        Figure("live-viewers", f"{name}: first load", "kB", (found["bytes"] / 1000,), "< 150"),
        Figure("live-viewers", f"{name}: first contentful paint", "ms", (found["paint_ms"],), "< 1000"),
        Figure("live-viewers", f"{name}: browser's main thread", "ms/s", (found["busy_ms"],)),
    ]


def run(quick: bool) -> list[Figure]:
    """Both scenes."""
    figures = []
    for name, robots, hertz in QUICK if quick else SCENES:
        with scratch() as folder:
            figures += _scene(folder, name, robots, hertz, quick)
            print(f"  {name}", file=sys.stderr, flush=True)
    return figures
