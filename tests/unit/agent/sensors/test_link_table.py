"""The links as records leave them, without a kernel: what goes is told once more, and nothing grows without end."""

import socket
from pathlib import Path

from wachhund_agent.kernel.rtnetlink import (
    HARDWARE_ETHERNET,
    AddressRecord,
    ForwardingRecord,
    LinkRecord,
    RouteRecord,
    Snapshot,
)
from wachhund_agent.sensors.link_table import ADDRESSES_KEPT, LINKS_KEPT, LinkTable


def link(ifindex: int, name: str = "vx", up: bool = True, master: int = 0, gone: bool = False) -> LinkRecord:
    return LinkRecord(ifindex, name, "vxlan", HARDWARE_ETHERNET, up, master, None, {}, gone)


def test_a_link_that_goes_is_kept_until_it_is_told(tmp_path: Path) -> None:
    """Also one that nobody was told of: it may have come and gone between two looks."""
    table = LinkTable(str(tmp_path))
    table.apply(link(7))
    table.apply(AddressRecord(7, "192.0.2.1/24", False))
    table.apply(link(7, gone=True))
    assert list(table.links()) == []
    assert (table.gone["vx"]["gone"], table.gone["vx"]["up"]) == (True, False)
    assert table.gone["vx"]["addresses"] == ["192.0.2.1/24"]


def test_a_whole_list_takes_away_what_is_not_in_it(tmp_path: Path) -> None:
    """Events may be lost; the list that is read after that has the last word."""
    table = LinkTable(str(tmp_path))
    table.apply(link(7, "old"))
    table.apply(link(8, "bridge"))
    route = RouteRecord(socket.AF_INET, 254, "0.0.0.0/0", 0, 8, None, False)
    table.replace(Snapshot([link(8, "bridge"), link(9, "port", master=8)], [], [route]))
    assert table.names() == {8: "bridge", 9: "port"} and list(table.gone) == ["old"]
    told = [table.fields(one, {route.ifindex for route in table.routes}) for one in table.links()]
    assert [(one["default_route"], one["master"]) for one in told] == [(True, None), (False, "bridge")]


def test_routes_are_listed_anew_when_they_may_have_gone_without_a_word(tmp_path: Path) -> None:
    """The kernel says nothing of a route that falls with its link or its address."""
    table = LinkTable(str(tmp_path))
    for record in (link(7, up=False), AddressRecord(7, "192.0.2.1/24", True), link(7, gone=True)):
        table.replace(Snapshot([link(7)], [], []))
        assert not table.routes_stale
        table.apply(record)
        assert table.routes_stale, record


def test_forwarding_of_a_link_is_told_by_any_of_its_families(tmp_path: Path) -> None:
    """None while no family said anything: that is not the same as off."""
    table = LinkTable(str(tmp_path))
    table.apply(link(7))
    (only,) = table.links()
    assert table.fields(only, set())["forwarding"] is None
    table.apply(ForwardingRecord(socket.AF_INET, 7, False))
    assert table.fields(only, set())["forwarding"] is False
    table.apply(ForwardingRecord(socket.AF_INET6, 7, True))
    assert table.fields(only, set())["forwarding"] is True


def test_more_links_and_addresses_than_are_kept_are_counted(tmp_path: Path) -> None:
    """Somebody who makes links without end must not fill the robot's memory."""
    table = LinkTable(str(tmp_path))
    for ifindex in range(LINKS_KEPT + 9):
        table.apply(link(ifindex, "vx{}".format(ifindex)))
    assert len(table.links()) == LINKS_KEPT and table.is_full and table.overflow == 1
    for host in range(ADDRESSES_KEPT + 3):
        table.apply(AddressRecord(7, "192.0.2.{}/24".format(host), False))
    assert table.overflow == 1 + 3
    table.apply(link(0, gone=True))
    assert not table.is_full
