"""The fleet page: which robots need me now, and may I trust the calm of the others? Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from wachhund.web.hops import short_path
from wachhund.web.live_page import LivePage, Slot, word_slots
from wachhund.web.moments import clock
from wachhund.web.robot_text import clipped
from wachhund.web.standing import Word, is_forbidden

ROWS_A_PAGE = 100
_WORST_FIRST = {"NOT ALLOWED": 0, "unknown": 2, "allowed": 4, "nobody": 5}


@dataclass(frozen=True)
class RobotStanding:
    """One robot as the fleet sees it. Times are host time; `sessions` are its open ones, `incidents` its open ones."""

    name: str
    proof: Word
    control: Word
    coverage: Word
    last_t: float | None
    version: str | None
    sessions: Sequence[Mapping[str, Any]]
    incidents: Sequence[Mapping[str, Any]]

    def rank(self) -> tuple[int, int, str]:
        """Worst first, then by name."""
        trouble = _WORST_FIRST.get(self.control.word, 1)
        return (min(trouble, 1) if self.proof.word == "broken" else trouble, -len(self.incidents), self.name)

    def words(self) -> tuple[str, ...]:
        """What the search understands besides the name."""
        return (self.proof.word, self.control.word, self.coverage.word, *(["incident"] if self.incidents else []))


@dataclass(frozen=True)
class FleetView:
    """`rows`: those of this page; `found`: how many match `query` on all pages; `total`: all robots."""

    rows: Sequence[RobotStanding]
    total: int
    found: int
    query: str
    page: int
    live: LivePage

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // ROWS_A_PAGE))

    @property
    def terms(self) -> tuple[str, ...]:
        return split_query(self.query)

    def without(self, term: str) -> str:
        """The query with one filter dropped."""
        return join_query([other for other in self.terms if other != term])


def split_query(query: str) -> tuple[str, ...]:
    """Terms of a search: words, or "several words" in quotes; `-` before one excludes."""
    terms: list[str] = []
    for place, piece in enumerate(query.split('"')):
        if place % 2:
            sign = terms.pop() if terms and terms[-1] == "-" else ""
            terms.append(sign + piece)
        else:
            terms += piece.split()
    return tuple(term for term in terms if term.lstrip("-"))


def join_query(terms: Sequence[str]) -> str:
    """The inverse of `split_query`."""
    quoted = (
        f'{"-" if term.startswith("-") else ""}"{term.removeprefix("-")}"' if " " in term else term for term in terms
    )
    return " ".join(quoted)


def matches(robot: RobotStanding, terms: Sequence[str]) -> bool:
    """Each term is one of the robot's words, or part of its name; `-term` must not be."""
    for term in terms:
        wanted = term.removeprefix("-").lower()
        hit = wanted in robot.name.lower() or wanted in (word.lower() for word in robot.words())
        if hit is term.startswith("-"):
            return False
    return True


def _sentence_slots(robots: Sequence[RobotStanding]) -> dict[str, Slot]:
    """The parts of the fleet's sentence, each a number and what it counts."""
    forbidden = sum(robot.control.word == "NOT ALLOWED" for robot in robots)
    vouched = sum(robot.proof.word == "verified" for robot in robots)
    incidents = sum(len(robot.incidents) for robot in robots)
    return {
        "total:forbidden": Slot(f"{forbidden} controlled without authorisation", tone="bad" if forbidden else None),
        "total:unvouched": Slot(f"{len(robots) - vouched} cannot be vouched for"),
        "total:verified": Slot(f"{vouched} verified"),
        "total:incidents": Slot(f"{incidents} open incident{'' if incidents == 1 else 's'}"),
    }


def who_line(robot: RobotStanding) -> str:
    """Who is on it, in one line; empty when nobody is known to be."""
    if not robot.sessions:
        return ""
    session = next((session for session in robot.sessions if is_forbidden(session)), robot.sessions[0])
    more = f" (+{len(robot.sessions) - 1})" if len(robot.sessions) > 1 else ""
    return clipped(f"{session.get('surface')}: {short_path(session.get('origin'))}{more}", 120)


def standing_slots(robot: RobotStanding, now: float) -> dict[str, Slot]:
    """The slots of one robot's row, and of its page's head."""
    prefix = f"robot:{robot.name}"
    slots: dict[str, Slot] = {}
    for name, word in (("proof", robot.proof), ("control", robot.control), ("coverage", robot.coverage)):
        since = "never" if word.since_t is None else clock(word.since_t, now)
        slots |= word_slots(f"{prefix}:{name}", word, since)
    slots[f"{prefix}:who"] = Slot(who_line(robot))
    slots[f"{prefix}:last"] = Slot("never" if robot.last_t is None else clock(robot.last_t, now), t=robot.last_t)
    incidents = len(robot.incidents)
    title = clipped(robot.incidents[0].get("title"), 100) if robot.incidents else "none open"
    slots[f"{prefix}:incident"] = Slot(title + (f" (+{incidents - 1})" if incidents > 1 else ""))
    return slots


def fleet_view(
    robots: Sequence[RobotStanding], query: str, page: int, now: float,
    order: Callable[[RobotStanding], Any] = RobotStanding.rank,
) -> FleetView:  # fmt: skip
    """The page `page` (from 1) of the robots that match `query`, worst first. Totals are of the whole fleet."""
    terms = split_query(query)
    found = sorted((robot for robot in robots if matches(robot, terms)), key=order)
    page = max(1, min(page, -(-len(found) // ROWS_A_PAGE)))
    rows = found[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE]
    slots = _sentence_slots(robots)
    for robot in rows:
        slots |= standing_slots(robot, now)
    address = "/live/fleet?" + urlencode({"q": query, "page": page})
    return FleetView(
        rows, len(robots), len(found), query, page,
        LivePage(address, slots, {"robots": tuple(robot.name for robot in rows)}),
    )  # fmt: skip
