"""`agent.drill` becomes a DRILL and nothing else does; a DRILL hides nothing and grows to nothing."""

from typing import Any

from tests.unit.host.judge.recording import Recording, Verdicts
from tests.unit.host.judge.test_allowing import ssh_through_a_relay

HOUR = 3600.0


def incidents(scene: Recording) -> list[dict[str, Any]]:
    return list(Verdicts(scene.facts).incidents.values())


def test_a_drill_is_an_incident_that_says_so_in_its_title_and_story() -> None:
    scene = Recording()
    scene.tell("agent.drill", number=1, every_s=24 * HOUR)
    (incident,) = incidents(scene)
    assert (incident["kind"], incident["level"], incident["state"]) == ("drill", "informational", "open")
    assert incident["title"].startswith("DRILL: ") and "DRILL: " in incident["story"][0]
    assert incident["advice"][0] == "Nothing has happened, and nothing is to be done on the robot."


def test_only_the_first_of_a_robot_waits_for_somebody() -> None:
    """500 robots must not put 500 incidents a day before anybody; an agent that starts anew makes no second one."""
    scene = Recording()
    for hours in (0, 1, 24, 1, 23, 72):
        scene.wait(hours * HOUR)
        scene.tell("agent.drill", number=1, every_s=24 * HOUR)
    made = sorted(incidents(scene), key=lambda one: one["first_t"])
    assert [(one["state"], one["close_reason"]) for one in made] == [("closed", "drill")] * 4
    once = Recording()
    once.tell("agent.drill", number=1, every_s=24 * HOUR)
    once.wait(HOUR)
    once.tell("agent.drill", number=1, every_s=24 * HOUR)
    assert [one["state"] for one in incidents(once)] == ["open"]


def test_a_drill_in_the_middle_of_an_attack_changes_nothing_of_it() -> None:
    """Who is root on a robot can make drills as he likes, with whatever in them."""
    plain = incidents(ssh_through_a_relay())
    scene = ssh_through_a_relay()
    for at in range(0, len(scene.facts), 2):
        fact = scene.tell("agent.drill", number="\u202e", every_s=None, exe="/bin/sh", pid=812, puid="x", flow="f1")
        scene.facts.remove(fact)
        scene.facts.insert(at, fact)
    scene.facts.sort(key=lambda fact: fact.observation.mono)
    found = incidents(scene)
    names = ("kind", "level", "title", "state", "rules", "attack", "origin", "surface")
    shown = [{name: one[name] for name in names} for one in found if one["kind"] != "drill"]
    assert shown == [{name: one[name] for name in names} for one in plain]
    assert {one["kind"] for one in found} == {"drill", *(one["kind"] for one in plain)}
    assert not any(one["title"].startswith("DRILL") for one in found if one["kind"] != "drill")
