"""What is in mind of a robot's processes: bounded, whatever a robot tells."""

from typing import Any

from wachhund.judge.ended import KEEP_ENDED_S
from wachhund.judge.memory import Memory
from wachhund.judge.reading_processes import read_process

MANY = 1_000


def process(puid: str, pid: int, ppid: int = 1) -> Any:
    return read_process({"puid": puid, "pid": pid, "ppid": ppid, "exe": "/bin/x", "argv": ["x"]})


def sizes(here: Memory) -> list[int]:
    processes = here.processes
    return [len(table) for table in (processes.by_puid, processes.by_pid, processes.children, here.ended.since)]


def test_a_process_that_is_told_with_other_pids_and_parents_leaves_nothing_behind() -> None:
    here = Memory()
    for number in range(MANY):
        here.processes.started(process("p", number + 2, number + MANY))
        here.processes.exited("p", float(number))
    assert sizes(here) == [1] * 4
    here.forget(KEEP_ENDED_S + 1.0)
    assert sizes(here) == [0] * 4
