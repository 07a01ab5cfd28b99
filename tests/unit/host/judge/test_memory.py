"""What is in mind of a robot's present as a whole: processes and connections are forgotten together."""

from tests.unit.host.judge.test_flows import flow
from tests.unit.host.judge.test_processes import process
from wachhund.judge.ended import KEEP_ENDED_S
from wachhund.judge.memory import Memory


def test_processes_and_flows_are_forgotten_in_the_order_in_which_their_ends_were_told() -> None:
    """With each fact only the first of those that wait is looked at, however many there are: others stand behind."""
    here = Memory()
    here.processes.started(process("p", 7))
    here.flows.told(flow("f"), 50.0, closed=True)
    here.processes.exited("p", 10.0)
    here.forget(10.0 + KEEP_ENDED_S + 1)
    assert "p" in here.processes.by_puid and "f" in here.flows.by_id
    here.forget(50.0 + KEEP_ENDED_S + 1)
    assert not here.processes.by_puid and not here.flows.by_id and not here.ended.since
