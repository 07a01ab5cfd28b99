"""What is in mind of a robot's processes and flows: bounded, whatever a robot tells."""

from typing import Any

from wachhund.judge import memory
from wachhund.judge.memory import Memory
from wachhund.judge.reading import read_flow, read_process

MANY = 1_000


def process(puid: str, pid: int, ppid: int = 1) -> Any:
    return read_process({"puid": puid, "pid": pid, "ppid": ppid, "exe": "/bin/x", "argv": ["x"]})


def flow(name: str, port: int = 40_000, puid: str = "7-9") -> Any:
    ends = {"local": ["192.168.12.1", port], "remote": ["203.0.113.7", 443]}
    return read_flow({"flow": name, "direction": "out", "puid": puid, "pid": 7, **ends})


def sizes(here: Memory) -> list[int]:
    tables = (here.processes, here.by_pid, here.children, here.flows, here.by_ends, here.by_owner, here._ended)
    return [len(table) for table in tables]


def test_a_flow_whose_owner_and_ends_change_is_found_by_the_newest_only() -> None:
    """Each change left a key behind: memory that a robot could fill with one flow."""
    here = Memory()
    for number in range(MANY):
        here.flow_told(flow("f", 10_000 + number, f"{number}-9"), float(number), closed=False)
    assert sizes(here) == [0, 0, 0, 1, 1, 1, 0]
    assert [one.fact.flow for one in here.flows_of(f"{MANY - 1}-9")] == ["f"]
    here.flow_told(flow("f", 1, "x-9"), MANY, closed=True)
    here.forget(MANY + memory.KEEP_ENDED_S + 1)
    assert sizes(here) == [0] * 7


def test_a_process_that_is_told_with_other_pids_and_parents_leaves_nothing_behind() -> None:
    here = Memory()
    for number in range(MANY):
        here.started(process("p", number + 2, number + MANY))
        here.exited("p", float(number))
    assert sizes(here) == [1, 1, 1, 0, 0, 0, 1]
    here.forget(memory.KEEP_ENDED_S + 1.0)
    assert sizes(here) == [0] * 7


def test_what_goes_before_its_time_is_not_waited_for() -> None:
    """A storm of short connections within two minutes: their ends take no more room than they do."""
    here = Memory()
    for number in range(memory.MAX_FLOWS + MANY):
        here.flow_told(flow(f"f{number}", number % 60_000), 1.0, closed=True)
    assert len(here._ended) == len(here.flows) == memory.MAX_FLOWS
