"""What stands above the fleet's table: the sentence, the sites, and many that fell silent together. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wachhund.web.fleet_query import NONE, join_query
from wachhund.web.live_page import Slot
from wachhund.web.moments import clock
from wachhund.web.robot_text import visible
from wachhund.web.said import joined, say, say_n

if TYPE_CHECKING:
    from wachhund.web.fleet_view import RobotStanding

SITES_SHOWN = 50  # the worst; a site that is not among them is found by the search
SITES_FROM = 2  # sites, from which on they are listed
TOGETHER_LEAST = 5  # robots that make "many at once", and at least this share of the fleet
TOGETHER_SHARE = 0.02
TOGETHER_GAP_S = 30.0  # between two that fell silent by the same cause: heartbeats come every 10 s
_QUIET = ("late", "silent")


@dataclass(frozen=True)
class SiteSum:
    """One site: how many robots it has, and how it is with them."""

    name: str
    robots: int
    forbidden: int
    unvouched: int
    incidents: int

    @property
    def query(self) -> str:
        """What lists its robots."""
        return join_query([f"site:{self.name or NONE}"])


@dataclass(frozen=True)
class Together:
    """Robots that fell silent at about the same time, the first at `since_t`. `site`: when it is one for all."""

    count: int
    since_t: float
    site: str | None

    def words(self, now: float) -> str:
        """One line for all of them."""
        values = {"count": self.count, "since": clock(self.since_t, now)}
        if not self.site:
            return say("%(count)s silent or late since %(since)s: look at network or broker first", **values)
        return say(
            "%(count)s silent or late since %(since)s, all site %(site)s: look at network or broker first", **values,
            site=visible(self.site),
        )  # fmt: skip


@dataclass(frozen=True)
class FleetSums:
    """Sums of the whole fleet. `sites`: worst first, SITES_SHOWN at most; `more_sites`: of those not listed."""

    robots: int
    forbidden: int
    verified: int
    incidents: int
    sites: Sequence[SiteSum]
    more_sites: int
    together: Sequence[Together]
    as_of: float


def sum_up(robots: Sequence["RobotStanding"], now: float) -> FleetSums:
    """The sums of these robots."""
    count: dict[str, Counter[str]] = defaultdict(Counter)
    quiet: list[RobotStanding] = []
    for robot in robots:
        here = count[robot.labels.site]
        here["robots"] += 1
        here["incidents"] += len(robot.incidents)
        here["forbidden"] += robot.control.word == "NOT ALLOWED"
        here["verified"] += robot.proof.word == "verified"
        if robot.proof.word in _QUIET and robot.last_t is not None:
            quiet.append(robot)
    sites = [
        SiteSum(name, one["robots"], one["forbidden"], one["robots"] - one["verified"], one["incidents"])
        for name, one in count.items()
    ]
    sites.sort(key=lambda site: (-site.forbidden, -site.unvouched, -site.incidents, not site.name, site.name))
    listed = sites if len(sites) >= SITES_FROM else []
    return FleetSums(
        len(robots), sum(site.forbidden for site in sites), sum(one["verified"] for one in count.values()),
        sum(site.incidents for site in sites), listed[:SITES_SHOWN], max(0, len(listed) - SITES_SHOWN),
        _together(quiet, len(robots)), now,
    )  # fmt: skip


def _together(quiet: Sequence["RobotStanding"], total: int) -> list[Together]:
    """Groups of robots whose last word came at about the same time, the largest first."""
    least = max(TOGETHER_LEAST, int(total * TOGETHER_SHARE))
    groups: list[list[RobotStanding]] = []
    before = 0.0
    for robot in sorted(quiet, key=lambda one: one.last_t or 0.0):
        last_t = robot.last_t or 0.0
        if not groups or last_t - before > TOGETHER_GAP_S:
            groups.append([])
        groups[-1].append(robot)
        before = last_t
    found = [
        Together(
            len(group), min(robot.last_t or 0.0 for robot in group),
            group[0].labels.site if len({robot.labels.site for robot in group}) == 1 else None,
        )
        for group in groups
        if len(group) >= least
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.count)


def sums_slots(sums: FleetSums) -> dict[str, Slot]:
    """The parts of the sentence, each a number and what it counts; of the sites; and what is silent together."""
    slots = {
        "total:forbidden": Slot(
            say("%(n)s controlled without authorisation", n=sums.forbidden), tone="bad" if sums.forbidden else None
        ),
        "total:unvouched": Slot(say("%(n)s cannot be vouched for", n=sums.robots - sums.verified)),
        "total:verified": Slot(say("%(n)s verified", n=sums.verified)),
        "total:incidents": Slot(say_n("%(n)s open incident", "%(n)s open incidents", sums.incidents)),
        "total:together": Slot(joined("; ", [one.words(sums.as_of) for one in sums.together])),
    }
    for site in sums.sites:
        slots[f"site:{site.name}:forbidden"] = Slot(str(site.forbidden), tone="bad" if site.forbidden else None)
        slots[f"site:{site.name}:unvouched"] = Slot(str(site.unvouched))
        slots[f"site:{site.name}:incidents"] = Slot(str(site.incidents))
        slots[f"site:{site.name}:robots"] = Slot(str(site.robots))
    return slots
