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


OPEN = TcpSocket(socket.AF_INET, 1, HERE, THERE, 77, 0, 4711, TcpCounters(1, 2, 3, 0, 0))


class Kernel:
    """What a dump shows, and how often it was asked for one."""

    def __init__(self, *sockets: TcpSocket) -> None:
        self.sockets, self.dumps = list(sockets), 0

    def dump(self) -> List[TcpSocket]:
        self.dumps += 1
        return self.sockets


def test_all_who_ask_are_given_one_table_until_something_changes() -> None:
    """Six senses ask for it, some each second: it is made anew only when there is news, and they can tell by that."""
    kernel = Kernel(OPEN)
    tcp = TcpSensor(ProcessTable(), "run", False, dump=kernel.dump)
    tcp.drain([state(2, 1, 100.0)], [], 100.1)
    tcp.drain([], [], 120.0)  # its process is not looked for any more
    table = tcp.flows
    tcp.drain([], [], 120.25)
    assert tcp.flows is table and [flow.bytes_in for flow in table.values()] == [2]
    kernel.sockets = [OPEN._replace(info=TcpCounters(1, 2000, 3, 0, 0))]
    tcp.drain([], [], 122.5)
    assert [flow.bytes_in for flow in tcp.flows.values()] == [2000] and tcp.flows is not table


def test_the_table_is_another_one_when_a_connection_turns_out_to_be_our_own() -> None:
    """The uplink's socket is known only after its connection was heard of: it must not look like somebody's way in."""
    own: "set[int]" = set()
    tcp = TcpSensor(ProcessTable(), "run", False, lambda: frozenset(own), Kernel(OPEN).dump)
    tcp.drain([state(2, 1, 100.0)], [], 100.1)
    assert not any(flow.own for flow in tcp.flows.values())
    own.add(OPEN.inode)
    assert all(flow.own for flow in tcp.flows.values())


def test_a_connection_of_another_namespace_is_sought_in_some_dumps_and_not_in_each() -> None:
    """The tracepoint tells of every container's; ours stands in the first dump."""
    kernel = Kernel()
    tcp = TcpSensor(ProcessTable(), "run", False, dump=kernel.dump)
    tcp.drain([state(2, 1, 100.0)], [], 100.1)
    for step in range(1, 40):
        tcp.drain([], [], 100.1 + step / 4)
    assert tcp.foreign == 1 and tcp.flows == {}
    assert kernel.dumps <= 3 + 6, "three at once, then one each two seconds"
