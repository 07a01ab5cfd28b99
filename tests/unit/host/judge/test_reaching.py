"""Whom a visitor asks from the robot: a search of its networks is told in his story."""

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts
from tests.unit.host.judge.test_sessions_through_relays import login_through_agentd

BOARDS = ("192.168.123.13", "192.168.123.14", "192.168.123.15")
LINE = (903, 901, 900, 100)


def visit() -> Recording:
    """Somebody has logged in through a relay."""
    return login_through_agentd()


def asks(scene: Recording, *addresses: str) -> None:
    """The visitor starts a program an address."""
    for place, address in enumerate(addresses):
        command = ["bash", "-c", f"echo > /dev/tcp/{address}/22"]
        scene.process(950 + place, "/bin/bash", command, user="pi", line=LINE)


@pytest.mark.parametrize(
    ("addresses", "is_search"),
    [
        (BOARDS, True),
        (BOARDS[:2], True),
        (BOARDS[:1] * 5, False),
        (("127.0.0.1", "0.0.0.0", "300.1.1.1", "1.2.3.4", "203.0.113.7"), False),
        (("192.168.123.161", *BOARDS[:1]), False),
    ],
    ids=["three boards", "two", "one often", "no neighbours", "itself"],
)
def test_a_visitor_who_asks_several_machines_searches(addresses: tuple[str, ...], is_search: bool) -> None:
    """Nobody answers, so no connection comes: what he starts says it."""
    scene = visit()
    addressed = ["192.168.123.161/24"]
    scene.tell("link.change", ifname="eth0", link_kind="ether", up=True, addresses=addressed, existing=True)
    asks(scene, *addresses)
    incident = Verdicts(scene.facts).only

    assert ("T1046" in incident["attack"]) is is_search
    assert any("looks for other machines" in line for line in incident["story"]) is is_search


def test_connections_of_his_programs_count_as_well() -> None:
    """A scanner that reads its list from a file names nobody in its arguments."""
    scene = visit()
    scene.process(960, "/usr/bin/nmap", ["nmap", "-iL", "list"], user="pi", line=LINE)
    for address in BOARDS:
        scene.dial(960, (address, 22))

    assert "T1046" in Verdicts(scene.facts).only["attack"]


def test_a_colleague_who_looks_around_is_no_incident() -> None:
    """What he may do is his own affair."""
    scene = Recording()
    scene.process(100, "/usr/sbin/sshd")
    scene.listen(22, 100, "/usr/sbin/sshd", existing=True)
    scene.process(900, "/usr/sbin/sshd", line=(100,))
    scene.accept(900, 22, "192.168.12.30")
    scene.ssh_login(100, 900)
    asks(scene, *BOARDS)

    assert Verdicts(scene.facts).incidents == {}


def test_a_search_without_end_is_bounded() -> None:
    """A whole network is 254 sentences; one will do, and 64 machines are remembered."""
    scene = visit()
    for last in range(1, 71):
        scene.process(2_000 + last, "/bin/ping", ["ping", f"10.0.0.{last}"], user="pi", line=LINE)
    incident = Verdicts(scene.facts).only

    assert sum("looks for other machines" in line for line in incident["story"]) == 1
    assert "10.0.0.1, 10.0.0.2, 10.0.0.3 and 61 more" in "".join(incident["story"])
