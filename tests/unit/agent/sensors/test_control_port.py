"""Control by port: a client at a door through which the robot is driven."""

from typing import List, Tuple

from wachhund_agent.sensors.control_port import CLIENTS_KEPT, ControlPortSense, Door
from wachhund_agent.sensors.flow import Flow, Owner

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


def test_datagrams_from_within_the_robot_are_told_as_the_door_has_them() -> None:
    """They are one flow, of whoever spoke first: a relay hands on to the legs' program what it takes outside."""
    relay, legs = Owner(9, "9-1", "/opt/zq/relay", "root"), Owner(7, "7-1", "/opt/legs", "root")
    ends = ("192.168.123.161", 33699), ("192.168.123.161", 8082)
    inner = Flow("u5", *ends, "out", "robot", relay, legs, 0, 0, 5.3, False, 11, 157)
    outer = Flow("u4", ("10.0.0.2", 15005), ("203.0.113.7", 14420), "in", "internet", relay, None, 0, 0, 5.2)
    fields = ControlPortSense([DOOR], lambda: [("udp", outer), ("udp", inner)]).start(6.0)[0].fields
    assert (fields["flow"], fields["bytes"], fields["exe"]) == ("u5", 157, "/opt/legs")
    assert fields["client"] == ["203.0.113.7", 14420] and fields["through"] == {"flow": "u4", "proxy": "/opt/zq/relay"}


def test_a_crowd_is_bounded_and_counted() -> None:
    sense = ControlPortSense([DOOR], lambda: [("udp", flow(number, 1)) for number in range(CLIENTS_KEPT + 5)])
    assert len(sense.start(1.0)) == CLIENTS_KEPT
    assert sense.coverage().dropped == 5


def test_a_profile_without_doors_costs_nothing_and_says_so() -> None:
    assert ControlPortSense([], lambda: [("udp", flow(1, 1))]).coverage().why is not None


NGINX = Owner(7, "7-1", "/usr/sbin/nginx", "www-data")


def inbound(number: int, opened: float) -> Flow:
    phone = ("192.168.12.{}".format(number), 40000)
    return Flow("p{}".format(number), ("192.168.12.1", 80), phone, "in", "lan", NGINX, None, 0, 0, opened)


def upstream(opened: float) -> Flow:
    here = ("127.0.0.1", 8082)
    return Flow("u", here, ("127.0.0.1", 5), "in", "loopback", None, NGINX, 0, 0, opened, False, 10)


def test_the_client_behind_a_proxy_is_named_when_only_one_fits() -> None:
    flows = [("udp", upstream(10.2)), ("tcp", inbound(20, 10.0)), ("tcp", inbound(21, 3.0))]
    fields = ControlPortSense([DOOR], lambda: flows).start(11.0)[0].fields
    assert fields["client"] == ["192.168.12.20", 40000] and fields["scope"] == "lan"
    assert fields["through"] == {"flow": "p20", "proxy": "/usr/sbin/nginx"}


def test_two_that_fit_are_candidates_and_nobody_is_named() -> None:
    flows = [("udp", upstream(10.2)), ("tcp", inbound(20, 10.0)), ("tcp", inbound(21, 10.1))]
    fields = ControlPortSense([DOOR], lambda: flows).start(11.0)[0].fields
    assert fields["client"] == ["127.0.0.1", 5]
    assert fields["candidates"] == [["192.168.12.21", 40000], ["192.168.12.20", 40000]]
