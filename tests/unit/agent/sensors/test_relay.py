"""The relay sensor on a table of flows and counters that the test sets: what makes a pair, and what is told of it."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from wachhund_agent.kernel.sock_diag import TcpCounters
from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_agent.sensors.relay import RelaySensor
from wachhund_agent.sensors.relay_candidates import MAX_PAIRS, control_surface
from wachhund_agent.sensors.relay_family import Ends, Families
from wachhund_evidence import Observation

NOTHING = TcpCounters(0, 0, 0, 10**6, 10**6)
TUNNEL, SSHD = Owner(7, "7-70", "/opt/x", "root"), Owner(9, "9-90", "/usr/sbin/sshd", "root")


def flow(name: str, remote: str, port: int, scope: str, direction: str = "out", **more: Any) -> Flow:
    fields: Dict[str, Any] = {"owner": TUNNEL, "peer": None, "cookie": 0, "inode": 0, "opened": 0.0, **more}
    return Flow(name, ("198.51.100.2", 4000), (remote, port), direction, scope, **fields)


OUTER = flow("outer", "203.0.113.7", 443, "internet")
INNER = flow("inner", "127.0.0.1", 22, "loopback", opened=50.0)


class Robot:
    """A sensor, and the world that it sees."""

    def __init__(
        self, *flows: Flow, exe: Callable[[int], Tuple[Optional[str], bool]] = lambda pid: ("/opt/x", False)
    ) -> None:
        self.flows = {one.flow: one for one in flows}
        self.counters: Dict[str, Optional[TcpCounters]] = {}
        self.asked: List[str] = []
        families = Families(look=lambda pid: Ends(1, frozenset(), frozenset(), frozenset()), peers=dict)
        self.sensor = RelaySensor(lambda: dict(self.flows), families, self._find, lambda: 0.0, exe)

    def tick(self, now: float) -> List[Observation]:
        self._now = now
        return self.sensor.tick(now)

    def _find(self, flows: List[Flow]) -> Tuple[float, Dict[str, Optional[TcpCounters]]]:
        self.asked.extend(one.flow for one in flows)
        return self._now, {one.flow: self.counters.get(one.flow, NOTHING) for one in flows}


def test_a_pair_is_told_at_once_by_its_structure() -> None:
    """The alert does not wait for statistics."""
    robot = Robot(OUTER, INNER)
    (told,) = robot.tick(50.1)
    assert told.kind == "relay"
    assert told.fields["verdict"] == "undecided"
    assert (told.fields["outer"], told.fields["inner"]) == ("outer", "inner")
    assert told.fields["outer_remote"] == ["203.0.113.7", 443]
    assert told.fields["structure"]["outer_age_s"] == 50.0
    assert told.fields["structure"]["control_surface"] == "ssh"
    assert robot.tick(50.3) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [(("/opt/x", True), True), (("/opt/x", False), False), (("/opt/other", True), None), ((None, False), None)],
)
def test_a_file_that_is_deleted_once_its_program_runs_is_told(
    found: Tuple[Optional[str], bool], told: Optional[bool]
) -> None:
    """At the start of the process it was still there. Of another program that took the pid nothing is said."""
    robot = Robot(OUTER, INNER, exe=lambda pid: found)
    (observation,) = robot.tick(50.1)
    assert observation.fields["exe_deleted"] is told


def test_nothing_is_read_while_there_is_no_pair() -> None:
    """Sampling costs a robot nothing until somebody could be relaying."""
    robot = Robot(OUTER, flow("in", "127.0.0.1", 5000, "loopback", direction="in"))
    for step in range(100):
        robot.tick(step * 0.1)
    assert robot.asked == []
    assert robot.sensor.next_due() is None


def test_bytes_that_answer_each_other_make_it_certain() -> None:
    robot = Robot(OUTER, INNER)
    told, total, answers = [], 0, 0
    for step in range(60):
        now = 50.0 + step * 0.1
        if step % 8 == 3:
            total, answers = total + 100 + 37 * step, answers + 90 + 101 * step
        age = (step - 3) % 8 * 100
        robot.counters["outer"] = TcpCounters(answers, total, answers, age, age)
        robot.counters["inner"] = TcpCounters(total, answers, total, age, age)
        told += robot.tick(now)
    assert [one.fields["verdict"] for one in told] == ["undecided", "relay"]
    assert told[1].fields["evidence"]["exact_in"] >= 2


def test_the_agents_own_connection_is_no_relay() -> None:
    """Its uplink leaves the robot, and it asks local services."""
    assert Robot(OUTER._replace(own=True), INNER).tick(50.1) == []


def test_a_flow_without_known_owner_makes_no_pair() -> None:
    assert Robot(OUTER._replace(owner=None), INNER).tick(50.1) == []


def test_a_server_that_asks_a_database_is_said_to_be_one() -> None:
    """It was called from outside and the service controls nothing: the judge must not take it for a way in."""
    called = flow("outer", "203.0.113.7", 51000, "internet", direction="in")
    database = flow("inner", "127.0.0.1", 5432, "loopback", opened=50.0)
    (told,) = Robot(called, database).tick(50.1)
    assert told.fields["structure"]["server"] is True
    assert told.fields["structure"]["listener"] == ["198.51.100.2", 4000]
    (told,) = Robot(called, INNER).tick(50.1)
    assert told.fields["structure"]["server"] is False


def test_a_service_on_another_port_is_known_by_its_program() -> None:
    assert control_surface(flow("inner", "127.0.0.1", 2022, "loopback", peer=SSHD)) == "ssh"


def test_a_second_session_through_the_same_relay_is_told_too() -> None:
    robot = Robot(OUTER, INNER)
    robot.tick(50.1)
    robot.flows["second"] = INNER._replace(flow="second", opened=60.0)
    (told,) = robot.tick(61.2)
    assert told.fields["inner"] == "second"
    assert told.fields["structure"]["inner_flows"] == ["inner", "second"]


def test_a_flow_that_came_and_went_between_two_ticks_still_makes_a_pair() -> None:
    """A tunnelled browser's connections live for milliseconds."""
    robot = Robot(OUTER)
    robot.tick(49.0)
    fields = {
        "flow": "brief", "direction": "out", "local": ["127.0.0.1", 5], "remote": ["127.0.0.1", 22],
        "scope": "loopback", "puid": "7-70", "pid": 7, "exe": "/opt/x", "user": "root",
    }  # fmt: skip
    robot.counters["brief"] = None
    robot.sensor.hear(
        [
            Observation("flow.open", 0.0, 50.0, "tcp/tracefs", fields),
            Observation("flow.close", 0.0, 50.1, "tcp/tracefs", {**fields, "bytes_in": 800, "bytes_out": 300}),
        ]
    )
    (told,) = robot.tick(50.2)
    assert told.fields["inner"] == "brief"
    assert told.fields["evidence"]["bytes"][1:3] == [300, 800]


def test_pairs_are_bounded_and_what_is_left_out_is_counted() -> None:
    """Those that matter most are watched: dialled out, to a control surface."""
    flows = [flow("o{}".format(n), "203.0.113.7", 1000 + n, "internet") for n in range(MAX_PAIRS + 20)]
    robot = Robot(INNER, *flows)
    assert len(robot.tick(50.1)) == MAX_PAIRS
    assert robot.sensor.coverage().dropped == 20
