"""Where sessions come from when no relay is in play: straight, through proxies, from within."""

import pytest

from tests.unit.host.judge.recording import PHONE, SSHD, Recording, Verdicts, hops
from wachhund.judge.tracing import MAX_HOPS

NGINX, MOSQUITTO = "/usr/sbin/nginx", "/usr/sbin/mosquitto"


def stock_services() -> Recording:
    """A Go1's listeners."""
    scene = Recording()
    scene.coverage()
    for pid, exe, port in ((100, SSHD, 22), (200, NGINX, 80), (300, MOSQUITTO, 1883)):
        scene.process(pid, exe)
        scene.listen(port, pid, exe, existing=True)
    scene.listen(9801, 300, MOSQUITTO, "127.0.0.1", existing=True)
    return scene


def test_ssh_from_the_local_network_is_a_session_and_no_incident() -> None:
    """A colleague at the bench: shown, not alerted."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    scene.ssh_login(100, 900)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert found.incidents == {}
    assert hops(session["origin"]) == [PHONE, "ssh:22", "pi"]
    assert (session["carrier"], session["last_t"]) == ("lan", None)


def test_ssh_from_the_internet_is_remote_control_not_allowed() -> None:
    """A port that the modem left open."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "203.0.113.9")
    scene.ssh_login(100, 900)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("remote-control", "high")
    assert incident["title"] == "Remote control not allowed: ssh as pi from the internet (203.0.113.9)"
    assert hops(incident["origin"]) == ["203.0.113.9", "ssh:22", "pi"]


@pytest.mark.parametrize("batch", [1, 2, 3, 1_000])
def test_a_tunnel_that_dials_a_moment_after_it_was_named_is_told_with_its_other_end(batch: int) -> None:
    """A rule names it when it starts; where it leads is learned then, and is the same however facts come together."""
    scene = stock_services()
    scene.process(812, "/usr/local/zhexi/cloudsail/csclient")
    scene.wait(3)
    scene.dial(812)
    scene.dial(812, ("198.51.100.9", 443))
    incident = Verdicts(scene.facts, batch=batch).only
    assert hops(incident["origin"])[0] == "203.0.113.7"
    assert {"line": len(scene.facts) - 1} in incident["evidence"]


@pytest.mark.parametrize("port", [53, 67])
def test_an_ssh_server_at_the_port_of_look_ups_is_an_ssh_server(port: int) -> None:
    """A port is anybody's to choose, and these two pass most firewalls."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD, [SSHD, "-p", str(port)])
    scene.listen(port, 100, SSHD)
    scene.accept(100, port, "203.0.113.9")
    assert Verdicts(scene.facts).only["title"].startswith("Remote control not allowed: ssh from the internet")


@pytest.mark.parametrize("exe", [None, "/usr/sbin/dnsmasq"])
def test_look_ups_are_nobodys_session(exe: str | None) -> None:
    """Each phone on the robot's network asks for names; also where nobody told who answers them."""
    scene = Recording()
    scene.coverage()
    if exe is not None:
        scene.process(100, exe)
        scene.listen(53, 100, exe)
    scene.accept(100 if exe else None, 53, PHONE)
    assert Verdicts(scene.facts).sessions == {}


def test_the_same_visitor_again_adds_to_his_incident() -> None:
    """A hundred tries are one story."""
    scene = stock_services()
    for pid in range(900, 1000, 4):
        scene.process(pid, SSHD, line=(100,))
        scene.close(scene.accept(pid, 22, "203.0.113.9"))
        scene.wait(5)
    assert len(Verdicts(scene.facts).only["sessions"]) == 25


def test_many_addresses_from_the_internet_do_not_make_many_incidents() -> None:
    """A scan of an open port: a bounded number, then one for the rest."""
    scene = stock_services()
    for number in range(200):
        scene.close(scene.accept(None, 22, f"203.0.{number}.9"))
    assert len(Verdicts(scene.facts).incidents) <= 33


def test_the_account_is_not_that_of_the_message_of_the_day() -> None:
    """sshd runs root's scripts before the visitor's shell: by the first program every login would be root's."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    scene.ssh_login(100, 900, user="unitree")
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["user"] == "unitree"


def test_a_root_login_is_roots() -> None:
    """Root's shell has no unprivileged sshd above it."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    scene.process(904, "/bin/bash", ["-bash"], line=(900, 100))
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["user"] == "root"


def test_an_account_that_cannot_be_known_is_said_to_be_unknown() -> None:
    """A password prompt, or a file transfer inside sshd: nobody is named."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["origin"][-1]["hop"] == "unknown"
    assert "account" in session["origin"][-1]["why"]


def test_the_app_behind_nginx_is_the_phone_and_one_person() -> None:
    """The broker sees 127.0.0.1; the phone on the robot's network is who drives."""
    scene = stock_services()
    scene.accept(200, 80, PHONE)
    scene.within(200, 300, 9801)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert hops(session["origin"]) == [PHONE, "proxy /usr/sbin/nginx", "loopback", "mqtt:9801"]
    assert (session["surface"], session["carrier"]) == ("mqtt", "lan")
    assert found.incidents == {}


def test_two_clients_of_a_proxy_at_once_are_not_guessed_between() -> None:
    """A guessed hop is worse than a said doubt; then no session is invented, each client has his own."""
    scene = stock_services()
    scene.accept(200, 80, PHONE)
    scene.accept(200, 80, "192.168.12.31")
    scene.within(200, 300, 9801)
    found = Verdicts(scene.facts)
    assert sorted(session["surface"] for session in found.sessions.values()) == ["web", "web"]


def test_a_proxy_that_asks_another_board_for_pictures_and_the_broker_for_a_phone_is_no_suspect() -> None:
    """A stock Go1 with a viewer and a driver: nginx dials a Nano for the one and the broker for the other."""
    scene = stock_services()
    scene.accept(200, 80, "192.168.123.99")
    outer = scene.dial(200, ("192.168.123.13", 80))
    scene.wait(5)
    scene.accept(200, 80, PHONE)
    inner, _ = scene.within(200, 300, 9801)
    scene.relay(outer, inner, 200)
    assert Verdicts(scene.facts).incidents == {}
    scene.relay(outer, inner, 200, "relay")
    assert Verdicts(scene.facts).only["kind"] in ("relay", "remote-control"), "bytes that move together still tell"


def test_a_local_program_that_imitates_a_proxys_name_is_not_excused() -> None:
    """Known proxies are known by their full path."""
    scene = stock_services()
    scene.process(666, "/tmp/nginx")
    outer = scene.dial(666)
    scene.wait(5)
    inner, _ = scene.within(666, 100, 22)
    scene.relay(outer, inner, 666, "relay")
    assert Verdicts(scene.facts).only["level"] == "critical"


def test_a_login_from_the_robot_itself_is_medium_and_says_what_is_unknown() -> None:
    """Its other end holds no outside connection that was seen: odd, no more."""
    scene = stock_services()
    scene.process(700, "/usr/bin/ssh", ["ssh", "localhost"])
    scene.process(900, SSHD, line=(100,))
    scene.within(700, 900, 22)
    scene.ssh_login(100, 900)
    scene.wait(5)
    scene.tell("heartbeat")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("intrusion", "medium")
    assert incident["title"] == "Login from the robot itself: ssh as pi by ssh"
    assert hops(incident["origin"]) == ["?", "program /usr/bin/ssh", "loopback", "ssh:22", "pi"]
    assert any("no connection to the outside" in line for line in incident["unknown"])


def test_a_login_whose_other_end_was_not_seen_says_so() -> None:
    """Polling may miss the client."""
    scene = stock_services()
    scene.flow("open", "x", "in", ("127.0.0.1", 22), ("127.0.0.1", 50_000), 900, exe=SSHD)
    incident = Verdicts(scene.facts).only
    assert any("was not seen" in line for line in incident["unknown"])


def test_a_colleague_who_logs_in_to_the_robot_from_the_robot_is_traced_to_his_desk() -> None:
    """`ssh localhost` within an ssh session from the local network: his origin is his desk, and no incident."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    scene.ssh_login(100, 900)
    scene.process(950, "/usr/bin/ssh", ["ssh", "localhost"], user="pi", line=(903, 901, 900, 100))
    scene.process(960, SSHD, line=(100,))
    scene.within(950, 960, 22)
    scene.ssh_login(100, 960, user="root")
    scene.wait(5)
    scene.tell("heartbeat")
    found = Verdicts(scene.facts)
    assert found.incidents == {}
    inner = next(session for session in found.sessions.values() if len(session["origin"]) > 3)
    assert hops(inner["origin"])[:4] == [PHONE, "ssh:22", "pi", "program /usr/bin/ssh"]


def test_a_port_forwarded_by_a_colleague_is_noted_and_low() -> None:
    """ssh -R to the robot opens a port on it: a way in that should not be forgotten."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    scene.ssh_login(100, 900)
    scene.process(901, SSHD, line=(900, 100), user="pi")
    scene.listen(9000, 901, SSHD, "127.0.0.1")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "low")


def test_the_agents_own_connection_is_nobodys_session() -> None:
    """The monitor must not report itself."""
    scene = stock_services()
    scene.accept(300, 1883, PHONE, own=True)
    assert Verdicts(scene.facts).sessions == {}


def test_a_page_of_many_connections_is_one_visit() -> None:
    """A browser opens six at once and more with each click."""
    scene = stock_services()
    for _ in range(30):
        scene.close(scene.accept(200, 80, PHONE))
        scene.wait(2)
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["bytes_in"] == 30_000


def test_a_visit_after_a_long_pause_is_a_new_one() -> None:
    """Otherwise a session would last for days."""
    scene = stock_services()
    for _ in range(2):
        scene.close(scene.accept(200, 80, PHONE))
        scene.wait(600)
    assert len(Verdicts(scene.facts).sessions) == 2


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("flow.open", {"flow": 5}, "flow: not a text"),
        ("flow.open", {"flow": "a", "local": ["x"]}, "local: not [address, port]"),
        ("flow.open", {"flow": "a", "local": ["x", 70_000]}, "local: not [address, port]"),
        ("process.start", {"puid": "1-1", "pid": "one"}, "pid: not a whole number"),
        ("relay", {"outer": "a"}, "outer or inner: no flow id"),
        ("relay", {"outer": "a", "inner": "b", "evidence": {"bits_in": "many"}}, "bits_in: not a number"),
        ("listen.open", {}, "local: missing"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(kind: str, fields: dict[str, object], reason: str) -> None:
    """A robot may be the attacker's: nothing crashes the judge, and nothing is taken silently."""
    scene = Recording()
    scene.tell(kind, **fields)
    assert Verdicts(scene.facts).unreadable == [f"{kind}: {reason}"]


def test_a_robot_that_opens_and_never_closes_fills_no_memory() -> None:
    """Every table has a bound."""
    from wachhund.judge.engine import Judge
    from wachhund.judge.flows import MAX_FLOWS
    from wachhund.judge.listeners import MAX_LISTENERS
    from wachhund.judge.processes import MAX_PROCESSES

    scene = Recording("abcdefghij")
    for number in range(12_000):
        scene.flow("open", f"x{number}", "in", ("192.168.12.1", number % 60_000), (PHONE, number % 60_000), number)
        scene.process(number + 10, "/bin/x")
        scene.listen(number % 60_000, number, "/bin/x")
    judge = Judge(())
    judge.feed(scene.facts)
    state = judge._robots["abcdefghij"]
    assert len(state.memory.flows.by_id) <= MAX_FLOWS
    assert len(state.memory.flows.by_ends) <= MAX_FLOWS
    assert len(state.memory.flows.by_owner) <= MAX_FLOWS
    assert len(state.memory.processes.by_puid) <= MAX_PROCESSES
    assert len(state.memory.processes.by_pid) <= MAX_PROCESSES
    assert len(state.memory.listeners.by_port) <= MAX_LISTENERS
    assert len(state.sessions.by_id) <= 2_048
    assert len(state.sessions._visits) <= 2_048
    assert all(len(session.counts) <= 1_024 for session in state.sessions.by_id.values())


def test_what_a_visitor_reaches_through_ssh_l_is_traced_to_his_desk() -> None:
    """`ssh -L`: sshd speaks to the broker for him, from a forked child that no process.start tells of."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, PHONE)
    scene.ssh_login(100, 900)
    scene.flow("open", "c", "out", ("127.0.0.1", 5000), ("127.0.0.1", 1883), 907, exe=SSHD, user="pi")
    scene.flow("open", "s", "in", ("127.0.0.1", 1883), ("127.0.0.1", 5000), 300)
    found = Verdicts(scene.facts)
    assert found.incidents == {}
    assert sorted(session["surface"] for session in found.sessions.values()) == ["mqtt", "ssh"]
    mqtt = next(session for session in found.sessions.values() if session["surface"] == "mqtt")
    assert hops(mqtt["origin"]) == [PHONE, f"proxy {SSHD}", "loopback", "mqtt:1883"]


def test_a_listener_of_sshds_forked_child_is_the_only_visitors() -> None:
    """`ssh -R` to the robot: the listening child is only known by what it does."""
    scene = stock_services()
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "203.0.113.9")
    scene.listen(9009, 907, SSHD, "127.0.0.1", user="pi")
    incident = Verdicts(scene.facts).only
    assert any("9009" in line for line in incident["story"])
    assert hops(incident["origin"])[-1] == "pi"


def test_a_forwarded_port_that_is_told_before_its_session_is_still_his() -> None:
    """At its start the agent tells listeners before connections."""
    scene = stock_services()
    scene.listen(9009, 907, SSHD, "127.0.0.1", user="pi", existing=True)
    scene.process(900, SSHD, line=(100,), existing=True)
    scene.accept(900, 22, PHONE, existing=True)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "low")


def test_an_origin_of_any_number_of_logins_within_is_told_by_its_ends() -> None:
    """A robot that logs in to itself hundreds of times would fill the ledger with one story, and the judge's mind."""
    scene = stock_services()
    scene.flow("open", "z", "in", ("192.168.12.1", 22), ("203.0.113.9", 5), 10_000)
    for pid in range(10_000, 10_400, 10):
        scene.process(pid + 1, "/usr/bin/ssh", ["ssh", "localhost"], line=(pid,))
        scene._exes[pid + 10] = SSHD
        name, local = scene._next("127.0.0.1")
        scene.flow("open", name, "out", local, ("127.0.0.1", 22), pid + 1, pid + 10)
        scene.flow("open", f"{name}s", "in", ("127.0.0.1", 22), local, pid + 10, pid + 1)
        scene.wait(3)
    found = Verdicts(scene.facts)
    last = max(found.sessions.values(), key=lambda one: one["first_t"])
    assert last["carrier"] == "internet" and last["origin"][0]["address"] == "203.0.113.9"
    assert max(len(one["origin"]) for one in found.sessions.values()) <= MAX_HOPS + 4
    (gap,) = [hop for hop in last["origin"] if "left_out" in hop]
    kept = [hop for hop in last["origin"] if hop is not gap]
    assert len(kept) + gap["left_out"] == 3 + 39 * 4 + 1 + 3, "each hop is told or counted"
    assert last["origin"][-2]["hop"] == "service"
