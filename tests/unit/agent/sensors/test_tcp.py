"""The TCP sensor on events and sockets that the test sets: the order in which its sources come must not matter."""

import socket
from typing import List

import pytest

from wachhund_agent.kernel.sock_diag import TcpCounters, TcpSocket
from wachhund_agent.kernel.tracefs import TraceRecord
from wachhund_agent.sensors.process_table import ProcessTable
from wachhund_agent.sensors.tcp import TcpSensor
from wachhund_evidence import Observation

HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.9", 443)
ENDED = TcpSocket(socket.AF_INET, 7, HERE, THERE, 77, 0, 0, TcpCounters(10, 20, 30, 0, 0))


def state(old: int, new: int, at: float) -> TraceRecord:
    fields = {
        "skaddr": 1, "oldstate": old, "newstate": new, "family": socket.AF_INET, "sport": HERE[1], "dport": THERE[1],
        "saddr": socket.inet_aton(HERE[0]), "daddr": socket.inet_aton(THERE[0]),
    }  # fmt: skip
    return TraceRecord(int(at * 1e9), "inet_sock_set_state", 0, 0x10, fields)


class Watched:
    """A sensor; what it tells of this machine's own listeners is left out."""

    def __init__(self) -> None:
        nothing: List[TcpSocket] = []
        self.sensor = TcpSensor(ProcessTable(), "run", False, dump=lambda: nothing)

    def drain(self, records: List[TraceRecord], closed: List[TcpSocket], mono: float) -> List[Observation]:
        return [one for one in self.sensor.drain(records, closed, mono) if one.kind.startswith("flow.")]


def test_an_end_that_is_heard_before_the_beginning_is_kept_for_it() -> None:
    """The feed of closed sockets is read after the events: a connection may live between the two reads."""
    tcp = Watched()
    assert tcp.drain([], [ENDED], 100.0) == []
    told = tcp.drain([state(2, 1, 100.1), state(1, 7, 100.11)], [], 100.25)
    assert [one.kind for one in told] == ["flow.open", "flow.close"]
    assert (told[1].fields["bytes_in"], told[1].fields["bytes_out"], told[1].fields["direction"]) == (20, 30, "out")


def test_an_end_without_any_beginning_is_forgotten() -> None:
    tcp = Watched()
    for step in range(3):
        assert tcp.drain([], [ENDED] if step == 0 else [], 100.0 + step) == []
    tcp.drain([state(2, 1, 104.0)], [], 104.1)
    assert tcp.sensor.flows == {}, "a later connection between the same ports is not ended by it"


def test_a_flow_never_ends_before_it_began() -> None:
    """A round takes its time at its begin, and reads what came since."""
    tcp = Watched()
    told = tcp.drain([state(2, 1, 100.1)], [ENDED], 100.0)
    assert told[0].mono == told[1].mono == pytest.approx(100.1)
    assert told[1].fields["duration_s"] == 0.0


def test_the_same_ports_again_are_another_flow() -> None:
    tcp = Watched()
    first = tcp.drain([state(2, 1, 100.1), state(1, 7, 100.2)], [ENDED], 100.25)
    second = tcp.drain([state(2, 1, 101.3), state(1, 7, 101.4)], [ENDED._replace(cookie=78)], 101.5)
    assert len({one.fields["flow"] for one in first + second}) == 2 and len(first) == len(second) == 2
