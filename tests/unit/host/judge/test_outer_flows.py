"""How often origins are traced: one robot that opens connections without end must not hold up the judging of all."""

import pytest

from tests.unit.host.judge.recording import OUTSIDE, SSHD, Recording
from wachhund.judge import arrivals
from wachhund.judge.engine import Judge
from wachhund.judge.outer_flows import MAX_LOOKED_AT, OuterFlows
from wachhund.judge.processes import MAX_FAMILY
from wachhund.judge.tracing import trace

MOSQUITTO = "/usr/sbin/mosquitto"


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flows whose origin was asked for, each time."""
    asked: list[str] = []

    def counting(memory, flow, *more):  # type: ignore[no-untyped-def]
        asked.append(flow.fact.flow)
        return trace(memory, flow, *more)

    monkeypatch.setattr(arrivals, "trace", counting)
    return asked


def logins_by_700(number: int) -> Recording:
    """A program of the robot that logs in to the robot again and again."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    scene.process(700, "/tmp/x")
    for _ in range(number):
        scene.within(700, 500, 22)
    return scene


def test_a_connection_to_the_outside_asks_only_for_origins_that_it_may_explain(traces: list[str]) -> None:
    """Of a thousand logins that wait, each outside connection of anybody asked for all: seconds a fact."""
    scene = logins_by_700(50)
    scene.process(800, "/usr/bin/curl")
    for _ in range(20):
        scene.dial(800)
    Judge(()).feed(scene.facts)
    assert len(traces) == 50


def test_the_connection_that_explains_them_is_found_at_once() -> None:
    """The relay's own: its sessions come from there, and no longer wait."""
    scene = logins_by_700(3)
    scene.dial(700)
    told = Judge(()).feed(scene.facts)
    assert {(one["carrier"], one["origin"][0]["address"]) for one in told.sessions} == {("relay", OUTSIDE[0])}


def test_a_connection_of_a_parent_with_many_children_is_found_when_the_wait_is_over() -> None:
    """Of a family only so many are looked at; before a login is judged as nobody's, its own are looked at again."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(500, SSHD)
    scene.listen(22, 500, SSHD)
    scene.process(700, "/tmp/x")
    for child in range(MAX_FAMILY + 1):
        scene.process(1_000 + child, "/tmp/x", line=(700,))
    scene.within(1_000 + MAX_FAMILY, 500, 22)
    scene.dial(700)
    scene.wait(5)
    scene.coverage()
    (session,) = Judge(()).feed(scene.facts).sessions
    assert session["carrier"] == "relay"


@pytest.mark.parametrize(("clients", "most"), [(1, 1), (100, 64)])
def test_a_command_asks_for_the_origin_of_each_program_at_the_broker_once(
    traces: list[str], clients: int, most: int
) -> None:
    """However many connections they hold, and of so many programs at most."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(300, MOSQUITTO)
    scene.listen(1883, 300, MOSQUITTO)
    for number in range(200):
        client = 1_000 + number % clients
        scene.process(client, "/tmp/x")
        scene.within(client, 300, 1883)
    judge = Judge(())
    judge.feed(scene.facts)
    traces.clear()
    before = len(scene.facts)
    for topic in range(20):
        scene.tell("control", surface="mqtt", what=f"t{topic}", client=None, meaning="control", count=1, words={})
    judge.feed(scene.facts[before:])
    assert len(traces) == most


def test_only_connections_to_the_outside_are_held_by_their_owner_and_none_for_ever() -> None:
    """A flow changes its owner when more becomes known of it; a robot may do that without end."""
    outer = OuterFlows()
    for number in range(100):
        outer.told("f", "lan", f"p{number}")
        outer.told("g", "loopback", f"p{number}")
    assert (list(outer.of("p99")), list(outer.of("p0")), len(outer.by_owner)) == (["f"], [], 1)
    outer.drop("f")
    assert (outer.by_owner, outer.owners) == ({}, {})


def test_of_very_many_the_newest_are_looked_at_oldest_first() -> None:
    """Who is behind a program came last before what he did."""
    outer = OuterFlows()
    for number in range(MAX_LOOKED_AT + 2):
        outer.told(f"f{number}", "internet", "p")
    assert list(outer.of("p")) == [f"f{number}" for number in range(2, MAX_LOOKED_AT + 2)]
