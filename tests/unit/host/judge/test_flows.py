"""What is in mind of a robot's connections: bounded, whatever a robot tells."""

from typing import Any

from wachhund.judge.ended import KEEP_ENDED_S
from wachhund.judge.flows import MAX_FLOWS
from wachhund.judge.memory import Memory
from wachhund.judge.reading_flows import read_flow

MANY = 1_000


def flow(name: str, port: int = 40_000, puid: str = "7-9") -> Any:
    ends = {"local": ["192.168.12.1", port], "remote": ["203.0.113.7", 443]}
    return read_flow({"flow": name, "direction": "out", "puid": puid, "pid": 7, **ends})


def sizes(here: Memory) -> list[int]:
    flows = here.flows
    return [len(table) for table in (flows.by_id, flows.by_ends, flows.by_owner, flows.outer.owners, here.ended.since)]


def test_a_flow_whose_owner_and_ends_change_is_found_by_the_newest_only() -> None:
    """Each change left a key behind: memory that a robot could fill with one flow."""
    here = Memory()
    for number in range(MANY):
        here.flows.told(flow("f", 10_000 + number, f"{number}-9"), float(number), closed=False)
    assert sizes(here) == [1, 1, 1, 0, 0]
    assert [one.fact.flow for one in here.flows.of(f"{MANY - 1}-9")] == ["f"]
    here.flows.told(flow("f", 1, "x-9"), MANY, closed=True)
    here.forget(MANY + KEEP_ENDED_S + 1)
    assert sizes(here) == [0] * 5


def test_what_goes_before_its_time_is_not_waited_for() -> None:
    """A storm of short connections within two minutes: their ends take no more room than they do."""
    here = Memory()
    for number in range(MAX_FLOWS + MANY):
        here.flows.told(flow(f"f{number}", number % 60_000), 1.0, closed=True)
    assert len(here.ended.since) == len(here.flows.by_id) == MAX_FLOWS
