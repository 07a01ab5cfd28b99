"""Control by port: a client at a door through which the robot is driven."""

from typing import List, Tuple

from wachhund_agent.sensors.control_port import CLIENTS_KEPT, ControlPortSense, Door
from wachhund_agent.sensors.flow import Flow

DOOR = Door("udp", 8082, "udp", "high-level commands")


def flow(number: int, bytes_in: int, port: int = 8082, direction: str = "in") -> Flow:
    client = ("192.168.123.50", 8080)
    return Flow(
        str(number), ("192.168.123.161", port), client, direction, "lan", None, None, 0, 0, 5.0, False, bytes_in
    )


def test_a_client_is_told_at_once_and_then_counted_while_it_goes_on() -> None:
    flows: List[Tuple[str, Flow]] = [("udp", flow(1, 100))]
    sense = ControlPortSense([DOOR], lambda: flows)
    first = sense.start(10.0)[0].fields
    assert (first["surface"], first["client"], first["bytes"]) == ("udp", ["192.168.123.50", 8080], 100)
    flows[0] = ("udp", flow(1, 300))
    assert sense.look(11.0) == []
    assert [one.fields["bytes"] for one in sense.look(21.0)] == [200]
    assert sense.look(40.0) == []  # nothing moved


def test_other_ports_protocols_and_directions_are_no_control() -> None:
    others = [("tcp", flow(1, 9)), ("udp", flow(2, 9, port=8083)), ("udp", flow(3, 9, direction="out"))]
    assert ControlPortSense([DOOR], lambda: others).start(1.0) == []


def test_a_crowd_is_bounded_and_counted() -> None:
    sense = ControlPortSense([DOOR], lambda: [("udp", flow(number, 1)) for number in range(CLIENTS_KEPT + 5)])
    assert len(sense.start(1.0)) == CLIENTS_KEPT
    assert sense.coverage().dropped == 5


def test_a_profile_without_doors_costs_nothing_and_says_so() -> None:
    assert ControlPortSense([], lambda: [("udp", flow(1, 1))]).coverage().why is not None
