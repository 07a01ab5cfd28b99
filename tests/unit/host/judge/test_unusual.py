"""What was accepted as usual is quiet, and what is not in it is told; and nothing at all before somebody accepted it.

The same facts and acts say the same in any batches, and with the mind written down and read back between them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.host.judge.recording import SSHD, START, Recording, Verdicts
from wachhund.judge.fact import Told
from wachhund.ledger import Authorisation, AuthorisationAct, Baseline, BaselineAct, Usual
from wachhund.ledger.baseline_records import UsualDestination, UsualListener, UsualProgram, UsualView

ROBOT = "r1"
AGENTD, HASH, OTHER = "/opt/x/agentd", "a" * 64, "b" * 64
CLOUD, ELSEWHERE = ("203.0.113.80", 443), ("198.51.100.9", 8443)
PYTHON, SCRIPT = "/usr/bin/python3", "/home/pi/look.py"
MIB = 1024 * 1024


def program(exe: str, *hashes: str, script: str | None = None, script_hashes: Sequence[str] = ()) -> UsualProgram:
    return UsualProgram(exe, script, tuple(hashes), tuple(script_hashes), 3, START - 9e5, START - 1e5)


def destination(exe: str, place: str, *addresses: str, port: int = 443, out: int = MIB) -> UsualDestination:
    return UsualDestination(exe, None, place, addresses, "tcp", port, 9, out, START - 9e5, START - 1e5)


USUAL = Usual(
    (program(AGENTD, HASH), program(SSHD), program(PYTHON, HASH, script=SCRIPT, script_hashes=[HASH])),
    (destination(AGENTD, CLOUD[0]), destination(AGENTD, "api.example", "203.0.113.81")),
    (UsualListener(SSHD, None, "tcp", 22, "any", 1), UsualListener(AGENTD, None, "tcp", 9000, "loopback", 1)),
    (UsualView(PYTHON, SCRIPT, "/dev/video0", 4),),
    7, 10 * MIB, 40 * MIB,
)  # fmt: skip
BASELINE = Baseline("b1", ROBOT, START - 7 * 86_400, START - 60, False, USUAL, "a week at the fair", "anna", START - 60)
LIMITED = replace(BASELINE, limited=True)


def accepted(one: Baseline = BASELINE, t: float = START - 60, number: int = 1) -> BaselineAct:
    return BaselineAct(number, "accepted", t, one.author, one.why, 0, 0, one)


def ended(t: float, number: int = 2) -> BaselineAct:
    return BaselineAct(number, "ended", t, "bert", "moved", 0, 0, replace(BASELINE, ended_by="bert", ended_why="moved"))


def judged(told: Sequence[Told]) -> Verdicts:
    """What the judge says, in one batch, in small ones, and by heart."""
    whole = Verdicts(told)  # type: ignore[arg-type]
    for batch in (1, 3, 7):
        cut = Verdicts(told, batch=batch)  # type: ignore[arg-type]
        assert (cut.incidents, cut.sessions) == (whole.incidents, whole.sessions)
    return whole


def robot(sha256: str | None = HASH, exe: str = AGENTD) -> Recording:
    scene = Recording(ROBOT)
    scene.coverage()
    scene.process(700, exe, exe_sha256=sha256)
    return scene


def calls(scene: Recording, address: tuple[str, int] = CLOUD, size: int = 512) -> Recording:
    """As regular as a clock, for two hours."""
    for _ in range(40):
        flow = scene.dial(700, address)
        scene.wait(0.5)
        scene.close(flow, 400, size)
        scene.wait(180)
    return scene


def test_before_anybody_accepted_it_nothing_is_quiet_and_nothing_more_is_told() -> None:
    """What was only learned is nobody's word."""
    scene = calls(robot())
    scene.dial(700, ELSEWHERE)
    scene.listen(4444, 700, AGENTD, scope="lan")
    incident = judged(scene.facts).only
    assert incident["title"] == "Regular calls: agentd to 203.0.113.80"
    assert (incident["state"], incident["rules"]) == ("open", ["behaviour: regular calls (beacon score)"])


@pytest.mark.parametrize("limited", [False, True])
def test_regular_calls_to_an_accepted_destination_make_no_incident(limited: bool) -> None:
    """The updater that calls each three minutes is what the baseline is for."""
    assert judged([accepted(replace(BASELINE, limited=limited)), *calls(robot()).facts]).incidents == {}


def test_a_name_that_was_accepted_covers_its_new_addresses_and_its_old_ones_without_the_name() -> None:
    """A cloud moves; and after a restart the agent has not heard the look-up."""
    scene = robot()
    for remote, more in ((("192.0.2.55", 443), {"remote_name": "API.example"}), (("203.0.113.81", 443), {})):
        for _ in range(40):
            flow = scene.dial(700, remote, **more)
            scene.wait(0.5)
            scene.close(flow, 400, 512)
            scene.wait(180)
    assert judged([accepted(LIMITED), *scene.facts]).incidents == {}


@pytest.mark.parametrize(
    "scene",
    [
        calls(robot(), ELSEWHERE), calls(robot(OTHER)), calls(robot(None)), calls(robot(HASH, "/tmp/agentd")),
        calls(robot(HASH, "/opt/x/agent")),
    ],
    ids=["another destination", "another file", "a file that nobody hashed", "the same name", "the same file"],
)  # fmt: skip
def test_who_borrows_name_or_path_or_calls_another_is_told_as_ever(scene: Recording) -> None:
    """A path is a name that anybody may take; the hash of the file is not."""
    incident = judged([accepted(), *scene.facts]).only
    assert incident["rules"] == ["behaviour: regular calls (beacon score)"]
    assert incident["state"] == "open"


def test_much_more_than_the_accepted_volume_is_told_as_ever() -> None:
    """An accepted destination is no licence to carry everything away."""
    scene = robot()
    scene.close(scene.dial(700, CLOUD), 1, 300 * MIB)
    found = judged([accepted(replace(BASELINE, usual=replace(USUAL, largest_out=900 * MIB))), *scene.facts]).only
    assert found["title"] == "Much data out: agentd to 203.0.113.80"
    more = (destination(AGENTD, CLOUD[0], out=200 * MIB),)
    wide = replace(BASELINE, usual=replace(USUAL, destinations=more, largest_out=900 * MIB))
    assert judged([accepted(wide), *scene.facts]).incidents == {}


def test_an_open_incident_closes_itself_says_by_what_and_comes_back_when_the_baseline_ends() -> None:
    """Accepting is an act with a name to it: the story keeps whose."""
    scene = calls(robot())
    t = scene.facts[-1].t + 1
    incident = judged([*scene.facts, accepted(t=t)]).only
    assert (incident["state"], incident["close_reason"]) == ("closed", "allowed")
    assert "usual by baseline b1, accepted by anna on 2023-11-14" in incident["story"][-1]
    again = judged([*scene.facts, accepted(t=t), ended(t + 9)]).only
    assert (again["id"], again["state"], again["came_back"]) == (incident["id"], "open", True)


def test_what_was_quiet_is_told_with_its_whole_story_when_the_baseline_ends() -> None:
    scene = calls(robot())
    incident = judged([accepted(), *scene.facts, ended(scene.facts[-1].t + 1)]).only
    assert incident["state"] == "open" and incident["first_t"] < START + 7_000


def test_of_a_tunnel_that_a_rule_names_it_keeps_nothing_quiet() -> None:
    """A baseline learned while the vendor's tunnel ran must not hide the tunnel."""
    csclient = "/usr/local/zhexi/cloudsail/csclient"
    held = replace(
        USUAL, programs=(program(csclient),), destinations=(destination(csclient, CLOUD[0]),), largest_out=999 * MIB
    )
    incident = judged([accepted(replace(LIMITED, usual=held)), *calls(robot(None, csclient)).facts]).only
    assert incident["tunnel"] == "CloudSail" and incident["state"] == "open"


def test_a_destination_that_is_not_on_the_list_is_one_incident_however_often_it_is_called() -> None:
    scene = robot()
    for _ in range(5):
        flow = scene.dial(700, ELSEWHERE, remote_name="evil.example")
        scene.tell("flow.update", **scene.facts[-1].observation.fields)
        scene.close(flow)
        scene.wait(60)
    incident = judged([accepted(LIMITED), *scene.facts]).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "medium")
    assert incident["title"] == "A destination that is not on the list: agentd to evil.example:8443"
    (line,) = [line for line in incident["story"] if "called evil.example:8443 (198.51.100.9)" in line]
    assert "it is not in baseline b1, accepted by anna" in line
    assert len(incident["evidence"]) == 5
    assert judged([accepted(BASELINE), *scene.facts]).incidents == {}


def test_each_program_and_destination_has_its_own_and_very_many_share_one() -> None:
    """A scan must not push the other incidents out of mind."""
    scene = robot()
    for number in range(40):
        scene.dial(700, (f"198.51.100.{number}", 443))
    found = judged([accepted(LIMITED), *scene.facts]).incidents.values()
    assert len(found) == 33
    assert [one["title"] for one in found].count("Many destinations that are not on the list") == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exe_sha256": OTHER}, "the file by its name holds something else"),
        ({"exe": "/tmp/agentd"}, "has it for another program only"),
        ({"exe_sha256": None}, "nobody could tell what the file by its name holds"),
    ],
)
def test_who_borrows_a_programs_place_on_the_list_is_found(fields: dict[str, Any], words: str) -> None:
    scene = Recording(ROBOT)
    scene.process(700, fields.pop("exe", AGENTD), **{"exe_sha256": HASH, **fields})
    scene.dial(700, CLOUD)
    incident = judged([accepted(LIMITED), *scene.facts]).only
    assert incident["rules"] == ["behaviour: destination that is not on the list"]
    assert any(words in line for line in incident["story"])


def test_a_hash_that_comes_a_little_later_decides_and_is_waited_for() -> None:
    """Hashing takes longer than telling: a slow disk is no attack, and a fast thief is still found."""
    for sha256, count in ((HASH, 0), (OTHER, 1)):
        scene = robot(None)
        flow = scene.dial(700, CLOUD)
        scene.close(flow)
        scene.tell("process.exit", puid="700-9", pid=700)
        scene.wait(30)
        assert judged([accepted(LIMITED), *scene.facts[:-1]]).only["level"] == "medium", "at the end of all facts"
        scene.tell("process.image", puid="700-9", exe=AGENTD, exe_sha256=sha256)
        scene.wait(1_000)
        scene.tell("heartbeat")
        assert len(judged([accepted(LIMITED), *scene.facts]).incidents) == count


def test_workers_of_one_file_share_its_hash_and_what_ran_before_them_does_not() -> None:
    """Only the first that asks for a file's hash is named with it. Who came before had another file."""
    scene = robot(None)
    scene.process(701, AGENTD)
    scene.process(702, AGENTD)
    scene.tell("process.image", puid="701-9", exe=AGENTD, exe_sha256=HASH)
    scene.dial(701, CLOUD)
    scene.dial(702, CLOUD)
    assert judged([accepted(LIMITED), *scene.facts]).incidents == {}
    scene.dial(700, CLOUD)
    assert len(judged([accepted(LIMITED), *scene.facts]).incidents) == 1


def test_a_start_that_was_only_counted_is_known_by_what_its_path_held_lately() -> None:
    """Of the sixth start within minutes no process is told: then every file counts that had the name."""
    scene = robot()
    scene.flow("open", "x1", "out", ("10.0.0.1", 4_000), CLOUD, None, exe=AGENTD, puid="990-1")
    assert judged([accepted(LIMITED), *scene.facts]).incidents == {}
    scene.process(701, AGENTD, exe_sha256=OTHER)
    scene.process(702, AGENTD, exe_sha256=HASH)
    scene.flow("open", "x2", "out", ("10.0.0.1", 4_001), CLOUD, None, exe=AGENTD, puid="991-1")
    assert len(judged([accepted(LIMITED), *scene.facts]).incidents) == 1


def test_a_connection_of_nobody_is_held_against_the_list_alone() -> None:
    """Its owner was too quick; where it went is known all the same."""
    scene = robot()
    scene.flow("open", "x1", "out", ("10.0.0.1", 4_000), CLOUD, None)
    assert judged([accepted(LIMITED), *scene.facts]).incidents == {}
    scene.flow("open", "x2", "out", ("10.0.0.1", 4_001), ELSEWHERE, None)
    assert "a program that was not seen to 198.51.100.9:8443" in judged([accepted(LIMITED), *scene.facts]).only["title"]


def test_an_owner_that_is_named_a_moment_later_is_the_one_that_counts() -> None:
    scene = robot(HASH, "/tmp/x")
    scene.flow("open", "x1", "out", ("10.0.0.1", 4_000), CLOUD, None)
    scene.flow("update", "x1", "out", ("10.0.0.1", 4_000), CLOUD, 700)
    scene.wait(60)
    scene.tell("heartbeat")
    assert judged([accepted(LIMITED), *scene.facts]).only["title"].endswith("x to 203.0.113.80:443")


def test_what_is_open_when_the_list_is_accepted_is_held_against_it() -> None:
    scene = robot()
    scene.dial(700, ELSEWHERE)
    before = list(scene.facts)
    scene.wait(10)
    scene.tell("flow.update", **before[-1].observation.fields)
    told = [*before, accepted(LIMITED, START + 5), *scene.facts[len(before) :]]
    assert len(judged(told).incidents) == 1
    assert judged(told[:-1]).incidents == {}


def test_a_newer_baseline_that_holds_it_closes_the_incident_and_its_end_opens_none() -> None:
    """The usual way out of an alert: look, then accept anew."""
    scene = robot()
    scene.dial(700, ELSEWHERE)
    scene.listen(4_444, 700, AGENTD)
    first: list[Told] = [accepted(LIMITED), *scene.facts]
    assert {one["state"] for one in judged(first).incidents.values()} == {"open"}
    held = replace(
        USUAL,
        destinations=(*USUAL.destinations, destination(AGENTD, ELSEWHERE[0], port=ELSEWHERE[1])),
        listeners=(*USUAL.listeners, UsualListener(AGENTD, None, "tcp", 4_444, "any", 1)),
    )
    then = [*first, accepted(replace(LIMITED, id="b2", usual=held), START + 60, 2)]
    found = judged(then).incidents.values()
    assert [(one["state"], one["close_reason"]) for one in found] == [("closed", "allowed")] * 2
    after = judged([*then, ended(START + 90, 3)]).incidents.values()
    assert {one["state"] for one in after} == {"closed"}


def test_where_the_program_has_an_incident_it_is_a_part_of_that_story() -> None:
    scene = robot(None, "/usr/local/zhexi/cloudsail/csclient")
    scene.dial(700, ELSEWHERE)
    scene.listen(4_444, 700, "/usr/local/zhexi/cloudsail/csclient")
    incident = judged([accepted(LIMITED), *scene.facts]).only
    assert incident["tunnel"] == "CloudSail"
    assert {"behaviour: destination that is not on the list", "behaviour: unusual listener"} <= set(incident["rules"])
    assert "CloudSail" in incident["title"], "what a rule names says more"


def test_a_tunnel_that_is_allowed_by_its_name_may_dial_though_it_is_not_on_the_list() -> None:
    """Who allowed the way in has allowed that it is there."""
    scene = robot(None, "/usr/local/zhexi/cloudsail/csclient")
    scene.dial(700, ELSEWHERE)
    one = Authorisation("a1", "anna", None, (), None, "CloudSail", START - 60, START + 9_000, "x", "bert", START - 60)
    allowed = AuthorisationAct(1, "made", START - 60, "bert", "x", 0, 0, one)
    assert judged([allowed, accepted(LIMITED, number=2), *scene.facts]).incidents == {}


def test_a_listener_that_other_machines_reach_and_nobody_accepted_is_told_once_a_program() -> None:
    scene = robot()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.listen(4_444, 700, AGENTD)
    scene.listen(4_445, 700, AGENTD)
    incident = judged([accepted(), *scene.facts]).only
    assert (incident["kind"], incident["level"], incident["attack"]) == ("posture", "medium", ["T1571"])
    assert incident["title"] == "An unusual listener: agentd on port 4445 (tcp)"
    assert len(incident["story"]) == 2
    assert incident["origin"][-1]["role"] == "program"


@pytest.mark.parametrize(
    ("fields", "is_told"),
    [
        ({"scope": "loopback", "local": ["127.0.0.1", 4_444]}, False),
        ({"scope": "lan", "local": ["192.168.12.1", 4_444]}, True),
        ({"local": ["0.0.0.0", 9_000]}, True),
        ({"proto": "udp", "local": ["0.0.0.0", 40_000]}, False),
        ({"proto": "udp", "local": ["0.0.0.0", 4_000]}, True),
        ({"existing": True}, True),
    ],
    ids=["loopback", "lan", "loopback before", "answers", "datagrams", "there before"],
)
def test_which_listeners_are_told(fields: dict[str, Any], is_told: bool) -> None:
    """One that was accepted on loopback was not accepted for everybody; a given datagram port only takes answers."""
    scene = robot()
    scene.listen(4_444, 700, AGENTD, **fields)
    assert bool(judged([accepted(), *scene.facts]).incidents) is is_told


@pytest.mark.parametrize(
    ("exe", "fields", "is_told"),
    [
        (AGENTD, {}, True),
        (AGENTD, {"existing": True}, False),
        (AGENTD, {"scope": "lan", "local": ["192.168.12.1", 4_444]}, False),
        (AGENTD, {"scope": "loopback", "local": ["127.0.0.1", 4_444]}, False),
        (AGENTD, {"proto": "udp"}, False),
        (AGENTD, {"local": ["0.0.0.0", 11_311]}, False),
        (AGENTD, {"local": ["0.0.0.0", 41_234]}, False),
        ("/usr/bin/python3", {}, False),
    ],
    ids=["new", "there before", "one network", "loopback", "datagrams", "a known service", "given", "of the system"],
)
def test_a_new_port_for_all_networks_is_told_without_a_baseline_too(
    exe: str, fields: dict[str, Any], is_told: bool
) -> None:
    """A door that somebody opened to the modem's network waits for nobody to have made a list."""
    scene = robot(exe=exe)
    scene.listen(4_444, 700, exe, **fields)
    verdicts = judged(scene.facts)
    assert bool(verdicts.incidents) is is_told
    if is_told:
        assert (verdicts.only["kind"], verdicts.only["level"]) == ("posture", "medium")
        assert verdicts.only["title"] == "A new port for all networks: agentd on port 4444 (tcp)"
        assert verdicts.only["attack"] == ["T1571"]


def test_a_script_from_outside_of_the_system_opens_its_own_port_and_not_its_interpreters() -> None:
    """Python is the system's; what it runs is not."""
    scene = Recording(ROBOT)
    scene.process(700, "/usr/bin/python3", ["python3", "/home/pi/x.py"], script="/home/pi/x.py")
    scene.listen(4_444, 700, "/usr/bin/python3")
    assert judged(scene.facts).only["title"] == "A new port for all networks: x.py (python3) on port 4444 (tcp)"


def test_a_new_port_that_is_accepted_as_usual_closes_its_incident() -> None:
    """The person who put it there says so once."""
    held = replace(USUAL, listeners=(UsualListener(AGENTD, None, "tcp", 4_444, "any", 5),))
    scene = robot()
    scene.listen(4_444, 700, AGENTD)
    told = [*scene.facts, accepted(replace(BASELINE, usual=held), t=START + 60)]
    assert (judged(told).only["state"], judged(told).only["close_reason"]) == ("closed", "allowed")


def test_the_port_of_a_visitor_from_the_local_network_is_his_own() -> None:
    """A developer tries what he writes."""
    scene = Recording(ROBOT)
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    scene.process(910, SSHD, line=(100,))
    scene.accept(910, 22, "192.168.12.30")
    scene.ssh_login(100, 910)
    scene.process(920, AGENTD, line=(913, 911, 910, 100), user="pi")
    scene.listen(4_444, 920, AGENTD)
    assert judged(scene.facts).incidents == {}


def test_ports_that_the_kernel_gives_are_accepted_as_that() -> None:
    """ROS nodes listen on another port after each start."""
    held = replace(USUAL, listeners=(UsualListener(AGENTD, None, "tcp", None, "any", 5),))
    scene = robot()
    scene.listen(41_234, 700, AGENTD)
    assert judged([accepted(replace(BASELINE, usual=held)), *scene.facts]).incidents == {}
    scene.listen(4_444, 700, AGENTD)
    assert len(judged([accepted(replace(BASELINE, usual=held)), *scene.facts]).incidents) == 1


def test_a_visitors_forwarded_port_stays_one_incident() -> None:
    """ssh -R from the local network is told already: the baseline adds to that story."""
    scene = Recording(ROBOT)
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, "192.168.12.30")
    scene.ssh_login(100, 900)
    scene.listen(8_080, 901, SSHD, user="pi")
    incident = judged([accepted(), *scene.facts]).only
    assert "behaviour: unusual listener" in incident["rules"] and "ssh session opened port" in incident["title"]


def looks(scene: Recording, pid: int, exe: str, **more: Any) -> None:
    owner = {"puid": f"{pid}-9", "pid": pid, "exe": exe, "user": "pi"}
    scene.tell("camera.open", **{"camera": "/dev/video0", "via": "v4l2", "viewer": None, **owner, **more})


@pytest.mark.parametrize(
    ("fields", "is_told"),
    [
        ({}, False), ({"script": "/tmp/look.py"}, True), ({"script_sha256": OTHER}, True),
        ({"exe_sha256": OTHER}, True), ({"script": None}, True),
    ],
    ids=["the same", "another script", "the script changed", "another interpreter", "no script"],
)  # fmt: skip
def test_a_program_at_the_camera_is_the_one_that_was_accepted_or_is_told(fields: dict[str, Any], is_told: bool) -> None:
    """An interpreter is what it runs: python3 at a camera says nothing."""
    scene = Recording(ROBOT)
    scene.process(710, PYTHON, **{"script": SCRIPT, "exe_sha256": HASH, "script_sha256": HASH, **fields})
    looks(scene, 710, PYTHON)
    verdicts = judged([accepted(), *scene.facts])
    assert bool(verdicts.incidents) is is_told
    if is_told:
        incident = verdicts.only
        assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-viewing", "low", "camera")
        assert "python3" in incident["title"] and "/dev/video0" in incident["title"]


def test_a_program_at_the_camera_that_is_connected_outside_stays_one_story() -> None:
    """It is a relay of pictures first; that it is unusual is a part of it."""
    scene = robot()
    scene.dial(700, ELSEWHERE)
    looks(scene, 700, AGENTD)
    incident = judged([accepted(), *scene.facts]).only
    assert incident["level"] == "high"
    assert "behaviour: unusual program at a camera or microphone" in incident["rules"]


def test_a_microphone_counts_and_what_only_passes_on_does_not() -> None:
    scene = robot()
    looks(scene, 700, AGENTD, camera="/dev/snd/pcmC0D0c", via="alsa")
    assert judged([accepted(), *scene.facts]).only["surface"] == "microphone"
    scene = robot(HASH, "/usr/sbin/nginx")
    looks(scene, 700, "/usr/sbin/nginx", via="proxy", candidates=[["192.168.12.30", 4]])
    assert judged([accepted(), *scene.facts]).incidents == {}


def sends(scene: Recording, *amounts: int) -> None:
    """Cumulative bytes of one connection, every two minutes."""
    scene.dial(700, CLOUD, bytes_out=0)
    first = scene.facts[-1].observation.fields
    for amount in amounts:
        scene.wait(120)
        scene.tell("flow.update", **{**first, "bytes_out": amount, "bytes_in": amount})


@pytest.mark.parametrize(
    ("largest", "sent", "is_told"), [(40, 119, False), (40, 121, True), (1, 63, False), (1, 66, True)]
)
def test_more_than_three_times_the_largest_day_and_64_mib_is_told(largest: int, sent: int, is_told: bool) -> None:
    scene = robot()
    sends(scene, sent * MIB // 2, sent * MIB)
    one = replace(BASELINE, usual=replace(USUAL, largest_out=largest * MIB))
    verdicts = judged([accepted(one), *scene.facts])
    assert bool(verdicts.incidents) is is_told
    if is_told:
        assert (verdicts.only["kind"], verdicts.only["level"]) == ("tunnel", "low")
        assert f"most by agentd {sent} MiB" in verdicts.only["story"][0]


def test_volume_is_told_once_and_each_time_it_doubled_not_with_each_look() -> None:
    scene = robot()
    sends(scene, *(100 * MIB * number for number in range(1, 20)))
    incident = judged([accepted(), *scene.facts]).only
    assert len(incident["evidence"]) <= 5


def test_volume_of_two_days_is_two_days() -> None:
    """What a connection had sent when a new day began, or the agent, belongs to no day."""
    scene = robot()
    scene.wait(86_400 - START % 86_400 - 180)
    sends(scene, 100 * MIB, 200 * MIB)
    assert judged([accepted(), *scene.facts]).incidents == {}
    scene = robot()
    scene.dial(700, CLOUD, bytes_out=900 * MIB, bytes_in=900 * MIB, existing=True)
    assert judged([accepted(), *scene.facts]).incidents == {}


def test_what_a_hostile_robot_calls_its_programs_stays_text() -> None:
    evil = "/tmp/\x1b[2J\u202e<script>"
    scene = robot(HASH, evil)
    scene.dial(700, ELSEWHERE, remote_name="\x1bevil\n.example")
    scene.listen(4_444, 700, evil)
    looks(scene, 700, evil, camera="\x1bcam")
    for incident in judged([accepted(LIMITED), *scene.facts]).incidents.values():
        for text in (incident["title"], *incident["story"]):
            assert not any(sign in text for sign in "\x1b\u202e\n")


def test_a_robot_that_floods_fills_no_memory() -> None:
    """Each table has its bound: programs, files, what waits for a hash."""
    from wachhund.judge.engine import Judge
    from wachhund.judge.programs import MAX_FILES
    from wachhund.judge.unusual import MAX_UNDECIDED

    scene = robot(None)
    for number in range(1_500):
        scene.process(2_000 + number, f"/tmp/{number}", exe_sha256=None)
        scene.process(4_000 + number, f"/opt/{number}", exe_sha256=None)
        scene.dial(700, CLOUD)
    judge = Judge(())
    judge.feed([accepted(LIMITED), *scene.facts])
    state = judge._robots[ROBOT]
    assert len(state.files.told) == MAX_FILES and len(state.undecided) <= MAX_UNDECIDED
    assert len(state.incidents.by_id) == 1


def test_what_was_erased_is_out_of_mind_and_what_was_accepted_stays() -> None:
    """Files, what waits and how much went out were told by the robot; the baseline a person accepted."""
    from wachhund.judge import forgetting
    from wachhund.judge.engine import Judge

    scene = robot(None)
    sends(scene, 5 * MIB)
    judge = Judge(())
    judge.feed([accepted(LIMITED), *scene.facts])
    state = judge._robots[ROBOT]
    assert state.undecided and state.files.told and state.files.waiting and state.out.sent
    forgetting.forget(state, forgetting.Forgotten(ROBOT, START, START + 9_000, False))
    assert not (state.undecided or state.files.told or state.files.waiting or state.out.sent)
    assert state.accepted is not None


def test_what_waits_for_a_hash_is_held_against_the_baseline_that_counts_then() -> None:
    """Replaced meanwhile by one without a list: then no connection is told. Ended: nothing is."""
    scene = robot(None)
    scene.dial(700, CLOUD)
    scene.listen(9_001, 700, AGENTD)
    held = replace(USUAL, listeners=(UsualListener(AGENTD, None, "tcp", 9_001, "any", 1),))
    limited = replace(LIMITED, usual=held)
    assert len(judged([accepted(limited), *scene.facts]).incidents) == 2
    wide = accepted(replace(BASELINE, id="b2", usual=held), START + 9, 2)
    assert judged([accepted(limited), *scene.facts, wide]).only["kind"] == "posture"
    assert judged([accepted(limited), *scene.facts, ended(START + 9)]).incidents == {}


def test_a_raw_socket_opens_no_port() -> None:
    """A ping needs one: what it takes is a protocol, told where a port would stand."""
    scene = Recording()
    scene.process(700, "/home/pi/pings")
    scene.listen(1, 700, "/home/pi/pings", proto="raw")

    assert Verdicts(scene.facts).incidents == {}
