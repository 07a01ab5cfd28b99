"""What is silenced, on the pages that people look at for calm: how many silences hold, and who is in maintenance."""

from collections.abc import Iterable
from dataclasses import replace

from wachhund.ledger import Ledger
from wachhund.ledger.silence_records import Silence
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import clock
from wachhund.web.robot_text import visible
from wachhund.web.said import say, say_n


def marked(page: LivePage, ledger: Ledger, robots: Iterable[str], now: float) -> LivePage:
    """The page with a slot `total:silences`, and one `robot:NAME:maintenance` for each of these robots (names)."""
    if not page.address:
        return page
    valid = ledger.silencing.valid(now)
    by_name = _maintained(ledger, [one for one in valid if one.maintenance])
    count = len(valid)
    slots = {
        "total:silences": Slot(
            say_n("%(n)s silence active", "%(n)s silences active", count) if count else say("no silence active")
        )
    }
    for name in robots:
        words = "; ".join(_words(one, now) for one in by_name.get(name, ()))
        slots[f"robot:{name}:maintenance"] = Slot(words)
    return replace(page, slots={**page.slots, **slots})


def _maintained(ledger: Ledger, valid: list[Silence]) -> dict[str, list[Silence]]:
    if not valid:
        return {}
    names = {robot.id: robot.name for robot in ledger.robots()}
    found: dict[str, list[Silence]] = {}
    for one in valid:
        for robot in one.robots or ():
            found.setdefault(names.get(robot, robot), []).append(one)
    return found


def _words(one: Silence, now: float) -> str:
    return visible(
        say(
            "in maintenance until %(until)s, by %(author)s: %(why)s", until=clock(one.ends_t(now), now),
            author=one.author, why=one.why,
        )
    )  # fmt: skip
