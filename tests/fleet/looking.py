"""What a person sees of a fleet: pages beside a cluster that is at work, each two minutes asked as a browser asks."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.bench.live_viewers import Viewer, browser_cost
from tests.bench.process_cost import cost_of
from tests.robots.ports import free_port
from tests.robots.served_host import read_until_ready

PAGES = ("/", "/?page=50", "/incidents")
_ANSWER_S = 60.0
_STREAM_S = 40.0
_BROWSER_S = 10.0
_EVERY_S = 120.0


@dataclass(frozen=True)
class Pages:
    """A `wachhund web` of its own, and who is logged in."""

    address: str
    cookie: dict[str, str]
    pid: int


@contextmanager
def pages_of(data: Path) -> Iterator[Pages]:
    """Pages of that data folder, until the block ends. What they have to complain of goes where ours does."""
    address, printed = f"127.0.0.1:{free_port()}", list[str]()
    command = [sys.executable, "-m", "wachhund", "web", "--data", str(data), "--listen", address, "--login-link"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as web:
        try:
            read_until_ready(web, printed)
            (code,) = [line.split("/login#")[1] for line in printed if "/login#" in line]
            page = f"http://{address}"
            with httpx.Client(base_url=page, timeout=_ANSWER_S) as client:
                client.post("/login", data={"code": code}, headers={"origin": page})
                yield Pages(page, dict(client.cookies), web.pid)
        finally:
            web.terminate()


async def _streamed(pages: Pages, seconds: float) -> Viewer:
    async with httpx.AsyncClient(cookies=pages.cookie, timeout=_ANSWER_S) as client:
        viewer = Viewer(client, pages.address, 0)
        task = asyncio.create_task(viewer.look())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return viewer


def look(pages: Pages, stream_s: float = _STREAM_S, browser_s: float = _BROWSER_S) -> dict[str, Any]:
    """One look: seconds for each page, the page in a browser, and how late what robots said was shown."""
    answered = {}
    with httpx.Client(base_url=pages.address, cookies=pages.cookie, timeout=_ANSWER_S) as client:
        for page in PAGES:
            began = time.monotonic()
            status = client.get(page).status_code
            answered[page] = round(time.monotonic() - began, 3) if status == httpx.codes.OK else f"status {status}"
    cpu, began = cost_of(pages.pid).cpu_s, time.monotonic()
    viewer = asyncio.run(_streamed(pages, stream_s))
    used = (cost_of(pages.pid).cpu_s - cpu) / (time.monotonic() - began)
    late = sorted(viewer.late_s)
    shown = {"told": len(late)}
    if late:
        shown |= {"median_s": round(median(late), 2), "p99_s": round(late[int(len(late) * 0.99)], 2)}
    memory = round(cost_of(pages.pid).rss_bytes / 1e6)
    browser = browser_cost(pages.address, pages.cookie, browser_s)
    told = {"pages_s": answered, "shown": shown, "cpu": round(100 * used), "memory_mb": memory, "browser": browser}
    return {"at": time.strftime("%T"), **told}


def run(data: Path, seconds: float, tell: Callable[[dict[str, Any]], None]) -> None:
    """Look again and again, as long as the data folder is there."""
    end = time.monotonic() + seconds
    with pages_of(data) as pages:
        while time.monotonic() < end and data.exists():
            began = time.monotonic()
            tell(look(pages))
            time.sleep(max(0.0, min(end, began + _EVERY_S) - time.monotonic()))
