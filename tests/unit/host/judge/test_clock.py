"""The robot's clock was moved: told, unless it was set when the network came."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts


def steps(*by_s: float) -> Recording:
    scene = Recording()
    for one in by_s:
        scene.tell("clock.step", by_s=one)
        scene.wait(60)
    return scene


@pytest.mark.parametrize("by_s", [(150_000_000.0,), (150_000_000.0, 0.4, -0.9), (-3.0,)])
def test_a_clock_that_is_set_once_a_boot_is_none(by_s: tuple[float, ...]) -> None:
    """A Go1 begins in the past each time."""
    assert Verdicts(steps(*by_s).facts).incidents == {}


@pytest.mark.parametrize("by_s", [(-86_400.0,), (150_000_000.0, 86_400.0), (150_000_000.0, -90.0)])
def test_one_that_goes_back_or_jumps_again_is_an_incident(by_s: tuple[float, ...]) -> None:
    """Who hides what he did writes other times."""
    incident = Verdicts(steps(*by_s).facts).only
    assert (incident["kind"], incident["level"]) == ("monitor", "low") and "T1070.006" in incident["attack"]


@pytest.mark.parametrize("by_s", [None, "x", float("nan"), [1], True])
def test_what_a_hostile_robot_says_of_its_clock_is_refused(by_s: Any) -> None:
    found = Verdicts(steps(by_s).facts)
    assert found.incidents == {} and len(found.unreadable) == 1


@pytest.mark.parametrize(("starved_s", "told"), [(40.0, True), (5.0, False), (None, False), ("x", False)])
def test_an_agent_that_was_not_let_is_told_when_it_lasted(starved_s: Any, told: bool) -> None:
    scene = Recording()
    scene.tell("agent.pause", from_mono=1.0, to_mono=41.0, duration_s=40.0, starved_s=starved_s, reason="starved")
    titles = [one["title"] for one in Verdicts(scene.facts).incidents.values()]
    assert titles == (["Agent starved of processor time"] if told else [])
