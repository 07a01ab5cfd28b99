"""The life of an incident: one table of states and events, and what state it is in now.

Nothing here happens by a clock alone that hides something: no time closes an incident, and an acknowledgement that ran
out lets it ring while it goes on. The state is computed when asked, from what the judge found, from what people did,
and from the time; so no dead worker can keep a bell silent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.alerts.looks import beyond, goes_on, growth
from wachhund.ledger.handling_records import (
    ACKNOWLEDGE,
    ACKNOWLEDGED,
    ASSIGN,
    CLOSE,
    CLOSED,
    COMMENT,
    OPEN,
    REOPEN,
    Life,
    Seen,
)

ACK_S = 30 * 60.0  # as PagerDuty has it: long enough to look, short enough not to be forgotten
CAME_BACK = "came back"
STATES = (OPEN, CAME_BACK, ACKNOWLEDGED, CLOSED)
NEEDS_SOMEBODY = frozenset({OPEN, CAME_BACK})

# Why somebody closes an incident.
REAL, FALSE_ALARM, TEST, ALLOWED, UNKNOWN = "real", "false alarm", "test", "allowed afterwards", "cannot tell"
REASONS = (REAL, FALSE_ALARM, TEST, ALLOWED, UNKNOWN)
# Of these a person said that it may go on as it is: only what was not there when he said so brings it back.
MAY_GO_ON = frozenset({FALSE_ALARM, TEST})

# What the judge, or the time, does to an incident. A person who opens again what the judge closed is not overruled.
GREW, RAN_OUT, AGAIN = "it grew", "it ran out while it goes on", "it went on"
JUDGED_ALLOWED, JUDGED_ANEW = "all of it is allowed", "it is allowed no longer"

# (state, event) -> state. What is not here does not happen; an act that is not here is refused.
TABLE: dict[tuple[str, str], str] = {
    (OPEN, ACKNOWLEDGE): ACKNOWLEDGED,
    (OPEN, ASSIGN): OPEN,
    (OPEN, COMMENT): OPEN,
    (OPEN, CLOSE): CLOSED,
    (OPEN, JUDGED_ALLOWED): CLOSED,
    (CAME_BACK, ACKNOWLEDGE): ACKNOWLEDGED,
    (CAME_BACK, ASSIGN): CAME_BACK,
    (CAME_BACK, COMMENT): CAME_BACK,
    (CAME_BACK, CLOSE): CLOSED,
    (CAME_BACK, JUDGED_ALLOWED): CLOSED,
    (ACKNOWLEDGED, ACKNOWLEDGE): ACKNOWLEDGED,
    (ACKNOWLEDGED, ASSIGN): ACKNOWLEDGED,
    (ACKNOWLEDGED, COMMENT): ACKNOWLEDGED,
    (ACKNOWLEDGED, CLOSE): CLOSED,
    (ACKNOWLEDGED, REOPEN): OPEN,
    (ACKNOWLEDGED, GREW): OPEN,
    (ACKNOWLEDGED, RAN_OUT): OPEN,
    (ACKNOWLEDGED, JUDGED_ALLOWED): CLOSED,
    (CLOSED, ASSIGN): CLOSED,
    (CLOSED, COMMENT): CLOSED,
    (CLOSED, REOPEN): OPEN,
    (CLOSED, AGAIN): CAME_BACK,
    (CLOSED, JUDGED_ANEW): CAME_BACK,
}


@dataclass(frozen=True)
class Standing:
    """Where an incident stands. `because`: the sentence that says why, in words that are ours. `since_t`: since when it
    stands so; host time. `news`: what of it is new to whoever decided last."""

    state: str
    because: str
    since_t: float
    news: tuple[str, ...] = ()

    @property
    def needs_somebody(self) -> bool:
        return self.state in NEEDS_SOMEBODY


def standing(incident: Mapping[str, Any], life: Life, t: float) -> Standing:
    """Where an incident stands at a time. `incident`: as the judge told it last."""
    first_t, last_t = float(incident["first_t"]), float(incident["last_t"])
    if incident.get("state") == "closed" and not _overruled(life):
        return _closed_by_the_judge(incident, last_t)
    seen = life.seen
    if seen is None or life.t is None:
        if incident.get("came_back"):
            return Standing(
                TABLE[CLOSED, JUDGED_ANEW], "it was closed, because all of it was allowed, and is open again", last_t
            )
        return Standing(OPEN, "nobody has looked at it yet", first_t)
    if life.state == ACKNOWLEDGED:
        return _acknowledged(incident, life, seen, t)
    if life.state == CLOSED:
        return _closed(incident, life, seen)
    return Standing(OPEN, f"{life.by} opened it again", life.t)


def ends_of(life: Life, t: float) -> float:
    """When an acknowledgement runs out, as the clock is now: never later than it was made for from now on."""
    begun_t, until_t = life.t or 0.0, life.until_t or 0.0
    return min(until_t, t + (until_t - begun_t))


def _acknowledged(incident: Mapping[str, Any], life: Life, seen: Seen, t: float) -> Standing:
    news = growth(incident, seen)
    if news:
        because = f"it grew since {life.by} acknowledged it: {', '.join(news)}"
        return Standing(TABLE[ACKNOWLEDGED, GREW], because, float(incident["last_t"]), news)
    until_t = life.until_t or 0.0
    if t >= until_t and goes_on(incident, seen):
        because = f"the acknowledgement of {life.by} ran out, and it goes on"
        return Standing(TABLE[ACKNOWLEDGED, RAN_OUT], because, until_t, ("it goes on",))
    over = "; it ran out, and nothing went on since" if t >= until_t else ""
    return Standing(ACKNOWLEDGED, f"{life.by} acknowledged it{over}", life.t or 0.0)


def _closed(incident: Mapping[str, Any], life: Life, seen: Seen) -> Standing:
    news = [*growth(incident, seen), *beyond(incident, seen)]
    may_go_on = life.reason in MAY_GO_ON and seen.going_on
    if not news and not may_go_on and float(incident["last_t"]) > seen.last_t:
        news.append("it went on")
    if news:
        because = f"{life.by} closed it ({life.reason}), and then: {', '.join(news)}"
        return Standing(TABLE[CLOSED, AGAIN], because, float(incident["last_t"]), tuple(news))
    return Standing(CLOSED, f"{life.by} closed it: {life.reason}", life.t or 0.0)


def _overruled(life: Life) -> bool:
    """Whether a person opened again what the judge had closed, and has not closed it since."""
    return life.state != CLOSED and life.seen is not None and life.seen.closed


def _closed_by_the_judge(incident: Mapping[str, Any], last_t: float) -> Standing:
    if incident.get("joined") is not None:
        return Standing(CLOSED, "it turned out to be a part of another incident", last_t)
    return Standing(CLOSED, "closed by itself: all of it is allowed", last_t)
