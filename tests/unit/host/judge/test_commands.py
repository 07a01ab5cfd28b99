"""Commands: whose they are, two who drive at once, and a robot that nobody who is known commands."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import PHONE, SSHD, Recording, Verdicts, hops

MOSQUITTO, SPORT = "/usr/sbin/mosquitto", "/opt/Legged_sport"
LAB = "192.168.123.99"


def robot() -> Recording:
    """A robot with its broker, its high-level door and sshd."""
    scene = Recording()
    scene.coverage()
    for pid, exe, port in ((100, SSHD, 22), (300, MOSQUITTO, 1883)):
        scene.process(pid, exe)
        scene.listen(port, pid, exe, existing=True)
    scene.process(400, SPORT)
    return scene


def published(scene: Recording, topic: str = "controller/action", meaning: str = "control", **more: Any) -> None:
    """The robot's broker tells of messages on a topic, and not by whom."""
    mono = scene.facts[-1].observation.mono
    fields = {"surface": "mqtt", "what": topic, "client": None, "meaning": meaning, "count": 1, "bytes": 7}
    said = {"kinds": {"text": 1}, "words": {"standUp": 1}, "retained": False, "first_mono": mono, "last_mono": mono}
    scene.tell("control", **{**fields, **said, **more})


def sdk(scene: Recording, address: str, flow: str = "u1") -> None:
    """Commands by UDP at the high-level door."""
    mono = scene.facts[-1].observation.mono
    told = [fact for fact in scene.facts if fact.observation.fields.get("flow") == flow]
    if not told:
        scene.flow("open", flow, "in", ("192.168.123.161", 8082), (address, 8090), 400, proto="udp")
    scene.tell(
        "control", surface="udp", what="high-level commands (udp 8082)", client=[address, 8090], scope="lan",
        flow=flow, puid="400-9", exe=SPORT, peer=None, bytes=7065, first_mono=mono, last_mono=mono,
    )  # fmt: skip


def test_commands_by_datagram_are_a_session_of_their_own() -> None:
    """The laboratory's SDK: shown, not alerted."""
    scene = robot()
    sdk(scene, LAB)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert found.incidents == {}
    assert (session["surface"], session["carrier"], hops(session["origin"])) == (
        "udp", "lan", [LAB, "udp high-level commands:8082"],
    )  # fmt: skip


@pytest.mark.parametrize("proto", ["udp", "icmp", "sctp"])
def test_other_datagrams_are_nobodys_session(proto: str) -> None:
    """Look-ups, announcements, pings: also those of protocols that have no ports."""
    scene = robot()
    port = None if proto == "icmp" else 5353
    scene.tell(
        "flow.open", flow="d1", proto=proto, direction="in", local=["192.168.123.161", port], remote=[LAB, port],
        scope="lan", puid=None, exe=None, duration_s=0.0,
    )  # fmt: skip
    found = Verdicts(scene.facts)
    assert (found.sessions, found.unreadable) == ({}, [])


def test_a_visitor_through_a_relay_who_commands_is_critical_and_his_story_says_what() -> None:
    """Before any byte of the relay was weighed."""
    scene = robot()
    scene.process(812, "/opt/x/agentd", ["agentd"])
    outer = scene.dial(812)
    scene.wait(30)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.ssh_login(100, 900)
    before = Verdicts(scene.facts).only
    assert before["level"] == "high"
    scene.process(950, "/usr/bin/mosquitto_pub", ["mosquitto_pub"], user="pi", line=(903, 901, 900, 100))
    _, accepted = scene.within(950, 300, 1883)
    scene.close(accepted)
    published(scene)
    incident = Verdicts(scene.facts).only
    assert (incident["id"], incident["kind"], incident["level"]) == (before["id"], "remote-control", "critical")
    assert incident["title"] == "Remote control not allowed: ssh as pi through an unnamed relay (agentd)"
    assert any(line.endswith("Commands were sent to controller/action (standUp).") for line in incident["story"])
    assert {session["surface"] for session in incident["sessions"]} == {"ssh", "mqtt"}


def test_commands_that_come_before_their_connection_are_still_its() -> None:
    """Two senses tell them, in no order."""
    scene = robot()
    published(scene)
    scene.wait(1)
    scene.accept(300, 1883, "203.0.113.9")
    scene.wait(5)
    scene.process(990, "/bin/true")
    incident = Verdicts(scene.facts).only
    assert "mqtt from the internet (203.0.113.9)" in incident["title"] and incident["level"] == "critical"


def test_a_robot_that_nobody_who_is_known_commands_is_an_incident() -> None:
    """Nobody is in the controller ledger, and yet it is told to stand up."""
    scene = robot()
    published(scene)
    scene.wait(5)
    scene.process(990, "/bin/true")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("remote-control", "medium")
    assert incident["title"] == "Robot commanded by nobody who is known: controller/action"
    assert incident["unknown"] and incident["advice"]


@pytest.mark.parametrize("more", [{"retained": True}, {"meaning": "state"}, {"meaning": "identity"}])
def test_what_is_no_command_now_is_no_incident(more: dict[str, Any]) -> None:
    """Kept messages are old, states are the robot's own words."""
    scene = robot()
    published(scene, **more)
    scene.wait(5)
    scene.process(990, "/bin/true")
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize("somebody", [None, "phone", "sdk"])
def test_a_robot_that_moves_with_nobody_in_the_ledger_is_told_as_low(somebody: str | None) -> None:
    """State held against sessions; it may have been the remote control, which nobody here can see."""
    scene = robot()
    if somebody == "phone":
        scene.accept(300, 1883, PHONE)
    elif somebody == "sdk":
        sdk(scene, LAB)
    published(scene, "controller/current_action", "state", changed=1, words={"walk": 1})
    scene.wait(5)
    scene.process(990, "/bin/true")
    found = Verdicts(scene.facts).incidents
    if somebody is not None:
        assert found == {}
        return
    (incident,) = found.values()
    assert (incident["kind"], incident["level"]) == ("remote-control", "low")
    assert any("remote control" in line for line in incident["unknown"])


def test_the_phone_alone_is_shown_and_not_alerted() -> None:
    scene = robot()
    scene.accept(300, 1883, PHONE)
    for _ in range(20):
        published(scene)
        scene.wait(1)
    found = Verdicts(scene.facts)
    assert found.incidents == {} and len(found.sessions) == 1


def test_two_who_command_at_once_are_an_incident_that_names_both() -> None:
    """Neither may know of the other, and the robot moves."""
    scene = robot()
    scene.accept(300, 1883, PHONE)
    for _ in range(4):
        published(scene)
        scene.wait(1)
        sdk(scene, LAB)
        scene.wait(1)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("remote-control", "medium")
    assert incident["title"] == f"Two controllers at once: {PHONE} (mqtt) and {LAB} (udp high-level commands)"
    assert {session["surface"] for session in incident["sessions"]} == {"udp", "mqtt"}


def test_one_who_took_over_when_the_other_had_stopped_is_none() -> None:
    scene = robot()
    sdk(scene, LAB)
    scene.wait(5)
    scene.accept(300, 1883, PHONE)
    for _ in range(4):
        published(scene)
        scene.wait(1)
    assert Verdicts(scene.facts).incidents == {}


def test_unowned_commands_without_end_are_bounded() -> None:
    """A robot that lies gets one incident a topic, and no memory."""
    scene = robot()
    for number in range(3000):
        published(scene, f"controller/{number % 3}")
    assert len(Verdicts(scene.facts).incidents) == 3


@pytest.mark.parametrize("field", ["surface", "what", "client", "flow", "meaning", "count", "words", "first_mono"])
@pytest.mark.parametrize("value", [float("nan"), {"a": []}, ["x", "y", "z"], "x" * 5000, "\x1b[2J", -1])
def test_what_a_hostile_robot_says_of_commands_is_refused_or_taken(field: str, value: Any) -> None:
    """By name, and nothing breaks."""
    scene = robot()
    scene.accept(300, 1883, PHONE)
    published(scene, **{field: value})
    found = Verdicts(scene.facts)
    assert all(field in reason for reason in found.unreadable)


@pytest.mark.parametrize("first", ["kept message", "tunnel"])
def test_that_the_vendors_cloud_knows_the_robot_is_told_in_the_tunnels_story(first: str) -> None:
    scene = robot()
    for what in (first, "tunnel" if first != "tunnel" else "kept message"):
        if what == "tunnel":
            scene.process(700, "/usr/local/zhexi/cloudsail/csclient", ["csclient"])
        else:
            scene.tell("config.state", name="retained-message", value=True, what="usys/uuid")
    incident = Verdicts(scene.facts).only
    assert any("the vendor's cloud has this robot on its list" in line for line in incident["story"])


def drives_by_itself(scene: Recording, *argv: str, stays: bool = False) -> None:
    """A program of the robot publishes; a script started it."""
    scene.process(700, "/bin/dash", ["sh", "/usr/local/x/job.sh"])
    scene.process(701, "/usr/bin/mosquitto_pub", ["mosquitto_pub", *argv], line=(700,))
    client, server = scene.within(701, 300, 1883)
    if not stays:
        scene.close(client)
        scene.close(server)
    published(scene)
    scene.wait(5)
    scene.process(990, "/bin/true")


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("batch", [1, 1_000])
def test_a_robot_that_its_own_program_commands_moves_by_nobodys_hand(stays: bool, batch: int) -> None:
    """A program that somebody left: no remote control, but nothing that a person there expects either."""
    scene = robot()
    drives_by_itself(scene, stays=stays)
    incident = Verdicts(scene.facts, batch).only
    assert (incident["kind"], incident["level"], incident["surface"]) == ("intrusion", "medium", "mqtt")
    title = "The robot moves and nobody is connected: mosquitto_pub commands it by controller/action"
    assert incident["title"] == title
    assert [hop["hop"] for hop in incident["origin"]] == ["process", "loopback", "service", "user"]
    assert incident["origin"][0]["exe"] == "/usr/bin/mosquitto_pub"
    assert "T0855" in incident["attack"]
    assert any("job.sh" in line for line in incident["story"])


def test_a_program_whose_arguments_name_the_topic_goes_before_those_that_came_too() -> None:
    """The vendor's publisher of states began at the same time, and stays."""
    scene = robot()
    scene.process(600, "/usr/bin/python3", ["python3", "state_publisher.py"])
    scene.within(600, 300, 1883)
    drives_by_itself(scene, "-t", "controller/action", stays=True)
    assert "mosquitto_pub commands it" in Verdicts(scene.facts).only["title"]


def test_of_two_programs_that_may_have_said_it_neither_is_blamed() -> None:
    """A guess would send somebody after the wrong program."""
    scene = robot()
    scene.process(600, "/usr/bin/python3", ["python3", "other.py"])
    scene.within(600, 300, 1883)
    drives_by_itself(scene, stays=True)
    incident = Verdicts(scene.facts).only
    assert incident["title"] == "Robot commanded by nobody who is known: controller/action"
    assert incident["sessions"] == []


def test_a_service_that_was_connected_all_day_is_not_taken_for_the_publisher() -> None:
    """It was there when nothing was said, too."""
    scene = robot()
    scene.process(600, "/usr/bin/python3", ["python3", "state_publisher.py"])
    scene.within(600, 300, 1883)
    scene.wait(600)
    published(scene)
    scene.wait(5)
    scene.process(990, "/bin/true")
    assert Verdicts(scene.facts).only["sessions"] == []


def brought_by_a_bridge(weighed_after_s: float) -> Recording:
    """A second broker on the robot brings orders; its bytes are weighed so long after the first."""
    scene = robot()
    scene.process(812, MOSQUITTO, ["mosquitto", "-c", "/tmp/bridge.conf"])
    outer = scene.dial(812)
    inner, _ = scene.within(812, 300, 1883)
    for pid in (600, 601):  # others that came to the broker then, so that nobody is blamed for a guess
        scene.process(pid, f"/usr/bin/python3.{pid}", ["python3"])
        scene.within(pid, 300, 1883)
    scene.relay(outer, inner, 812)
    published(scene)
    scene.wait(weighed_after_s)
    scene.process(990, "/bin/true")
    scene.relay(outer, inner, 812, "relay")
    scene.wait(1)
    scene.process(991, "/bin/true")
    return scene


@pytest.mark.parametrize("batch", [1, 10_000])
def test_orders_of_nobody_are_told_with_the_relay_that_turns_out_to_have_brought_them(batch: int) -> None:
    """Its bytes are weighed a while after; the incident of nobody is then a part of its own, and alerts no more."""
    found = Verdicts(brought_by_a_bridge(5).facts, batch)
    parts = [one for one in found.incidents.values() if one["joined"] is not None]
    (incident,) = (one for one in found.incidents.values() if one["joined"] is None)
    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "critical", "mqtt")
    assert not any("nobody in the controller ledger" in rule for rule in incident["rules"])
    assert any(line.endswith("and nobody was known to be there yet.") for line in incident["story"])
    assert [part["joined"] for part in parts] == [incident["id"]]


def test_orders_of_nobody_long_before_a_relay_stay_what_they_were() -> None:
    """What nobody could have sent then is not explained by whoever comes later."""
    scene = robot()
    published(scene)
    scene.wait(10)
    scene.process(990, "/bin/true")
    scene.process(812, "/opt/x/agentd", ["agentd"])
    outer = scene.dial(812)
    inner, _ = scene.within(812, 300, 1883)
    scene.relay(outer, inner, 812, "relay")
    scene.wait(1)
    scene.process(991, "/bin/true")
    found = Verdicts(scene.facts).incidents.values()
    assert any(one["title"].startswith("Robot commanded by nobody") and one["joined"] is None for one in found)
