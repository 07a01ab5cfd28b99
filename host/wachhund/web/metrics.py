"""/metrics for Prometheus: what the host knows, as numbers. Each is asked from the ledger when it is scraped.

Who may read it: whoever is logged in; with `serve --metrics-open` also whoever asks from this machine itself. Labels
are words of ours from short lists: robots' names stand in them only with `serve --metrics-robots`.
"""

import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from wachhund import __version__
from wachhund.ledger import Ledger
from wachhund.ledger.lanes import DESK
from wachhund.people.roles import Grant, Right, Role
from wachhund.web import facts, lane_words
from wachhund.web.acting import Asker, needs
from wachhund.web.fleet_view import RobotStanding
from wachhund.web.incident_view import STATES
from wachhund.web.standing import is_forbidden

router = APIRouter(include_in_schema=False)

PATH = "/metrics"
Faults = Callable[[], tuple[str | None, ...]]  # of each part of the host, None for one that is well
_BY_ANOTHER = ("x-forwarded-for", "forwarded", "via")
# The words that there are: a series that is 0 can be alerted on, one that is not there can't.
_PROOF = ("verified", "late", "silent", "broken", "new", "revoked", "retired")
_CONTROL = ("nobody", "allowed", "NOT ALLOWED", "unknown")
_COVERAGE = ("full", "partly blind", "blind")
_LEVELS = ("critical", "high", "medium", "low", "informational")
THIS_MACHINE = Asker("a program on this machine", (Grant(Role.VIEWER),), {})
_ONE_AT_A_TIME = threading.Lock()  # a scrape asks for every robot: impatient scrapers must not multiply that


@dataclass(frozen=True)
class MetricsWish:
    """`is_open`: who asks from this machine needs no login. `names_robots`: one series a robot, with its name."""

    is_open: bool = False
    names_robots: bool = False


def may_read_unnamed(request: Request) -> bool:
    """Whether somebody who is not logged in may read: he asks from this machine, and that was opened."""
    wish: MetricsWish = request.app.state.metrics_wish
    if request.url.path != PATH or not wish.is_open or request.client is None:
        return False
    if any(name in request.headers for name in _BY_ANOTHER):  # a proxy on this machine asks for somebody elsewhere
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.get(PATH)
@needs(Right.SEE, say="numbers for Prometheus")
def metrics(request: Request) -> Response:
    """Every metric, as text."""
    with _ONE_AT_A_TIME:
        text = generate_latest(request.app.state.metrics)
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


class HostMetrics(Collector):
    """What the ledger knows at the moment of a scrape."""

    def __init__(self, ledger: Ledger, wish: MetricsWish, faults: Faults, streams: Callable[[], int]) -> None:
        self._ledger, self._wish, self._faults, self._streams = ledger, wish, faults, streams

    def describe(self) -> list[Metric]:
        return []  # else registering would scrape

    def collect(self) -> Iterator[Metric]:
        """All families. Raises LedgerError: the scrape fails then, which Prometheus shows as `up` 0."""
        now = time.time()
        yield InfoMetricFamily("wachhund", "The version of this host.", {"version": __version__})
        standings = [facts.robot_standing(self._ledger, robot, now) for robot in self._ledger.robots()]
        yield from _words(standings)
        yield from _sessions(standings)
        if self._wish.names_robots:
            yield from _named(standings)
        unwell = sum(fault is not None for fault in self._faults())
        yield GaugeMetricFamily("wachhund_unwell_parts", "Parts of the host that say they are not well.", unwell)
        yield GaugeMetricFamily("wachhund_live_streams", "Pages and programs that follow changes.", self._streams())
        yield _incidents(self._ledger)
        yield _refused(self._ledger)
        yield from _progress(self._ledger, now)
        yield from _lanes(self._ledger)


def _words(standings: Sequence[RobotStanding]) -> Iterator[Metric]:
    about = (
        ("proof", _PROOF, [one.proof.word for one in standings]),
        ("control", _CONTROL, [one.control.word for one in standings]),
        ("coverage", _COVERAGE, [one.coverage.word for one in standings]),
    )
    for name, words, found in about:
        family = GaugeMetricFamily(f"wachhund_robots_by_{name}", f"Robots by their word of {name}.", labels=("word",))
        counted = Counter(found)
        for word in dict.fromkeys((*words, *counted)):
            family.add_metric((word,), counted[word])
        yield family


def _sessions(standings: Sequence[RobotStanding]) -> Iterator[Metric]:
    family = GaugeMetricFamily("wachhund_open_sessions", "Sessions that go on.", labels=("allowed",))
    counted = Counter(
        "no" if is_forbidden(one) else "yes" if one.get("authorisation") else "unknown"
        for robot in standings
        for one in robot.sessions
    )
    for word in ("no", "unknown", "yes"):
        family.add_metric((word,), counted[word])
    yield family


def _named(standings: Sequence[RobotStanding]) -> Iterator[Metric]:
    forbidden = GaugeMetricFamily("wachhund_robot_not_allowed", "1: controlled, not allowed.", labels=("robot",))
    last = GaugeMetricFamily(
        "wachhund_robot_last_evidence_timestamp_seconds", "When evidence of it last came.", labels=("robot",)
    )
    for one in standings:
        forbidden.add_metric((one.name,), one.control.word == "NOT ALLOWED")
        if one.last_t is not None:
            last.add_metric((one.name,), one.last_t)
    yield from (forbidden, last)


def _incidents(ledger: Ledger) -> Metric:
    family = GaugeMetricFamily("wachhund_incidents", "Incidents by state and level.", labels=("state", "level"))
    counted = ledger.incident_counts()
    for state in STATES:
        for level in _LEVELS:
            family.add_metric((state, level), counted.get((state, level), 0))
    return family


def _refused(ledger: Ledger) -> Metric:
    family = CounterMetricFamily("wachhund_refused", "What was refused, by reason.", labels=("reason",))
    counted: Counter[str] = Counter()
    for (_, reason), one in ledger.rejections().items():
        counted[reason] += one.count
    for reason, count in sorted(counted.items()):
        family.add_metric((reason,), count)
    return family


def _progress(ledger: Ledger, now: float) -> Iterator[Metric]:
    last, lag = ledger.last_observation(), lane_words.lag_of(ledger, now)
    yield CounterMetricFamily("wachhund_observations", "Observations that were taken in, ever.", last)
    yield GaugeMetricFamily("wachhund_unjudged_observations", "Of them, not judged yet.", lag.waiting)
    yield GaugeMetricFamily("wachhund_judge_lag_seconds", "For how long the first of those has waited.", lag.behind_s)
    room = ledger.keeping.room()
    yield GaugeMetricFamily("wachhund_ledger_bytes", "Size of the ledger's file.", room.file)


def _lanes(ledger: Ledger) -> Iterator[Metric]:
    """Of a fleet on several machines; a host alone has none."""
    lanes = ledger.lanes.standing()
    if not lanes:
        return
    held = GaugeMetricFamily("wachhund_lane_held", "1: a worker holds the lane.", labels=("lane",))
    free = GaugeMetricFamily("wachhund_lane_free_seconds", "For how long none has.", labels=("lane",))
    for one in lanes:
        name = "desk" if one.number == DESK else str(one.number)
        held.add_metric((name,), bool(one.owner))
        free.add_metric((name,), one.free_s)
    yield from (held, free)


def make_registry(ledger: Ledger, wish: MetricsWish, faults: Faults, streams: Callable[[], int]) -> CollectorRegistry:
    """A registry of this application's own: two in one process do not meet in it."""
    registry = CollectorRegistry()
    registry.register(HostMetrics(ledger, wish, faults, streams))
    ProcessCollector(registry=registry)
    return registry
