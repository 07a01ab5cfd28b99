"""Who is told, by which way, and what became of it. Times: host time in seconds since the epoch."""

from dataclasses import dataclass
from typing import Any

# What becomes of a message. Nothing leads away from the last three.
WAITING, DELIVERED, DEAD, WITHDRAWN = "waiting", "delivered", "dead", "withdrawn"

# What a message is about.
INCIDENT, DRILL, DRILL_MISSING, ENDS, TEST = "incident", "drill", "drill-missing", "authorisation-ends", "test"


@dataclass(frozen=True)
class Target:
    """Where messages go. `shown`: its address without secrets; `sealed`: the whole, encrypted.

    `allowed`: networks beside the internet's that it may reach. `drills`: the daily DRILL is written to it.
    `failures`: tries in a row that failed; nothing is tried before `retry_t`.
    """

    id: str
    name: str
    kind: str
    shown: str
    sealed: bytes
    allowed: tuple[str, ...]
    drills: bool
    made_t: float
    made_by: str
    tested_t: float | None = None
    tested_ok: bool | None = None
    tested_words: str | None = None
    last_t: float | None = None
    last_ok: bool | None = None
    last_words: str | None = None
    failures: int = 0
    retry_t: float = 0.0
    drilled_t: float = 0.0


@dataclass(frozen=True)
class Hours:
    """When a route leads anywhere: minutes of the day from `begin` to `end` (over midnight when that is less), on
    `days` (0: Monday; the day on which the span began), in the time zone of that name."""

    begin: int
    end: int
    days: tuple[int, ...]
    zone: str


@dataclass(frozen=True)
class Route:
    """Which incidents a target is told of: from a level on, of robots whose name fits one of the patterns (None: all),
    in those hours (None: always), `after_s` seconds later if nobody took it over by then."""

    id: int
    target: str
    level: str
    robots: tuple[str, ...] | None
    hours: Hours | None
    after_s: float
    made_t: float
    made_by: str


@dataclass(frozen=True)
class Watched:
    """What a route has in mind of an incident. `due_t`: when it is to be told, None: not now; `why`: for which reason.

    `held`: what holds it back, in words. `told_level` and `told_marks`: as it was when it was told last.
    """

    incident: str
    route: int
    due_t: float | None
    why: str
    held: str | None = None
    told_t: float | None = None
    told_level: str | None = None
    told_marks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Message:
    """One message to one target. Its id stays the same however often it is tried. `body`: None once it has ended."""

    id: str
    target: str
    target_name: str
    what: str
    title: str
    body: dict[str, Any] | None
    made_t: float
    state: str = WAITING
    attempts: int = 0
    last_t: float | None = None
    words: str | None = None
    ended_t: float | None = None


@dataclass(frozen=True)
class Drilled:
    """The last drill of a robot (its id) that came through. `missed_t`: when its successor was told as missing."""

    robot: str
    incident: str
    t: float
    missed_t: float | None
