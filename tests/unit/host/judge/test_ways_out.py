"""Where the program of an incident is connected to: the origin of a way in by which nobody has come yet."""

from tests.unit.host.judge.recording import OUTSIDE, START, Recording, Verdicts
from wachhund.ledger import Authorisation, AuthorisationAct

SSHUTTLE = ["python3", "/usr/bin/sshuttle", "-r", "root@203.0.113.7", "10.99.0.0/24"]
PYTHON = "/usr/bin/python3"


def origin_of(scene: Recording, batch: int = 1) -> list[dict[str, object]]:
    """Of the one incident, judged fact by fact: as it is told while it happens."""
    origin: list[dict[str, object]] = Verdicts(scene.facts, batch).only["origin"]
    return origin


def test_a_connection_that_comes_after_the_incident_is_told_with_it() -> None:
    """Who looks at the page now must see where the tunnel leads, not only who asks again later."""
    scene = Recording()
    scene.process(700, "/usr/bin/ssh", ["ssh", "-N", "-R", "2222:localhost:22", "x@203.0.113.7"])
    scene.dial(700)

    assert origin_of(scene)[0]["address"] == OUTSIDE[0]
    assert origin_of(scene) == origin_of(scene, batch=1_000)


def test_what_a_program_sends_to_a_group_of_addresses_leads_nowhere() -> None:
    """The vendor's programs multicast to the whole network; nobody comes in by that."""
    scene = Recording()
    scene.process(600, PYTHON, ["python3", "/home/pi/Unitree/lcm.py"])
    scene.dial(600, ("239.255.76.67", 7667), proto="udp", scope="lan")
    scene.process(700, PYTHON, SSHUTTLE)
    scene.dial(700, ("239.255.76.67", 7667), proto="udp", scope="lan")

    assert origin_of(scene)[0]["hop"] == "unknown"


def test_another_program_of_the_same_interpreter_is_not_the_tunnels() -> None:
    """Half of a robot's programs are Python: the file alone says nothing of whose a connection is."""
    scene = Recording()
    scene.process(600, PYTHON, ["python3", "/home/pi/updates.py"])
    scene.dial(600, ("198.51.100.9", 443))
    scene.process(700, PYTHON, SSHUTTLE)

    assert origin_of(scene)[0]["hop"] == "unknown"


def test_the_connection_of_a_child_that_started_no_program_is_the_tunnels() -> None:
    """A daemon forks and dials from the child, of which no start is told."""
    scene = Recording()
    scene.process(700, "/usr/bin/ngrok", ["ngrok", "tcp", "22"])
    scene.dial(701, OUTSIDE, exe="/usr/bin/ngrok")

    assert origin_of(scene)[0]["address"] == OUTSIDE[0]


def test_the_connection_of_another_program_that_the_tunnel_started_is_the_tunnels() -> None:
    """sshuttle has two processes of its own and an ssh that dials: one tool."""
    scene = Recording()
    scene.process(700, PYTHON, SSHUTTLE)
    scene.process(701, PYTHON, ["python3", "/usr/bin/sshuttle", "--firewall"], line=(700,))
    scene.process(702, "/usr/bin/ssh", ["ssh", "root@203.0.113.7", "--", "python3"], line=(700,))
    scene.dial(702)

    assert origin_of(scene)[0]["address"] == OUTSIDE[0]


def test_the_same_holds_when_the_connection_was_told_before_the_second_program() -> None:
    """The order in which senses tell of one moment is not theirs to keep."""
    scene = Recording()
    scene.process(702, "/usr/bin/ssh", ["ssh", "root@203.0.113.7", "--", "python3"], line=(700,))
    scene.dial(702)
    scene.process(700, PYTHON, SSHUTTLE)
    scene.process(701, PYTHON, ["python3", "/usr/bin/sshuttle", "--firewall"], line=(700,))

    assert origin_of(scene)[0]["address"] == OUTSIDE[0]


def test_a_vpn_that_was_allowed_by_its_inner_network_is_quiet_while_it_comes_up() -> None:
    """Its connection is told a moment before its interface: that is no other way than the one that was allowed."""
    sources = ("10.8.0.0/24",)
    one = Authorisation("a1", "anna", None, ("ssh",), sources, "OpenVPN", START - 60, START + 900, "x", "b", START - 60)
    scene = Recording()
    scene.process(700, "/usr/sbin/openvpn", ["openvpn", "--config", "/etc/openvpn/x.conf"])
    scene.dial(700)
    scene.tell("link.change", ifname="tun0", link_kind="tun", up=True, addresses=["10.8.0.2/24"], default_route=False)
    told = [AuthorisationAct(1, "made", START - 60, "b", "x", 0, 0, one), *scene.facts]

    for batch in (1, 1_000):
        assert Verdicts(told, batch).incidents == {}  # type: ignore[arg-type]
