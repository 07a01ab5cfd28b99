"""A campaign is one message, and not one for each robot of it."""

from typing import Any

from tests.unit.host.ledger.test_campaigns import session
from tests.unit.host.notify.conftest import Saves, T
from tests.unit.host.notify.test_deciding import make, turn, waiting
from wachhund.alerts.campaign_watch import CampaignWatch
from wachhund.alerts.handling import Shown, Wanted, handle
from wachhund.ledger import Ledger
from wachhund.notify.holding_back import by_life, nothing_held
from wachhund.notify.routing import GATHER_S, SLACK_S


def come(ledger: Ledger, save: Saves, *numbers: int, at: float = T, **more: Any) -> None:
    """Somebody comes to these robots, and the judge tells it."""
    for number in numbers:
        mine = session(f"s{number}", f"r{number}", at + number, **more)
        save(f"i-r{number}", robot=f"r{number}", sessions=[mine], first_t=at + number, last_t=at + number)
        ledger.save_judgement(ledger.judge_cursor(), [], [mine])


def look(ledger: Ledger, t: float, held: Any = nothing_held) -> None:
    CampaignWatch(ledger).look()
    turn(ledger, t, held)


def test_a_campaign_is_told_once_and_its_incidents_are_not_told_beside_it(ledger: Ledger, save: Saves) -> None:
    """Ten robots, one address: one thing to read, at the highest level, that names them."""
    make(ledger)
    come(ledger, save, *range(10))
    look(ledger, T)
    look(ledger, T + GATHER_S)
    (message,) = waiting(ledger)
    assert message.title == "[CRITICAL] 203.0.113.7 is on 10 robots, and nobody allowed it" and message.body is not None
    (record,) = message.body["event"]["data"]["incidents"]
    assert record["kind"] == "campaign" and record["from"] == "203.0.113.7" and len(record["robots"]) == 10
    assert "Robots: r0, r1, r2" in message.body["text"]
    assert f"https://host/campaigns/{record['id']}" in message.body["text"]
    assert [one.id for one in ledger.notifying.told_of("i-r7")] == [message.id], "the incident's page says who was told"
    for later in (10, 60, 1_000):
        look(ledger, T + later)
    assert len(waiting(ledger)) == 1


def test_who_is_told_of_two_robots_is_told_of_the_campaign_when_the_third_comes(ledger: Ledger, save: Saves) -> None:
    """And of a fourth when the time of quiet is over, in the same story."""
    make(ledger)
    come(ledger, save, 0, 1)
    look(ledger, T)
    look(ledger, T + GATHER_S)
    assert [one.title for one in waiting(ledger)] == ["[HIGH] 2 incidents on 2 robots: A relay on go1-07"]
    come(ledger, save, 2)
    look(ledger, T + 20)
    look(ledger, T + 20 + GATHER_S)
    assert waiting(ledger)[-1].title == "[CRITICAL] 203.0.113.7 is on 3 robots, and nobody allowed it"
    come(ledger, save, 3)
    look(ledger, T + 40)
    look(ledger, T + 60)
    assert len(waiting(ledger)) == 2
    look(ledger, T + 20 + GATHER_S + SLACK_S)
    assert waiting(ledger)[-1].title == "[CRITICAL] 203.0.113.7 is on 4 robots, and nobody allowed it"
    assert len(waiting(ledger)) == 3


def test_what_somebody_else_did_on_the_same_robot_is_told_beside_it(ledger: Ledger, save: Saves) -> None:
    """A campaign must hide nobody."""
    make(ledger)
    come(ledger, save, 0, 1, 2)
    other = session("x", "r2", address="198.51.100.1", incident="i-other")
    save("i-other", robot="r2", sessions=[other, session("s2", "r2")])
    ledger.save_judgement(ledger.judge_cursor(), [], [other])
    look(ledger, T)
    look(ledger, T + GATHER_S)
    (message,) = waiting(ledger)
    assert message.body is not None
    assert {one["id"] for one in message.body["event"]["data"]["incidents"]} >= {"i-other"}
    assert message.title.startswith("[CRITICAL] 2 incidents on 3 robots")


def test_a_route_of_some_robots_is_told_of_a_campaign_on_one_of_them(ledger: Ledger, save: Saves) -> None:
    """And a route of others is not, nor one of a higher level than it has."""
    make(ledger, "mine", robots=("r2",))
    make(ledger, "others", robots=("x*",))
    come(ledger, save, 0, 1, 2)
    look(ledger, T)
    look(ledger, T + GATHER_S)
    assert len(waiting(ledger, "mine")) == 1 and waiting(ledger, "others") == []


def test_a_campaign_whose_incidents_are_all_in_hand_rings_no_more(ledger: Ledger, save: Saves) -> None:
    """Nobody has to acknowledge the same thing twice."""
    make(ledger)
    come(ledger, save, 0, 1, 2)
    with ledger.moment(), ledger.moment():
        pass  # as in a host that serves, there are connections beside the one that writes
    for number in range(3):
        handle(ledger, Shown(f"i-r{number}"), Wanted("acknowledge", "anna", T + 10))
    look(ledger, T + 20, by_life(ledger))
    look(ledger, T + 20 + GATHER_S, by_life(ledger))
    assert waiting(ledger) == []


def test_campaigns_of_before_they_were_looked_for_are_told_to_nobody(ledger: Ledger, save: Saves) -> None:
    """An update must not wake anybody for last week."""
    make(ledger)
    ledger.notifying.say("campaigns-since", str(T + 100))
    come(ledger, save, 0, 1, 2)
    look(ledger, T + 200)
    look(ledger, T + 210)
    assert all("campaign" not in str(one.body) for one in waiting(ledger))
