"""Where everything is sent, and whether packets are passed on: the routes and the files are the test's."""

import socket
from pathlib import Path
from typing import List, Optional

import pytest

from wachhund_agent.kernel.rtnetlink import MAIN_TABLE, RouteRecord
from wachhund_agent.sensors.routing_settings import EACH_S, RoutingSettings, default_route

NAMES = {2: "eth0", 3: "ppp0", 4: "tun0"}


def to(
    destination: str, ifindex: int, gateway: Optional[str] = None, metric: int = 0, table: int = MAIN_TABLE
) -> RouteRecord:
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    return RouteRecord(family, table, destination, metric, ifindex, gateway, False)


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        ([], None),
        ([to("0.0.0.0/0", 2, "192.0.2.1")], "eth0 via 192.0.2.1"),
        ([to("0.0.0.0/0", 2, "192.0.2.1", 100), to("0.0.0.0/0", 3, None, 50)], "ppp0"),
        ([to("0.0.0.0/0", 2), to("0.0.0.0/1", 4), to("128.0.0.0/1", 4)], "tun0"),
        ([to("0.0.0.0/0", 2), to("0.0.0.0/1", 4)], "eth0"),
        ([to("::/0", 3)], "ppp0"),
        ([to("0.0.0.0/0", 4, table=100)], None),
        ([to("0.0.0.0/0", 9)], "link 9"),
    ],
    ids=["none", "gateway", "metric", "two halves", "one half", "only IPv6", "another table", "a link not yet known"],
)
def test_the_way_to_everywhere_is_told_as_a_packet_takes_it(routes: List[RouteRecord], told: Optional[str]) -> None:
    """A VPN lays two halves over the route that was there; it stays, and is not used."""
    assert default_route(routes, NAMES) == told


def test_forwarding_is_told_when_it_is_switched_and_at_most_once_a_second(tmp_path: Path) -> None:
    """A robot that begins to pass packets on is a way in for others; one that flaps must not flood the host."""
    switch = tmp_path / "sys/net/ipv4/ip_forward"
    switch.parent.mkdir(parents=True)
    switch.write_text("0\n")
    settings = RoutingSettings(str(tmp_path))

    def forwarding(mono: float, existing: bool = False) -> List[object]:
        settings.look()
        found = settings.changes([], NAMES, mono, "link/procfs", existing)
        return [one.fields["value"] for one in found if one.fields["name"] == "ip-forwarding"]

    assert forwarding(0.0, existing=True) == [False]
    assert forwarding(0.0 + EACH_S) == []
    switch.write_text("1\n")
    assert forwarding(5.0) == [True]
    switch.write_text("0\n")
    assert forwarding(5.0 + EACH_S / 2) == []
    assert forwarding(5.0 + EACH_S) == [False]
