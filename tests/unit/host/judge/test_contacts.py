"""Whom the robot calls on the internet: regularly, for very long, with much; and what honest programs do."""

import random
from collections.abc import Iterable

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts
from wachhund.judge.rhythm import beacon_score, spread_score

CLOUD = ("203.0.113.80", 443)


def calls(intervals: Iterable[float], sizes: Iterable[int], address: tuple[str, int] = CLOUD) -> Recording:
    """A program that dials, says something and hangs up."""
    scene = Recording()
    scene.process(700, "/opt/x/agentd")
    for interval, size in zip(intervals, sizes, strict=True):
        flow = scene.dial(700, address)
        scene.wait(0.5)
        scene.close(flow, 400, size)
        scene.wait(interval)
    return scene


def test_calls_as_regular_as_a_clock_are_told_and_are_no_more_than_low() -> None:
    """A beacon; or an updater: alone it proves nothing."""
    chance = random.Random(1)
    scene = calls([180 + chance.uniform(-4, 4) for _ in range(40)], [512] * 40)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "low")
    assert incident["title"] == "Regular calls: agentd to 203.0.113.80"
    assert any("calls 203.0.113.80 each 3 min" in line for line in incident["story"])


def test_calls_at_random_are_none() -> None:
    chance = random.Random(2)
    scene = calls([chance.expovariate(1 / 180) for _ in range(60)], [chance.randrange(200, 9000) for _ in range(60)])
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize(
    ("count", "interval", "address"),
    [(20, 300.0, CLOUD), (60, 5.0, CLOUD), (60, 180.0, ("192.168.12.30", 443))],
    ids=["too few", "within an hour", "to the next room"],
)
def test_a_few_calls_and_calls_that_stay_near_are_none(count: int, interval: float, address: tuple[str, int]) -> None:
    assert Verdicts(calls([interval] * count, [512] * count, address).facts).incidents == {}


@pytest.mark.parametrize(("hours", "level"), [(0.9, None), (2, "low"), (9, "medium")])
def test_a_connection_that_stays_open_for_hours_is_told(hours: float, level: str | None) -> None:
    scene = Recording()
    scene.process(700, "/opt/x/agentd")
    flow = scene.dial(700, CLOUD)
    first = scene.facts[-1].observation.fields
    for _ in range(int(hours * 60)):
        scene.wait(60)
        scene.tell("flow.update", **first)
    found = list(Verdicts(scene.facts).incidents.values())
    assert [one["level"] for one in found] == ([] if level is None else [level])
    assert all(len(one["evidence"]) <= hours + 1 for one in found), "once an hour, not at each look"
    assert flow


@pytest.mark.parametrize(("sent", "taken", "told"), [(300, 1, True), (300, 200, False), (100, 1, False)])
def test_much_that_goes_out_is_told_unless_as_much_comes_in(sent: int, taken: int, told: bool) -> None:
    scene = Recording()
    scene.process(700, "/opt/x/agentd")
    flow = scene.dial(700, CLOUD)
    scene.close(flow, taken << 20, sent << 20)
    titles = [one["title"] for one in Verdicts(scene.facts).incidents.values()]
    assert titles == (["Much data out: agentd to 203.0.113.80"] if told else [])


@pytest.mark.parametrize(("mib_a_day", "told"), [(9, False), (300, True)])
def test_a_day_is_a_day_also_of_a_connection_that_lasts_a_month(mib_a_day: int, told: bool) -> None:
    """Telemetry that sends a little each day has sent much after a month."""
    scene = Recording()
    scene.process(700, "/opt/x/agentd")
    scene.dial(700, CLOUD, bytes_in=0, bytes_out=0)
    first = scene.facts[-1].observation.fields
    for day in range(1, 31):
        scene.wait(86_400)
        scene.tell("flow.update", **{**first, "bytes_out": day * mib_a_day << 20, "bytes_in": 1_000})
    story = [line for one in Verdicts(scene.facts).incidents.values() for line in one["story"] if "MiB" in line]
    assert bool(story) is told
    assert all(f"sent {mib_a_day} MiB" in line for line in story)


def test_a_second_long_connection_to_the_same_place_is_told_too() -> None:
    """After one of nine hours, none of eight would ever be told."""
    scene = Recording()
    scene.process(700, "/opt/x/agentd")
    for _ in range(2):
        flow = scene.dial(700, CLOUD)
        first = scene.facts[-1].observation.fields
        for _ in range(9):
            scene.wait(3_600)
            scene.tell("flow.update", **first)
        scene.close(flow)
        scene.wait(3 * 86_400)
    levels = [one["level"] for one in Verdicts(scene.facts).incidents.values()]
    assert levels == ["medium", "medium"]


def test_of_a_program_that_has_an_incident_it_is_a_part_of_the_story() -> None:
    scene = Recording()
    scene.process(700, "/usr/local/zhexi/cloudsail/csclient")
    flow = scene.dial(700, CLOUD)
    scene.close(flow, 1, 300 << 20)
    incident = Verdicts(scene.facts).only
    assert "CloudSail" in incident["title"] and any("sent 300 MiB" in line for line in incident["story"])


def test_addresses_without_end_fill_no_memory() -> None:
    scene = Recording()
    scene.process(700, "/opt/x/agentd")
    for number in range(2500):
        scene.close(scene.dial(700, (f"203.0.{number % 250}.{number // 250}", 443)))
    assert Verdicts(scene.facts, batch=500).incidents == {}


def test_the_score_is_1_for_a_clock_and_low_for_chance() -> None:
    """After RITA's beacon score."""
    chance = random.Random(3)
    clock = [60.0 * number for number in range(50)]
    noise = sorted(chance.uniform(0, 3000) for _ in range(50))
    assert beacon_score(clock, [100.0] * 50) == 1.0
    assert beacon_score(noise, [chance.uniform(0, 9000) for _ in range(50)]) < 0.7
    assert spread_score([1.0, 2.0], 30.0) == 0.0
