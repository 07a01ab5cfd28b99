"""Senses that go blind while the agent runs, and records that are cut."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts


def senses(scene: Recording, process: str, why: str | None = None) -> None:
    whole = {"source": "tracefs", "interval_s": None, "dropped": 0}
    scene.tell(
        "coverage",
        sensors={"process": {**whole, "state": process, "why": why}, "tcp": {**whole, "state": "event", "why": None}},
    )
    scene.wait(5)


def test_a_sense_that_saw_and_is_blind_now_is_an_incident_until_it_sees_again() -> None:
    scene = Recording()
    senses(scene, "event")
    for _ in range(4):
        senses(scene, "blind", "tracing was switched off")
    senses(scene, "event")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("monitor", "medium")
    assert incident["title"] == "A sense went blind: process"
    assert "tracing was switched off" in incident["story"][0] and "sees again" in incident["story"][1]


def test_one_that_finds_its_source_again_at_once_is_none() -> None:
    """A broker that restarts, a run of the agent that begins."""
    scene = Recording()
    for state in ("event", "blind", "event", "event", "event", "event"):
        senses(scene, state)
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize(
    ("before", "after"), [("blind", "blind"), ("blind", "event"), ("event", "poll"), ("poll", "event")]
)
def test_one_that_never_saw_or_sees_less_well_is_none(before: str, after: str) -> None:
    """A machine without the source, and the step down that coverage tells anyhow."""
    scene = Recording()
    senses(scene, before)
    senses(scene, after)
    assert Verdicts(scene.facts).incidents == {}


def test_kernel_events_that_are_switched_off_are_an_incident() -> None:
    scene = Recording()
    scene.tell("config.state", name="kernel-events", value=False, what="tracing_on is 0")
    assert Verdicts(scene.facts).only["title"] == "The agent was blinded: the kernel's events were switched off"


@pytest.mark.parametrize("value", ["log-truncated", "log-deleted"])
def test_records_of_logins_that_are_cut_are_an_incident(value: str) -> None:
    scene = Recording()
    scene.tell("config.state", name="login-records", value=value, what="/var/log/auth.log")
    incident = Verdicts(scene.facts).only
    assert incident["level"] == "high" and "/var/log/auth.log" in incident["title"]


@pytest.mark.parametrize(
    "sensors", [None, 7, [], {"process": 3}, {"process": {"state": ["x"]}}, {"x" * 3000: {"state": "blind"}}]
)
def test_what_a_hostile_robot_says_of_its_senses_breaks_nothing(sensors: Any) -> None:
    scene = Recording()
    senses(scene, "event")
    scene.tell("coverage", sensors=sensors)
    senses(scene, "event")
    assert Verdicts(scene.facts).unreadable == []
