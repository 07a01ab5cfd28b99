"""The event stream: tells each browser what changed on its page, at most 4 times a second, and that we are alive.

A viewer has no queue: whoever is slow is told, when he can take it, the difference between what he shows and what is
true now. What he did not get in between is counted and said in each beat. Pages are computed once for all who look.
"""

import asyncio
import json
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.concurrency import run_in_threadpool

from wachhund.ledger import LedgerError
from wachhund.web.live_page import LivePage, Shown


@dataclass(frozen=True)
class LiveLimits:
    """Every bound of this room, with its unit and reason."""

    message_s: float = 0.25  # between two messages: people read no faster
    look_s: float = 1.0  # between two looks when nothing rang: "late" and "silent" come by time alone
    beat_s: float = 2.0  # so that the page's 10 s banner needs five lost beats
    busy_share: float = 0.2  # of a core, for computing pages: beyond it looks come less often, up to `look_s`
    pages_a_stream: int = 16  # of one browser, whose tabs share it: that many windows are seen at once by nobody
    viewers: int = 64  # streams at once: each costs a task and a connection
    known_pages: int = 256  # states remembered to resume from: about 50 kB each at 100 rows


@dataclass(frozen=True)
class Followed:
    """One page that a viewer looks at. `key`: the same for all who look at the same. `last_id`: what it shows."""

    key: str
    compute: Callable[[], LivePage]
    last_id: str


class LiveBoard:
    """Knows what pages look like now, and what browsers were told. Belongs to one event loop."""

    def __init__(self, limits: LiveLimits | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or LiveLimits()
        self.viewers = 0
        self._monotonic = monotonic
        self._known: OrderedDict[str, Shown] = OrderedDict()
        self._fresh: dict[str, tuple[int, float, asyncio.Future[LivePage]]] = {}
        self._took: dict[str, float] = {}
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

    def remember(self, page: LivePage, before: Shown | None = None) -> tuple[str, Shown]:
        """A browser that showed `before` was told this page, and may come back naming its id. Any thread may call."""
        identity, shown = page.id, page.shown(before)
        with self._lock:
            self._known[identity] = shown
            self._known.move_to_end(identity)
            while len(self._known) > self.limits.known_pages:
                self._known.popitem(last=False)
        return identity, shown

    async def now(self, key: str, compute: Callable[[], LivePage]) -> tuple[int, LivePage]:
        """The page, and how often it had rung when that was computed: at most once per `message_s` for all viewers."""
        at = self._monotonic()
        found = self._fresh.get(key)
        if found is not None:
            rings, made, page = found
            age = at - made
            if age < self._between_s or (rings == self._rings and age < self.limits.look_s):
                return rings, await asyncio.shield(page)
        self._fresh = {name: entry for name, entry in self._fresh.items() if at - entry[1] < self.limits.look_s}
        self._took = {name: took for name, took in self._took.items() if name in self._fresh}

        def timed() -> LivePage:
            began = time.thread_time()
            page = compute()
            self._took[key] = time.thread_time() - began
            return page

        task = asyncio.ensure_future(run_in_threadpool(timed))
        rings = self._rings
        self._fresh[key] = (rings, at, task)
        return rings, await asyncio.shield(task)

    @property
    def _between_s(self) -> float:
        """Seconds between two looks at a page: as short as `message_s`, unless all pages together cost too much."""
        cost = sum(self._took.values())
        return min(self.limits.look_s, max(self.limits.message_s, cost / self.limits.busy_share))

    def _due_s(self, keys: Iterable[str]) -> float:
        """Seconds until one of these pages may be looked at anew: whoever was shown what another's look had found waits
        for the rest of the time only."""
        at, between = self._monotonic(), self._between_s
        made = [self._fresh[key][1] for key in keys if key in self._fresh]
        return max(0.0, min(made, default=at) + between - at)

    def stream(
        self, key: str, compute: Callable[[], LivePage], last_id: str, still_in: Callable[[], bool]
    ) -> AsyncIterator[str]:
        """Server-sent events for one viewer of one page, who shows the state `last_id` (empty: none)."""
        return self._counted([Followed(key, compute, last_id)], still_in, False)

    def streams(self, followed: Sequence[Followed], still_in: Callable[[], bool]) -> AsyncIterator[str]:
        """The same for several pages at once; each event says in `of` which one it is about, counted from 0."""
        return self._counted(followed, still_in, True)

    async def _counted(
        self, followed: Sequence[Followed], still_in: Callable[[], bool], numbered: bool
    ) -> AsyncIterator[str]:
        self.viewers += 1
        try:
            yield "retry: 2000\n\n"
            async for message in self._messages(followed, still_in, numbered):
                yield message
        except LedgerError:
            return  # the browser comes again, and is told then what is wrong
        finally:
            self.viewers -= 1

    async def _messages(
        self, followed: Sequence[Followed], still_in: Callable[[], bool], numbered: bool
    ) -> AsyncIterator[str]:
        with self._lock:
            shown = [self._known.get(one.last_id) for one in followed]
        ids = [one.last_id if page is not None else "" for one, page in zip(followed, shown, strict=True)]
        seen, skipped, beat_due = self._rings, 0, 0.0
        while not self._closed:
            rung, before = self._changed, seen
            looked = self._rings
            for place, one in enumerate(followed):
                rings, page = await self.now(one.key, one.compute)
                looked = min(looked, rings) if place else rings
                change = page.changes_since(shown[place])
                if change:
                    ids[place], shown[place] = self.remember(page, shown[place])
                    yield _event("change", {**change, "of": place} if numbered else change, ids[place])
            skipped += max(0, looked - before - 1)
            seen = looked
            if self._monotonic() >= beat_due:
                last = ids[-1] if ids else ""
                if not await run_in_threadpool(still_in):
                    yield _event("end", {"why": "the login ended"}, last)
                    return
                yield _event("beat", {"t": time.time(), "skipped": skipped}, last)
                beat_due = self._monotonic() + self.limits.beat_s
            pause = max(self.limits.message_s, self._due_s(one.key for one in followed))
            await asyncio.sleep(pause)
            if seen == self._rings:
                await _wait(rung, self.limits.look_s - pause)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _event(name: str, data: dict[str, Any], event_id: str) -> str:
    """One event. JSON holds no raw line break, so no text of a robot can end the event early and begin its own."""
    return f"id: {event_id}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
