"""When somebody is a campaign: who was on several robots at a time, and nobody had allowed it. Pure.

It is a function of what is known of the sessions, whatever came first, so evidence that comes late ends up where it
would have been. A campaign is named by who it is and by the day (UTC) on which he was first on that many robots: the
first moment itself may still be moved by a robot that was out of reach.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# On two robots somebody is who has two robots to look after. From the third on nobody is there by mistake.
ROBOTS = 3
# A person needs some minutes a robot by hand; and who goes from one to the next is on each only for a while. Seconds.
WINDOW_S = 30 * 60.0
# A session of which nobody told the end (the robot went out of reach) is taken for over then. Seconds.
OPEN_S = 24 * 3_600.0
DAY_S = 86_400.0
CRITICAL, MEDIUM = "critical", "medium"


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody did on a robot within one span of WINDOW_S, or less: all sessions that began in it.

    `end_t`: when it was over, at the latest; `last_t`: until when it is known. `open`: how many sessions go on.
    `forbidden`: how many of them an incident tells. Joined they lose nothing: what begins within WINDOW_S of something
    else is on the same robot at the same time as that.
    """

    robot: str
    span: int
    first_t: float
    last_t: float
    end_t: float
    sessions: int
    open: int
    forbidden: int


@dataclass(frozen=True, slots=True)
class OnRobot:
    """What a campaign did on one robot. `last_t`: None while a session goes on."""

    robot: str
    first_t: float
    last_t: float | None
    sessions: int


@dataclass(frozen=True)
class Found:
    """A campaign. `day`: since the epoch. `members`: (robot, span) of its uses. `last_t`: until when it is known."""

    id: str
    who: str
    place: str
    day: int
    level: str
    first_t: float
    last_t: float
    goes_on: bool
    robots: tuple[OnRobot, ...]
    members: frozenset[tuple[str, int]]


def campaign_id(who: str, place: str, day: int) -> str:
    """Names who it is, and the day."""
    digest = hashlib.sha256("\x1f".join(("campaign", who, place)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:12]}-{datetime.fromtimestamp(day * DAY_S, UTC):%Y%m%d}"


def crowded(uses: Iterable[Use]) -> list[tuple[float, float]]:
    """The spans in which he was on ROBOTS robots, each until WINDOW_S after he left it."""
    by_robot: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for use in uses:
        by_robot[use.robot].append((use.first_t, use.end_t + WINDOW_S))
    if len(by_robot) < ROBOTS:
        return []
    turns: list[tuple[float, int]] = []
    for spans in by_robot.values():
        for begin, end in _joined(spans):
            turns += [(begin, -1), (end, 1)]
    found: list[tuple[float, float]] = []
    there, since = 0, 0.0
    for t, turn in sorted(turns):  # who comes at a moment counts before who goes at it
        there -= turn
        if turn < 0 and there == ROBOTS:
            since = t
        elif turn > 0 and there == ROBOTS - 1:
            found.append((since, t))
    return found


def campaigns_of(who: str, place: str, uses: Sequence[Use]) -> list[Found]:
    """All campaigns of one somebody, the first first.

    To one belongs all that he did while he was on that many robots, and whatever else he did on that day.
    """
    days: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for begin, end in crowded(uses):
        days[int(begin // DAY_S)].append((begin, end))
    return [_campaign(who, place, day, spans, uses) for day, spans in sorted(days.items())]


def _campaign(who: str, place: str, day: int, spans: Sequence[tuple[float, float]], uses: Sequence[Use]) -> Found:
    mine = [
        use
        for use in uses
        if int(use.first_t // DAY_S) == day
        or any(use.first_t <= end and use.end_t + WINDOW_S >= begin for begin, end in spans)
    ]
    by_robot: dict[str, list[Use]] = defaultdict(list)
    for use in mine:
        by_robot[use.robot].append(use)
    robots = tuple(
        OnRobot(
            robot, min(use.first_t for use in its),
            None if any(use.open for use in its) else max(use.last_t for use in its), sum(use.sessions for use in its),
        )
        for robot, its in sorted(by_robot.items())
    )  # fmt: skip
    told = sum(any(use.forbidden for use in its) for its in by_robot.values())
    return Found(
        campaign_id(who, place, day), who, place, day, CRITICAL if told >= ROBOTS else MEDIUM,
        min(use.first_t for use in mine), max(use.last_t for use in mine), any(use.open for use in mine), robots,
        frozenset((use.robot, use.span) for use in mine),
    )  # fmt: skip


def _joined(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    made: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if made and begin <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((begin, end))
    return made
