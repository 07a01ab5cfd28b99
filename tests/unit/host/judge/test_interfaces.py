"""Tunnel interfaces, who comes in by them, and a robot that begins to pass on packets."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import BUILT_IN, SSHD, START, Recording, Verdicts, hops
from wachhund.judge.engine import Judge
from wachhund.judge.interfaces import MAX_COMING_UP, SETTLE_S
from wachhund.ledger import Authorisation, AuthorisationAct


def robot() -> Recording:
    """A robot with sshd and its own network, all senses seeing."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    link(scene, "eth0", "ethernet", ["192.168.12.1/24"], existing=True)
    return scene


def link(scene: Recording, name: str, kind: str, addresses: list[str], **more: Any) -> None:
    fields = {"ifname": name, "link_kind": kind, "up": True, "addresses": addresses, "default_route": False}
    scene.tell("link.change", **{**fields, "master": None, "forwarding": False, **more})


@pytest.mark.parametrize("kind", ["tun", "tap", "wireguard", "ipip", "gre", "sit", "vxlan", "geneve", "l2tpeth"])
def test_a_tunnel_interface_that_comes_up_is_an_incident(kind: str) -> None:
    """By what it is, whatever program made it."""
    scene = robot()
    link(scene, "x0", kind, ["10.8.0.2/24"])
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "medium")
    assert incident["title"] == f"A tunnel interface came up: x0 ({kind})"
    assert any("10.8.0.2/24" in line for line in incident["story"])


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("wifi", {}), ("ethernet", {}), ("veth", {}), ("bridge", {}), ("ppp", {}), ("wwan", {}),
        ("tun", {"existing": True}), ("tun", {"up": False}), ("tun", {"gone": True}),
    ],
)  # fmt: skip
def test_other_interfaces_and_those_that_stood_already_are_none(kind: str, more: dict[str, Any]) -> None:
    """A robot that roams, a modem that dials in, a container that starts."""
    scene = robot()
    link(scene, "x0", kind, ["10.8.0.2/24"], **more)
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize("kind", ["ppp", "wwan", "vxlan"])
def test_who_has_a_local_networks_address_behind_what_is_dialled_came_through_a_tunnel(kind: str) -> None:
    """PPTP and pppd over ssh look like a modem; nobody there is on the robot's own network."""
    scene = robot()
    link(scene, "x0", kind, ["10.8.0.2/32"], existing=True)
    scene.wait(100)
    scene.flow("open", "s1", "in", ("10.8.0.2", 22), ("10.8.0.1", 50_000), 100)
    assert Verdicts(scene.facts).only["title"] == "Remote control not allowed: ssh through the tunnel interface x0"


def test_who_comes_by_a_modem_from_the_internet_comes_straight() -> None:
    """The modem is the robot's own, and no tunnel."""
    scene = robot()
    link(scene, "ppp0", "ppp", ["203.0.113.80/32"], existing=True)
    scene.flow("open", "s1", "in", ("203.0.113.80", 22), ("203.0.113.9", 50_000), 100)
    assert "from the internet (203.0.113.9)" in Verdicts(scene.facts).only["title"]


def test_a_tunnel_is_found_by_the_last_of_its_addresses_and_among_hundreds_of_links() -> None:
    """Else two commands hide it: addresses before the one that is used, or links that are none."""
    scene = robot()
    link(scene, "wg0", "wireguard", [*(f"10.9.{number}.2/24" for number in range(31)), "10.99.0.2/24"], existing=True)
    for number in range(300):
        link(scene, f"d{number}", "dummy", [])
    scene.wait(100)
    scene.flow("open", "s1", "in", ("10.99.0.2", 22), ("10.99.0.1", 50_000), 100)
    assert "through the tunnel interface wg0" in Verdicts(scene.facts).only["title"]


def test_an_interface_that_flaps_and_is_told_again_is_one_story() -> None:
    scene = robot()
    for _ in range(3):
        link(scene, "tun0", "tun", ["10.8.0.2/24"])
        link(scene, "tun0", "tun", ["10.8.0.2/24"])
        link(scene, "tun0", "tun", [], up=False)
        link(scene, "tun0", "tun", [], gone=True)
        scene.wait(20)
    incident = Verdicts(scene.facts).only
    assert any("went down. (" in line for line in incident["story"])


def test_the_interface_of_a_tunnel_that_a_rule_named_belongs_to_its_story() -> None:
    """csclient starts, and a moment later there is a tun."""
    scene = robot()
    scene.process(700, "/usr/local/zhexi/cloudsail/csclient")
    scene.wait(2)
    link(scene, "tun0", "tun", ["10.8.0.2/24"])
    assert "CloudSail" in Verdicts(scene.facts).only["title"]


HOLDER = {"puid": "700-9", "pid": 700, "exe": "/opt/zq/own-vpn", "user": "root"}


@pytest.mark.parametrize("existing", [True, False])
def test_who_comes_by_it_comes_from_where_its_holder_is_connected_to(existing: bool) -> None:
    """A program that nobody knows, started long before it made its interface: the kernel says who holds it."""
    scene = robot()
    scene.process(700, "/opt/zq/own-vpn")
    scene.dial(700, ("203.0.113.9", 443))
    scene.wait(3600)
    link(scene, "tun0", "tun", ["10.8.0.2/24"], holders=[HOLDER], existing=existing)
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "10.8.0.1")
    scene.ssh_login(100, 900)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert hops(session["origin"]) == ["203.0.113.9", "tunnel /opt/zq/own-vpn", "link tun0", "ssh:22", "pi"]
    title = "Remote control not allowed: ssh as pi through the tunnel interface tun0 of own-vpn"
    assert found.only["title"] == title
    assert existing or "own-vpn (pid 700) holds tun0." in " ".join(found.only["story"])


def test_a_holder_that_is_found_later_is_told_too() -> None:
    """A daemon forks after it made its interface."""
    scene = robot()
    link(scene, "tun0", "tun", ["10.8.0.2/24"], holders=[])
    scene.process(700, "/opt/zq/own-vpn")
    scene.dial(700, ("203.0.113.9", 443))
    link(scene, "tun0", "tun", ["10.8.0.2/24"], holders=[HOLDER])
    incident = Verdicts(scene.facts).only
    assert hops(incident["origin"]) == ["203.0.113.9", "tunnel /opt/zq/own-vpn"]
    assert "own-vpn (pid 700) holds tun0." in " ".join(incident["story"])


def test_a_tunnel_of_another_program_that_came_a_moment_before_is_not_taken_for_it_when_its_holder_is_known() -> None:
    """Two at once: csclient starts, and the interface is of a relay that dialled out before."""
    scene = robot()
    scene.process(600, "/usr/bin/chisel", ["chisel", "client", "203.0.113.9:443", "R:2222:127.0.0.1:22"])
    scene.process(700, "/usr/local/zhexi/cloudsail/csclient")
    held = {"puid": "600-9", "pid": 600, "exe": "/usr/bin/chisel", "user": "root"}
    link(scene, "tun0", "tun", ["10.8.0.2/24"], holders=[held])
    titles = {one["title"]: one["story"] for one in Verdicts(scene.facts).incidents.values()}
    (chisel,) = (story for title, story in titles.items() if "chisel" in title.lower())
    (cloudsail,) = (story for title, story in titles.items() if "CloudSail" in title)
    assert "tun0" in " ".join(chisel) and "tun0" not in " ".join(cloudsail)


@pytest.mark.parametrize("late", [False, True])
def test_a_daemon_whose_start_is_told_after_its_interface_is_one_story_too(late: bool) -> None:
    """n2n's edge forks and is gone; its heir holds the interface, which a sense told before the program's start."""
    scene = robot()
    holder = {"puid": "701-9", "pid": 701, "exe": "/usr/sbin/edge", "user": "root"}

    def start() -> None:
        argv = ["edge", "-d", "n0", "-a", "10.64.0.2", "-c", "lab", "-k", "<redacted>", "-l", "203.0.113.9:7777"]
        scene.process(700, "/usr/sbin/edge", argv, heir="701-9")

    def interface() -> None:
        link(scene, "n0", "tap", ["10.64.0.2/24"], holders=[holder])

    for happens in (interface, start) if late else (start, interface):
        happens()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "10.64.0.1")
    scene.ssh_login(100, 900)
    title = "Remote control not allowed: ssh as pi through the tunnel interface n0 of n2n"
    assert Verdicts(scene.facts).only["title"] == title


@pytest.mark.parametrize(
    "order", ["bare start addressed", "bare addressed start", "start bare addressed", "bare dial start addressed"]
)
def test_an_allowed_vpn_that_is_told_in_any_order_is_never_an_incident(order: str) -> None:
    """Not even one that closes itself: the tunnel's name comes with its program, its network with a later word."""
    scene = robot()
    holder = {"puid": "700-9", "pid": 700, "exe": "/usr/sbin/openvpn", "user": "root"}
    for what in order.split():
        if what == "start":
            scene.process(700, "/usr/sbin/openvpn", ["openvpn", "--config", "lab.conf"])
        if what == "dial" or (what == "start" and "dial" not in order):
            scene.dial(700, ("203.0.113.9", 443))
        elif what != "start":
            own = ["fe80::1/64"] if what == "bare" else ["10.8.0.2/24", "fe80::1/64"]
            link(scene, "tun7", "tun", own, holders=[holder])
        scene.wait(1.5)
    scene.wait(5)
    scene.coverage()
    assert Verdicts([allowed("OpenVPN", ("10.0.0.0/8",)), *scene.facts], batch=1).incidents == {}
    assert "OpenVPN" in Verdicts([allowed("OpenVPN", ("192.168.0.0/16",)), *scene.facts]).only["title"]
    assert "OpenVPN" in Verdicts(scene.facts).only["title"]


@pytest.mark.parametrize("what", ["time", "silence", "visitor", "end"])
def test_an_interface_whose_holder_is_never_told_is_judged_all_the_same(what: str) -> None:
    """The sense of processes may be blind."""
    scene = robot()
    link(scene, "tun0", "tun", ["10.8.0.2/24"], holders=[HOLDER])
    if what == "time":
        scene.wait(SETTLE_S + 1)
        scene.coverage()
    elif what == "visitor":
        scene.flow("open", "v1", "in", ("10.8.0.2", 22), ("10.8.0.1", 40001), 100)
    elif what == "end":
        link(scene, "tun0", "tun", [], holders=[], up=False, gone=True)
    incident = Verdicts(scene.facts).only
    assert what == "visitor" or incident["title"] == "A tunnel interface came up: tun0 (tun)"
    assert "own-vpn (pid 700) holds tun0." in " ".join(incident["story"])


def test_interfaces_without_end_do_not_all_wait() -> None:
    scene = robot()
    for number in range(MAX_COMING_UP + 1):
        link(scene, f"tun{number}", "tun", [], holders=[{**HOLDER, "puid": f"{number}-1", "pid": number}])
    (incident,) = Judge(BUILT_IN.rules, lambda robot: None).feed(scene.facts).incidents
    assert incident["title"] == "A tunnel interface came up: tun0 (tun)"


def test_all_traffic_through_it_weighs_more() -> None:
    scene = robot()
    link(scene, "tun0", "tun", ["10.8.0.2/24"])
    link(scene, "tun0", "tun", ["10.8.0.2/24"], default_route=True)
    assert Verdicts(scene.facts).only["level"] == "high"


@pytest.mark.parametrize("existing", [True, False])
def test_a_login_by_it_comes_through_the_tunnel_and_not_from_the_next_room(existing: bool) -> None:
    """Its address looks like a local one; whether the tunnel stood before the agent came changes nothing."""
    scene = robot()
    link(scene, "tun0", "tun", ["10.8.0.2/24"], existing=existing)
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "10.8.0.1")
    scene.ssh_login(100, 900)
    found = Verdicts(scene.facts)
    incident = found.only
    (session,) = found.sessions.values()
    assert session["carrier"] == "tunnel"
    assert (incident["kind"], incident["level"]) == ("remote-control", "high")
    assert incident["title"] == "Remote control not allowed: ssh as pi through the tunnel interface tun0"
    assert [hop["hop"] for hop in session["origin"]] == ["address", "link", "service", "user"]


def test_the_far_end_of_a_wireguard_link_with_one_peer_is_the_origin() -> None:
    scene = robot()
    link(scene, "wg0", "wireguard", ["10.8.0.2/24"], peers=[{"peer": "0a1b2c3d", "endpoint": ["203.0.113.9", 51820]}])
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "10.8.0.1")
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["origin"][0]["address"] == "203.0.113.9"
    assert session["origin"][1] == {"hop": "link", "name": "wg0", "kind": "wireguard", "address": "10.8.0.1"}


def test_a_visitor_of_the_local_network_is_none_of_the_tunnels() -> None:
    scene = robot()
    link(scene, "tun0", "tun", ["10.8.0.2/24"], existing=True)
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "192.168.12.30")
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert found.incidents == {} and hops(session["origin"])[0] == "192.168.12.30"


@pytest.mark.parametrize("name", ["ip-forwarding", "nat"])
def test_a_robot_that_begins_to_pass_on_packets_is_an_incident(name: str) -> None:
    """It becomes the way to the boards behind it."""
    scene = robot()
    scene.tell("config.state", name=name, value=True)
    assert Verdicts(scene.facts).only["level"] == "medium"


@pytest.mark.parametrize("more", [{"existing": True}, {"value": False}, {"value": None}])
def test_one_that_did_so_already_or_stops_is_none(more: dict[str, Any]) -> None:
    scene = robot()
    scene.tell("config.state", **{"name": "nat", "value": True, **more})
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize("field", ["ifname", "link_kind", "addresses", "peers", "holders", "up", "default_route"])
@pytest.mark.parametrize("value", [7.5, {"a": 1}, ["999.1.1.1/99", 3, None], "x" * 5000, [[]] * 5000, None])
def test_what_a_hostile_robot_says_of_interfaces_is_refused_or_taken(field: str, value: Any) -> None:
    """By name, and nothing breaks; also not the next visitor's tracing."""
    scene = robot()
    link(
        scene,
        "wg0",
        "wireguard",
        ["10.8.0.2/24"],
        **{field: value} if field not in ("ifname", "link_kind", "addresses") else {},
    )
    scene.facts[-1].observation.fields[field] = value  # type: ignore[index]
    scene.accept(900, 22, "10.8.0.1")
    found = Verdicts(scene.facts)
    assert all(field.startswith(reason.split(": ")[1].split(" ")[0]) for reason in found.unreadable)


def vpn_allowed(carrier: str) -> AuthorisationAct:
    """The operator's own VPN: an interface of this name, whose other end is outside at one address."""
    until_t, source = START + 7_200, ("203.0.113.9/32",)
    vpn = Authorisation("a1", "anna", None, None, source, carrier, START - 60, until_t, "our VPN", "bert", START - 60)
    return AuthorisationAct(1, "made", START - 60, "bert", vpn.why, 0, 0, vpn)


def test_an_interface_that_an_authorisation_names_is_shown_and_not_alerted() -> None:
    """The operator's own VPN, by its name and from where its other end is; the same visit without is told."""
    scene = robot()
    link(scene, "wg0", "wireguard", ["10.8.0.2/24"], peers=[{"peer": "0a1b2c3d", "endpoint": ["203.0.113.9", 51820]}])
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "10.8.0.1")
    scene.ssh_login(100, 900)
    made = vpn_allowed("wg0")
    found = Verdicts([made, *scene.facts])
    (session,) = found.sessions.values()
    assert found.incidents == {} and session["authorisation"]["id"] == "a1"
    assert len(Verdicts(scene.facts).incidents) == 1
    assert len(Verdicts([vpn_allowed("tun7"), *scene.facts]).incidents) == 1


def test_an_authorised_interface_stays_so_when_its_holder_is_known_and_a_relay_of_the_same_program_is_none() -> None:
    """The permission is for what comes by the interface; a connection that its program passes on is another way in."""
    scene = robot()
    scene.process(700, "/opt/zq/own-vpn")
    outer = scene.dial(700, ("203.0.113.9", 443))
    link(scene, "tun0", "tun", ["10.8.0.2/24"], holders=[HOLDER])
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "10.8.0.1")
    scene.ssh_login(100, 900)
    made = vpn_allowed("tun0")
    assert Verdicts([made, *scene.facts]).incidents == {}
    assert len(Verdicts(scene.facts).incidents) == 1
    scene.process(901, SSHD, line=(100,))
    inner, _ = scene.within(700, 901, 22)
    scene.relay(outer, inner, 700, "relay")
    assert len(Verdicts([made, *scene.facts]).incidents) == 1


@pytest.mark.parametrize("first", ["visitor", "link"])
def test_a_link_from_end_to_end_has_no_network_and_carries_what_comes_to_its_own_address(first: str) -> None:
    """OpenVPN's and ssh's links have one address each; the visitor may be told before the link is."""
    scene = robot()
    if first == "link":
        link(scene, "tun7", "tun", ["10.90.1.2/32"])
    scene.process(900, SSHD, line=(100,))
    scene.flow("open", "v1", "in", ("10.90.1.2", 22), ("10.90.1.1", 40001), 900)
    if first == "visitor":
        link(scene, "tun7", "tun", ["10.90.1.2/32"])
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["carrier"] == "tunnel"


def allowed(carrier: str, sources: tuple[str, ...] | None = None) -> AuthorisationAct:
    since, until = START - 60, START + 86_400
    one = Authorisation("a1", "anna", None, None, sources, carrier, since, until, "care", "bert", since)
    return AuthorisationAct(1, "made", START - 60, "bert", "care", 0, 0, one)


def comes_in_by(scene: Recording, address: str, port: int = 22) -> None:
    """Somebody logs in from an address in an interface's network."""
    scene.wait(5)
    scene.accept(100, port, address)
    scene.process(900, SSHD, line=(100,))
    scene.ssh_login(100, 900)


def test_an_interface_that_comes_up_beside_an_allowed_tunnel_that_makes_none_is_told() -> None:
    """frp makes no interface: whose wg0 comes up a moment after it did not come by it."""
    scene = robot()
    scene.process(700, "/opt/frpc", ["frpc", "-c", "frpc.toml"])
    scene.dial(700)
    scene.wait(20)
    link(scene, "wg0", "wireguard", ["10.9.0.2/24"])
    comes_in_by(scene, "10.9.0.1")
    incident = Verdicts([allowed("frp"), *scene.facts]).only
    assert incident["title"] == "Remote control not allowed: ssh as pi through the tunnel interface wg0"


@pytest.mark.parametrize(("first", "told"), [("tun0", False), ("wg0", True)])
def test_an_allowed_vpn_brings_one_interface_and_no_more(first: str, told: bool) -> None:
    """OpenVPN's tun0 belongs to it, and who comes in by it; a second interface is somebody else's."""
    scene = robot()
    scene.process(700, "/usr/sbin/openvpn", ["openvpn", "--config", "lab.conf"])
    scene.dial(700)
    scene.wait(2)
    link(scene, "tun0", "tun", ["10.8.0.2/24"])
    if told:
        link(scene, "wg0", "wireguard", ["10.9.0.2/24"])
    comes_in_by(scene, "10.9.0.1" if told else "10.8.0.1")
    verdicts = Verdicts([allowed("OpenVPN"), *scene.facts])
    assert bool(verdicts.incidents) is told
