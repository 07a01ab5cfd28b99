"""What changes on a page: only that, in values, in order, and never more than a viewer can take."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from wachhund.web.live import LiveBoard, LiveLimits
from wachhund.web.live_page import LivePage, Slot, with_host_faults

QUICK = LiveLimits(message_s=0.01, look_s=0.05, beat_s=0.02, known_pages=2)


def page(**texts: str) -> LivePage:
    return LivePage("/live/x", {key: Slot(text) for key, text in texts.items()}, {"rows": tuple(texts)})


def test_a_browser_is_told_what_changed_and_nothing_else() -> None:
    """Rows that end are rows that are no longer listed; their slots simply stop."""
    old, new = page(a="1", b="2"), page(a="1", b="3", c="4")
    assert new.changes_since(old.shown()) == {
        "slots": {"b": {"text": "3"}, "c": {"text": "4"}},
        "rows": {"rows": ["a", "b", "c"]},
    }
    assert new.changes_since(new.shown()) == {}
    assert set(new.changes_since(None)["slots"]) == {"a", "b", "c"}


def test_what_stays_the_same_is_remembered_once() -> None:
    """Hundreds of states of a page of hundreds of values are remembered, and most differ in a few of them."""
    before = page(a="1", b="2").shown()
    after = page(a="1", b="3").shown(before)
    assert after.slots["a"] is before.slots["a"] and after.slots["b"] == ("3", None, None)


def test_who_shares_a_look_waits_only_until_the_next_is_due() -> None:
    """Two browsers show one page: neither is told later for having asked between two looks."""

    async def play() -> list[float]:
        clock = {"t": 0.0}
        board = LiveBoard(LiveLimits(message_s=0.25), lambda: clock["t"])
        due = []
        for at in (0.0, 0.1, 0.24, 1.0):
            clock["t"] = at
            board.ring()
            await board.now("k", lambda: page(a="1"))
            due.append(round(board._due_s(["k"]), 3))
        return due

    assert asyncio.run(play()) == [0.25, 0.15, 0.01, 0.25]


def test_the_same_state_has_the_same_name() -> None:
    """A stream is resumed by it, also after the host started anew."""
    assert page(a="1").id == page(a="1").id != page(a="2").id


def test_a_host_that_is_not_well_says_so_on_every_page_that_lives() -> None:
    """Calm from a host that takes nothing in is no calm."""
    assert "the disk is full" in with_host_faults(page(a="1"), [None, "the disk is full"]).slots["host:faults"].text
    assert with_host_faults(page(a="1"), [None]).slots["host:faults"].text == ""
    assert with_host_faults(LivePage(""), ["x"]).slots == {}


def events(raw: str) -> dict[str, Any]:
    fields = dict(line.partition(": ")[::2] for line in raw.strip().split("\n"))
    return {"event": fields.get("event"), "id": fields.get("id"), **json.loads(fields.get("data", "{}"))}


async def take(stream: AsyncIterator[str], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(10):
        async for raw in stream:
            event = events(raw)
            if wanted(event):
                return event
    raise AssertionError("the stream ended")


def is_change(event: dict[str, Any]) -> bool:
    return event["event"] == "change"


def is_beat(event: dict[str, Any]) -> bool:
    return event["event"] == "beat"


def test_a_stream_tells_a_change_when_it_rings_and_resumes_by_the_last_id() -> None:
    """A viewer who comes back with a state that is remembered gets the difference; else everything once."""

    async def play() -> None:
        board, now = LiveBoard(QUICK), {"page": page(a="1")}
        board.remember(now["page"])
        stream = board.stream("k", lambda: now["page"], now["page"].id, lambda: True)
        assert (await take(stream, lambda event: event["event"] is not None))["event"] == "beat"
        now["page"] = page(a="2")
        board.ring()
        change = await take(stream, is_change)
        assert change["slots"] == {"a": {"text": "2"}} and change["id"] == now["page"].id
        await stream.aclose()  # type: ignore[attr-defined]
        assert board.viewers == 0
        back = board.stream("k", lambda: now["page"], change["id"], lambda: True)
        assert (await take(back, lambda event: event["event"] is not None))["event"] == "beat"
        await back.aclose()  # type: ignore[attr-defined]
        lost = board.stream("k", lambda: now["page"], "forgotten", lambda: True)
        assert (await take(lost, is_change))["slots"] == {"a": {"text": "2"}}
        await lost.aclose()  # type: ignore[attr-defined]

    asyncio.run(play())


def test_a_storm_reaches_a_viewer_as_a_few_messages_and_the_rest_is_counted() -> None:
    """A slow viewer gets fewer, never a growing queue; he is told how many states he did not see."""

    async def play() -> None:
        board, states = LiveBoard(LiveLimits(message_s=0.05, look_s=0.2, beat_s=0.05)), [0]
        stream = board.stream("k", lambda: page(a=str(states[-1])), "", lambda: True)
        await take(stream, is_beat)
        for state in range(1, 501):
            states.append(state)
            board.ring()
        changes, skipped = 0, 0
        while skipped == 0:
            event = await take(stream, lambda event: event["event"] in ("change", "beat"))
            changes += event["event"] == "change"
            skipped = event.get("skipped", 0)
        assert changes <= 2 and skipped >= 498
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(play())


def test_pages_are_computed_once_for_all_who_look() -> None:
    """A hundred tabs cost the ledger what one costs."""

    async def play() -> None:
        made = 0

        def compute() -> LivePage:
            nonlocal made
            made += 1
            return page(a="1")

        board = LiveBoard(LiveLimits(look_s=30.0))
        await asyncio.gather(*(board.now("k", compute) for _ in range(100)))
        assert made == 1

    asyncio.run(play())


def test_a_login_that_ended_ends_the_stream_with_a_word() -> None:
    """The page must not look live to somebody who was sent away."""

    async def play() -> None:
        board, inside = LiveBoard(QUICK), True
        stream = board.stream("k", lambda: page(a="1"), "", lambda: inside)
        await take(stream, is_beat)
        inside = False
        assert (await take(stream, lambda event: event["event"] == "end"))["why"] == "the login ended"

    asyncio.run(play())


def test_streams_end_when_the_host_stops() -> None:
    """Else stopping would wait for every open tab."""

    async def play() -> None:
        board = LiveBoard(QUICK)
        stream = board.stream("k", lambda: page(a="1"), "", lambda: True)
        await take(stream, is_beat)
        board.close()
        async with asyncio.timeout(5):
            assert [raw async for raw in stream if "event: change" in raw] == []

    asyncio.run(play())
