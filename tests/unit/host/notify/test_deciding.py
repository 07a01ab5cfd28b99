"""Who is told of what, when: on a real ledger, with a clock that the test turns."""

from typing import Any

import pytest

from tests.unit.host.notify.conftest import Saves, T
from wachhund.ledger import Ledger, notify_queue
from wachhund.ledger.notify_records import Message, Target
from wachhund.notify import deciding, targets
from wachhund.notify.holding_back import Held, HoldsBack, nothing_held
from wachhund.notify.routing import GATHER_S, SLACK_S

PAGE = "https://host/"


def make(ledger: Ledger, name: str = "ops", **wanted: Any) -> Target:
    """A target with a route."""
    given = {
        "level": "low", "robots": (), "hours": None, "days": None, "zone": None, "after_s": 0.0, **wanted,
    }  # fmt: skip
    target = Target(f"t-{name}", name, "webhook", "", b"", (), True, T, "ada")
    route = targets.route(**given, who="ada", t=T, target=target.id)
    ledger.notifying.add(target, route)
    return target


def turn(ledger: Ledger, t: float, held: HoldsBack = nothing_held) -> None:
    """One round of the host."""
    while deciding.notice(ledger.notifying, t):
        pass
    deciding.write(ledger.notifying, held, t, PAGE)


def waiting(ledger: Ledger, name: str = "ops") -> list[Message]:
    with ledger.notifying.reading() as connection:
        return sorted(notify_queue.waiting(connection, f"t-{name}", 1000), key=lambda one: one.made_t)


def test_a_new_incident_is_told_once_after_the_time_of_gathering(ledger: Ledger, save: Saves) -> None:
    """Robot, what, from where, what to do, link; and that it goes on is no news."""
    make(ledger)
    save("a")
    turn(ledger, T)
    assert waiting(ledger) == []
    turn(ledger, T + GATHER_S)
    (message,) = waiting(ledger)
    assert message.title == "[HIGH] r1: A relay on go1-07" and message.body is not None
    text = message.body["text"]
    for said in ("Robot: r1", "What: A relay", "From where: 203.0.113.7", "1. Look at it.", "https://host/incidents/a"):
        assert said in text
    assert message.id in text
    save("a", last_t=T + 60)
    for later in (70, 80, 1000):
        turn(ledger, T + later)
    assert len(waiting(ledger)) == 1


def test_many_at_once_are_one_message_and_all_are_in_it(ledger: Ledger, save: Saves) -> None:
    """520 robots that lose their network at once are one cause."""
    make(ledger)
    for number in range(40):
        save(f"i{number:03d}", robot=f"r{number}", title=f"Silent on r{number}", rules=["silent"])
    turn(ledger, T)
    turn(ledger, T + GATHER_S)
    (message,) = waiting(ledger)
    assert message.title == "[HIGH] 40 incidents on 40 robots: Silent on r0"
    assert message.body is not None and len(message.body["event"]["data"]["incidents"]) == 40
    assert "look first at what these robots share" in message.body["text"]
    assert [one.id for one in ledger.notifying.told_of("i039")] == [message.id]


def test_a_storm_that_goes_on_is_gathered(ledger: Ledger, save: Saves) -> None:
    """One incident each 4 s for four minutes: a handful at once, then no more than one message a minute."""
    make(ledger)
    for number in range(60):
        save(f"i{number:03d}", robot=f"r{number}")
        turn(ledger, T + 4 * number)
        turn(ledger, T + 4 * number + 3)
    turn(ledger, T + 700)
    made = waiting(ledger)
    assert len(made) <= 4 * 5 + 1
    told = [one["id"] for message in made for one in (message.body or {})["event"]["data"]["incidents"]]
    assert sorted(told) == [f"i{number:03d}" for number in range(60)]


def test_what_grew_is_told_again_but_not_sooner_than_the_slack(ledger: Ledger, save: Saves) -> None:
    """Changes in between are one message; a higher level does not wait."""
    make(ledger)
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    session = {"surface": "ssh", "origin": [{"hop": "address", "address": "203.0.113.7"}]}
    save("a", last_t=T + 10, sessions=[session])
    turn(ledger, T + 10)
    save("a", last_t=T + 20, sessions=[session, {**session, "surface": "camera"}])
    for t in (T + 20, T + SLACK_S - 1):
        turn(ledger, t)
    assert len(waiting(ledger)) == 1
    turn(ledger, T + 3 + SLACK_S)
    assert len(waiting(ledger)) == 2
    save("a", last_t=T + 320, level="critical", sessions=[session])
    turn(ledger, T + 320)
    turn(ledger, T + 320 + GATHER_S)
    third = waiting(ledger)[2]
    assert third.title.startswith("[CRITICAL]") and "It has grown" in (third.body or {})["text"]


def test_one_that_closed_and_came_back_is_told_as_such(ledger: Ledger, save: Saves) -> None:
    make(ledger)
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    save("a", last_t=T + 10, state="closed", close_reason="real")
    turn(ledger, T + 10)
    save("a", last_t=T + 20, came_back=True)
    for t in (T + 20, T + 23):
        turn(ledger, t)
    assert "came back" in (waiting(ledger)[1].body or {})["text"]


def test_what_closes_before_anybody_was_told_is_not_told(ledger: Ledger, save: Saves) -> None:
    make(ledger)
    save("a")
    turn(ledger, T)
    save("a", last_t=T + 1, state="closed", close_reason="allowed")
    for t in (T + 1, T + 10):
        turn(ledger, t)
    assert waiting(ledger) == []


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"level": "high"}, ["a", "b"]),
        ({"level": "critical"}, ["b"]),
        ({"robots": ("go1-*",)}, []),
        ({"robots": ("r*",)}, ["a", "b"]),
    ],
)
def test_a_route_chooses_by_level_and_robot(
    ledger: Ledger, save: Saves, route: dict[str, Any], told: list[str]
) -> None:
    make(ledger, **route)
    save("a")
    save("b", level="critical")
    for t in (T, T + 3):
        turn(ledger, t)
    found = [one["id"] for message in waiting(ledger) for one in (message.body or {})["event"]["data"]["incidents"]]
    assert sorted(found) == told


def test_an_escalation_is_told_when_nobody_took_it_over_and_only_then(ledger: Ledger, save: Saves) -> None:
    """Held back while somebody has it; told when that is over and it still goes on."""
    make(ledger, "ops")
    make(ledger, "boss", after_s=600.0)
    save("a")
    taken_until: list[float] = []

    def held(incident: Any, grew: bool, t: float) -> Held | None:
        return Held("acknowledged by ada", taken_until[0]) if taken_until and t < taken_until[0] else None

    for t in (T, T + 3, T + 599):
        turn(ledger, t, held)
    assert (len(waiting(ledger, "ops")), waiting(ledger, "boss")) == (1, [])
    taken_until.append(T + 1800)
    turn(ledger, T + 601, held)
    assert waiting(ledger, "boss") == []
    turn(ledger, T + 1801, held)
    (message,) = waiting(ledger, "boss")
    assert "Nobody has taken it over" in (message.body or {})["text"]


def test_out_of_its_hours_a_route_waits_for_them(ledger: Ledger, save: Saves) -> None:
    """T is a Friday, 08:00 UTC: 09:00 in Berlin."""
    make(ledger, "day", hours="10:00-18:00", days="mon-fri", zone="Europe/Berlin")
    make(ledger, "night", hours="18:00-10:00", zone="Europe/Berlin")
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    assert (waiting(ledger, "day"), len(waiting(ledger, "night"))) == ([], 1)
    turn(ledger, T + 3599)
    assert waiting(ledger, "day") == []
    turn(ledger, T + 3600)
    assert len(waiting(ledger, "day")) == 1


def test_two_routes_to_one_target_are_one_message(ledger: Ledger, save: Saves) -> None:
    target = make(ledger)
    ledger.notifying.add_route(targets.route("high", (), None, None, None, 0.0, "ada", T, target.id))
    save("a")
    for t in (T, T + 3, T + 6):
        turn(ledger, t)
    assert len(waiting(ledger)) == 1


def test_what_stood_before_anybody_could_be_told_is_not_told_afterwards(ledger: Ledger, save: Saves) -> None:
    """A first target must not get the history of a year; what goes on is told."""
    save("old", state="open")
    save("going on")
    turn(ledger, T)
    make(ledger)
    save("going on", last_t=T + 30)
    for t in (T + 30, T + 33):
        turn(ledger, t)
    (message,) = waiting(ledger)
    assert [one["id"] for one in (message.body or {})["event"]["data"]["incidents"]] == ["going on"]
