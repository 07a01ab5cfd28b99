"""The fleet page: which robots need me now, and may I trust the calm of the others? Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from wachhund.ledger.labels import Labels
from wachhund.web.fleet_query import FACETS, NONE, join_query, predicate, silence_of, split_query, term_of
from wachhund.web.fleet_sums import FleetSums, sum_up, sums_slots
from wachhund.web.hops import short_path
from wachhund.web.live_page import LivePage, Slot, word_slots
from wachhund.web.moments import clock
from wachhund.web.robot_text import clipped
from wachhund.web.said import known, say, spoken
from wachhund.web.standing import Word, is_forbidden

ROWS_A_PAGE = 100
MAX_FACET_VALUES = 12  # of one facet that are offered, the most frequent
_WORST_FIRST = {"NOT ALLOWED": 0, "unknown": 2, "allowed": 4, "nobody": 5}
_SILENT = 3  # behind the other unknown ones: one broken network must not push all else off the page


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
    id: str = ""
    labels: Labels = field(default_factory=Labels)

    def rank(self) -> tuple[int, int, str]:
        """Worst first, then by name."""
        trouble = _WORST_FIRST.get(self.control.word, 1)
        if self.proof.word == "broken":
            trouble = min(trouble, 1)
        elif trouble == _WORST_FIRST["unknown"] and self.proof.word == "silent":
            trouble = _SILENT
        return (trouble, -len(self.incidents), self.name)

    @cached_property
    def facets(self) -> Mapping[str, tuple[str, ...]]:
        """What the search understands besides the name, in lower case."""
        said = {
            "control": (self.control.word,), "proof": (self.proof.word,), "coverage": (self.coverage.word,),
            "site": (self.labels.site or NONE,), "tag": self.labels.tags or (NONE,),
            "version": ((self.version or NONE).removeprefix("agent "),),
        }  # fmt: skip
        lower = {facet: tuple(value.lower() for value in values) for facet, values in said.items()}
        words = (*lower["proof"], *lower["control"], *lower["coverage"], *(["incident"] if self.incidents else []))
        return {**lower, "words": words}


SORTS: Mapping[str, Callable[[RobotStanding], Any]] = {
    "worst": RobotStanding.rank,
    "name": lambda robot: robot.name,
    "site": lambda robot: (not robot.labels.site, robot.labels.site, *robot.rank()),
    "heard": lambda robot: (robot.last_t or 0.0, robot.name),
    "version": lambda robot: (robot.version or "", robot.name),
}


@dataclass(frozen=True)
class FacetValue:
    """One value that can be asked for: how many of the list have it, and the queries with it and without it."""

    value: str
    count: int
    only: str
    without: str


@dataclass(frozen=True)
class FleetView:
    """`rows`: those of this page; `found`: how many match `query` on all pages; `total`: all robots."""

    rows: Sequence[RobotStanding]
    total: int
    found: int
    query: str
    page: int
    sort: str
    sums: FleetSums
    facets: Mapping[str, Sequence[FacetValue]]
    live: LivePage

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // ROWS_A_PAGE))

    @property
    def near_pages(self) -> list[int]:
        """The first, the last and those around this one: 100 links would be a page of their own."""
        near = {1, self.pages, *range(self.page - 2, self.page + 3)}
        return sorted(number for number in near if 1 <= number <= self.pages)

    @property
    def terms(self) -> tuple[str, ...]:
        return split_query(self.query)

    def without(self, term: str) -> str:
        """The query with one filter dropped."""
        return join_query([other for other in self.terms if other != term])

    def at(self, **changed: object) -> str:
        """The address of this list with something else: q, sort, page."""
        wanted = {"q": self.query, "sort": self.sort, "page": 1} | changed
        usual = {"q": "", "sort": "worst", "page": 1}
        return "/?" + urlencode({key: value for key, value in wanted.items() if value != usual[key]})


def who_line(robot: RobotStanding) -> str:
    """Who is on it, in one line; empty when nobody is known to be."""
    if not robot.sessions:
        return ""
    session = next((session for session in robot.sessions if is_forbidden(session)), robot.sessions[0])
    more = f" (+{len(robot.sessions) - 1})" if len(robot.sessions) > 1 else ""
    return clipped(f"{session.get('surface')}: {spoken(short_path(session.get('origin')))}{more}", 120)


def standing_slots(robot: RobotStanding, now: float) -> dict[str, Slot]:
    """The slots of one robot's row, and of its page's head."""
    prefix = f"robot:{robot.name}"
    slots: dict[str, Slot] = {}
    for name, word in (("proof", robot.proof), ("control", robot.control), ("coverage", robot.coverage)):
        since = say("never") if word.since_t is None else clock(word.since_t, now)
        slots |= word_slots(f"{prefix}:{name}", word, since)
    return slots | _row_slots(robot, now)


def _row_slots(robot: RobotStanding, now: float) -> dict[str, Slot]:
    prefix = f"robot:{robot.name}"
    incidents = len(robot.incidents)
    title = clipped(robot.incidents[0].get("title"), 100) if robot.incidents else say("none open")
    return {
        **{f"{prefix}:{name}": Slot(known(word.word), tone=word.tone)
           for name, word in (("proof", robot.proof), ("control", robot.control), ("coverage", robot.coverage))},
        f"{prefix}:who": Slot(who_line(robot)),
        f"{prefix}:last": Slot(say("never") if robot.last_t is None else clock(robot.last_t, now), t=robot.last_t),
        f"{prefix}:incident": Slot(f"{title} (+{incidents - 1})" if incidents > 1 else title),
    }  # fmt: skip


def offered(
    robots: Sequence[RobotStanding], terms: Sequence[str], now: float
) -> dict[str, list[FacetValue]]:  # fmt: skip
    """What the list can be narrowed by. Nothing that would leave all of it, or that is asked for already."""
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    for robot in robots:
        facets = robot.facets
        for facet in FACETS:
            if facet != "silence":
                counts[facet].update(facets[facet])
        counts["silence"][silence_of(robot.last_t, now)] += 1
    return {
        facet: [
            FacetValue(
                value, number, join_query([*terms, term_of(facet, value)]),
                join_query([*terms, term_of(facet, value, True)]),
            )
            for value, number in sorted(values.most_common(MAX_FACET_VALUES), key=lambda one: (-one[1], one[0]))
            if number < len(robots)
        ]
        for facet, values in counts.items()
    }  # fmt: skip


def chosen(
    robots: Sequence[RobotStanding], query: str, sort: str, now: float, sorted_already: bool = False
) -> list[RobotStanding]:
    """All robots that match, in that order. `sorted_already`: they come worst first."""
    matches = predicate(split_query(query), now)
    found = [robot for robot in robots if matches(robot)] if query.strip() else list(robots)
    if sort != "worst" or not sorted_already:
        found.sort(key=SORTS[sort])
    return found


def fleet_view(
    robots: Sequence[RobotStanding], query: str, page: int, now: float, sort: str = "worst",
    on: Collection[str] = (), sums: FleetSums | None = None, found: Sequence[RobotStanding] | None = None,
    renewed: Callable[[RobotStanding], RobotStanding] = lambda robot: robot, offers: bool = True,
) -> FleetView:  # fmt: skip
    """The page `page` (from 1) of the robots that match `query`. Totals are of the whole fleet.

    `on`: ids of robots that a browser shows already: they stay in its rows for as long as they match. `sums`, `found`:
    what is known already of these robots. `renewed`: the robot as of now, for the few that are shown.
    """
    sums = sum_up(robots, now) if sums is None else sums
    found = chosen(robots, query, sort, now) if found is None else found
    page = max(1, min(page, -(-len(found) // ROWS_A_PAGE)))
    rows = [renewed(robot) for robot in found[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE]]
    here = {robot.id for robot in rows}
    stay = frozenset(on) - here
    kept = [renewed(robot) for robot in robots if robot.id in stay] if stay else []
    matches = predicate(split_query(query), now)
    slots = sums_slots(sums) | {
        "total:found": Slot(say("%(found)s of %(all)s", found=len(found), all=len(robots)) if query.strip() else "")
    }
    for robot in (*rows, *kept):
        slots |= _row_slots(robot, now)
    shown = list(on) if on else [robot.id for robot in rows]
    address = "/live/fleet?" + urlencode({"q": query, "page": page, "sort": sort, "on": ",".join(shown)})
    members = tuple(robot.name for robot in (*rows, *(one for one in kept if matches(one))))
    return FleetView(
        rows, len(robots), len(found), query, page, sort, sums,
        offered(found, split_query(query), now) if offers else {}, LivePage(address, slots, {"robots": members}),
    )  # fmt: skip
