"""The event stream: tells each browser what changed on its page, at most 4 times a second, and that we are alive.

A viewer has no queue: whoever is slow is told, when he can take it, the difference between what he shows and what is
true now. What he did not get in between is counted and said in each beat. Pages are computed once for all who look.
"""

import asyncio
import json
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from fastapi.concurrency import run_in_threadpool

from wachhund.web.live_page import LivePage


@dataclass(frozen=True)
class LiveLimits:
    """Every bound of this room, with its unit and reason."""

    message_s: float = 0.25  # between two messages: people read no faster
    look_s: float = 1.0  # between two looks when nothing rang: "late" and "silent" come by time alone
    beat_s: float = 2.0  # so that the page's 10 s banner needs five lost beats
    viewers: int = 64  # streams at once: each costs a task and a connection
    known_pages: int = 256  # states remembered to resume from: about 50 kB each at 100 rows


class LiveBoard:
    """Knows what pages look like now, and what browsers were told. Belongs to one event loop."""

    def __init__(self, limits: LiveLimits | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or LiveLimits()
        self.viewers = 0
        self._monotonic = monotonic
        self._known: OrderedDict[str, LivePage] = OrderedDict()
        self._fresh: dict[str, tuple[int, float, asyncio.Future[LivePage]]] = {}
        self._lock = threading.Lock()
        self._rings = 0
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether as many streams are open as may be."""
        return self.viewers >= self.limits.viewers

    def ring(self) -> None:
        """Something was committed. Called in the event loop."""
        self._rings += 1
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    def close(self) -> None:
        """End all streams soon: the host stops."""
        self._closed = True
        self.ring()

    def remember(self, page: LivePage) -> None:
        """A browser was told this state, and may come back naming it. Any thread may call."""
        with self._lock:
            self._known[page.id] = page
            self._known.move_to_end(page.id)
            while len(self._known) > self.limits.known_pages:
                self._known.popitem(last=False)

    async def now(self, key: str, compute: Callable[[], LivePage]) -> tuple[int, LivePage]:
        """The page, and how often it had rung when that was computed: at most once per `message_s` for all viewers."""
        at = self._monotonic()
        found = self._fresh.get(key)
        if found is not None:
            rings, made, page = found
            age = at - made
            if age < self.limits.message_s or (rings == self._rings and age < self.limits.look_s):
                return rings, await asyncio.shield(page)
        self._fresh = {name: entry for name, entry in self._fresh.items() if at - entry[1] < self.limits.look_s}
        task = asyncio.ensure_future(run_in_threadpool(compute))
        rings = self._rings
        self._fresh[key] = (rings, at, task)
        return rings, await asyncio.shield(task)

    async def stream(
        self, key: str, compute: Callable[[], LivePage], last_id: str, still_in: Callable[[], bool]
    ) -> AsyncIterator[str]:
        """Server-sent events for one viewer, who shows the state `last_id` (empty: none)."""
        self.viewers += 1
        try:
            yield "retry: 2000\n\n"
            async for message in self._messages(key, compute, last_id, still_in):
                yield message
        finally:
            self.viewers -= 1

    async def _messages(
        self, key: str, compute: Callable[[], LivePage], last_id: str, still_in: Callable[[], bool]
    ) -> AsyncIterator[str]:
        with self._lock:
            shown = self._known.get(last_id)
        shown_id = last_id if shown is not None else ""
        seen, skipped, beat_due = self._rings, 0, 0.0
        while not self._closed:
            rung = self._changed
            rings, page = await self.now(key, compute)
            skipped += max(0, rings - seen - 1)
            seen = rings
            change = page.changes_since(shown)
            if change:
                self.remember(page)
                shown, shown_id = page, page.id
                yield _event("change", change, shown_id)
            if self._monotonic() >= beat_due:
                if not await run_in_threadpool(still_in):
                    yield _event("end", {"why": "the login ended"}, shown_id)
                    return
                yield _event("beat", {"t": time.time(), "skipped": skipped}, shown_id)
                beat_due = self._monotonic() + self.limits.beat_s
            await asyncio.sleep(self.limits.message_s)
            if seen == self._rings:
                await _wait(rung, self.limits.look_s - self.limits.message_s)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _event(name: str, data: dict[str, Any], event_id: str) -> str:
    """One event. JSON holds no raw line break, so no text of a robot can end the event early and begin its own."""
    return f"id: {event_id}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
