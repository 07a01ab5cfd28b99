"""What people do on the pages of incidents: an act stays, a refused one keeps its text, a selection survives."""

import re
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.conftest import HERE
from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.handling import Shown, Wanted, handle
from wachhund.ledger import Ledger
from wachhund.ledger.acts import Search
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.incident_view import Told
from wachhund.web.live import LiveBoard


def judge(ledger: Ledger, player: Player, *names: str, **changed: Any) -> None:
    """Incidents of an attack through a relay."""
    for name in names:
        session = player.session(f"s-{name}", origin=RELAY_PATH, user="pi", incident=name)
        ledger.save_judgement(1, [player.incident(name, sessions=[session], **changed)], [session])


def fields(page: str) -> dict[str, str]:
    """What the forms of an incident's page say of what was seen."""
    return {name: str(re.search(f'name="{name}" value="([^"]*)"', page)[1]) for name in ("version", "mark")}  # type: ignore[index]


def act(operator: TestClient, name: str, act: str, **more: str) -> Any:
    """Load the page, and do an act there."""
    seen = fields(operator.get(f"/incidents/{name}").text)
    return operator.post(f"/incidents/{name}/act", data={**seen, "act": act, **more})


def chosen(page: str) -> list[str]:
    return re.findall(r'name="chosen" value="([^"]*)"', page)


def test_an_act_on_the_page_is_done_and_shown_with_who_and_when(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player, "i1")
    assert act(operator, "i1", "acknowledge").headers["location"] == "/incidents/i1"
    act(operator, "i1", "assign", assignee="admin")
    act(operator, "i1", "comment", text="I know <him>\nfrom the lab")
    page = operator.get("/incidents/i1").text
    assert "acknowledged it" in page and "assigned it to admin" in page
    assert "I know &lt;him&gt;" in page and "from the lab" in page
    act(operator, "i1", "close", reason="false alarm", text="our own test")
    page = operator.get("/incidents/i1").text
    assert "closed it: false alarm" in page and "Open again" in page
    assert {act.act: act.by for act in ledger.handling.acts("i1")}["close"] == "admin"


def test_the_page_hands_on_the_incident_in_each_form_with_what_people_did(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """What a ticket gets is what the page shows: also who was on it."""
    judge(ledger, player, "i1", title="=x|<b>`a`")
    act(operator, "i1", "comment", text="I know <him>\nfrom the lab")
    page = operator.get("/incidents/i1").text
    for form in ("pdf", "markdown", "ocsf", "stix"):
        assert f'href="/api/v1/incidents/i1/{form}"' in page
        assert operator.get(f"/api/v1/incidents/i1/{form}").status_code == 200
        assert operator.get(f"/api/v1/incidents/i2/{form}").status_code == 404
    told = operator.get("/api/v1/incidents/i1/markdown")
    assert told.headers["content-disposition"] == 'attachment; filename="wachhund-incident-i1.md"'
    assert "admin wrote: I know <him>`" in told.text and "- `… from the lab`" in told.text
    assert "# Incident: `` =x|<b>`a` ``" in told.text
    paper = operator.get("/api/v1/incidents/i1/pdf")
    assert paper.headers["content-type"] == "application/pdf" and paper.content.startswith(b"%PDF-")


def test_each_act_stands_in_the_log_of_acts(operator: TestClient, ledger: Ledger, player: Player) -> None:
    judge(ledger, player, "i1")
    act(operator, "i1", "close", reason="test", text="ours")
    _, (newest,) = ledger.log.find(Search(), 1)
    assert (newest.who, newest.act, newest.subject, newest.robot, newest.why) == (
        "admin", "incident close", "incident i1", player.robot.id, "ours",
    )  # fmt: skip


def test_what_could_not_be_done_comes_back_with_its_text(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """Two people acted on the same incident: the second is told what the first did, and has lost no word."""
    judge(ledger, player, "i1")
    seen = fields(operator.get("/incidents/i1").text)
    handle(ledger, Shown("i1"), Wanted("acknowledge", "ben", time.time(), "mine"))
    words = "a long story that nobody types twice"
    answer = operator.post("/incidents/i1/act", data={**seen, "act": "close", "reason": "real", "text": words})
    assert answer.status_code == 409
    assert "Not saved: somebody was there before you: ben acknowledged it" in answer.text
    assert "Nothing was changed" in answer.text and words in answer.text
    assert re.search(r'value="real" required checked', answer.text)
    assert [one.by for one in ledger.handling.acts("i1")] == ["ben"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"act": "close", "reason": "", "text": "kept"}, "reason: one of"),
        ({"act": "comment", "text": "kept\x07"}, "printable"),
        ({"act": "assign", "assignee": "nemo"}, "no such person"),
        ({"act": "explode"}, "one of"),
    ],
)
def test_bad_input_is_one_line_beside_the_form_and_changes_nothing(
    operator: TestClient, ledger: Ledger, player: Player, data: dict[str, str], words: str
) -> None:
    judge(ledger, player, "i1")
    answer = act(operator, "i1", data["act"], **{name: value for name, value in data.items() if name != "act"})
    assert answer.status_code == 400 and words in answer.text
    assert ledger.handling.acts("i1") == []


def test_lists_show_what_needs_somebody_what_is_in_hand_and_what_is_over(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player, "i1", "i2", "i3")
    act(operator, "i2", "acknowledge")
    act(operator, "i3", "close", reason="real")
    tabs = {tab: operator.get(f"/incidents?tab={tab}").text for tab in ("needs-you", "acknowledged", "closed")}
    assert [chosen(page)[0].split("|")[0] for page in tabs.values()] == ["i1", "i2", "i3"]
    judge(ledger, player, "i3", last_t=time.time() + 1)
    back = operator.get("/incidents?tab=came-back").text
    assert chosen(back)[0].startswith("i3|") and "admin closed it (real), and then: it went on" in back
    assert len(chosen(operator.get("/incidents").text)) == 2


def test_filters_stand_in_the_address_with_not_and_can_be_dropped(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player, "i1")
    judge(ledger, player, "i2", level="low", title="A tunnel came up")
    assert [one.split("|")[0] for one in chosen(operator.get("/incidents?q=level:critical").text)] == ["i1"]
    assert [one.split("|")[0] for one in chosen(operator.get("/incidents?q=-level:critical").text)] == ["i2"]
    assert [one.split("|")[0] for one in chosen(operator.get("/incidents?q=tunnel robot:go1-07").text)] == ["i2"]
    assert [one.split("|")[0] for one in chosen(operator.get("/incidents?sort=oldest").text)] == ["i1", "i2"]
    none = operator.get("/incidents?q=-robot:go1-07").text
    assert "None matches" in none and "Drop the filter not robot go1-07" in none
    wrong = operator.get("/incidents?q=colour:red")
    assert wrong.status_code == 400 and "&#39;colour&#39;: one of level" in wrong.text and "colour:red" in wrong.text


def test_an_act_on_several_keeps_the_selection(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """Sentry's loudest complaint: after the first act everything has to be chosen again."""
    judge(ledger, player, "i1", "i2", "i3")
    seen = [one for one in chosen(operator.get("/incidents").text) if not one.startswith("i3|")]
    answer = operator.post("/incidents/act", data={"act": "acknowledge", "chosen": seen, "tab": "needs-you"})
    assert answer.status_code == 303
    page = operator.get(answer.headers["location"]).text
    checked = re.findall(r'value="([^"|]*)[^"]*" checked', page)
    assert sorted(checked) == ["i1", "i2"] and "Acknowledged: 2 incidents" in page
    again = [one for one in chosen(page) if one.split("|")[0] in checked]
    assert operator.post("/incidents/act", data={"act": "close", "reason": "test", "chosen": again}).status_code == 303
    assert [ledger.handling.life(name).reason for name in ("i1", "i2", "i3")] == ["test", "test", None]


def test_one_of_several_that_was_overtaken_is_named_and_the_others_are_done(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player, "i1", "i2")
    seen = chosen(operator.get("/incidents").text)
    handle(ledger, Shown("i2"), Wanted("assign", "ben", time.time(), "", "ben"))
    answer = operator.post("/incidents/act", data={"act": "close", "reason": "test", "chosen": seen, "text": "kept"})
    assert answer.status_code == 409 and "not done to 1 of 2" in answer.text
    assert "ben assigned it to ben" in answer.text and "kept" in answer.text
    assert [ledger.handling.life(name).state for name in ("i1", "i2")] == ["closed", "open"]


def test_nothing_chosen_is_said(operator: TestClient) -> None:
    answer = operator.post("/incidents/act", data={"act": "acknowledge"})
    assert answer.status_code == 400 and "choose 1 to 100 incidents" in answer.text


def test_what_to_do_has_5_steps_and_stands_before_the_acts(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player, "i1", advice=[f"step {number}" for number in range(7)])
    page = operator.get("/incidents/i1").text
    first = page[page.index("What to do") : page.index("<details", page.index("What to do"))]
    assert first.count("<li>") == 5 and page.index("Still going on?") < page.index("What to do") < page.index(
        'id="ack"'
    )


def test_who_was_told_and_whether_it_arrived_is_shown(ledger: Ledger, player: Player, door: Door) -> None:
    judge(ledger, player, "i1")
    keys = door.first_keys()
    assert keys is not None
    code = keys.code
    for tells_of, words in (
        (None, ("This host sends no messages yet",)),
        (lambda identity: [], ("Nobody was told of it",)),
        (
            lambda identity: [Told("the <night> phone", time.time(), "delivered", f"250 {identity}")],
            ("the &lt;night&gt; phone", "delivered", "250 i1"),
        ),
    ):
        with TestClient(create_app(ledger, door, LiveBoard(), tells_of=tells_of), base_url=HERE) as client:
            client.post("/login", data={"code": code})
            page = client.get("/incidents/i1").text
            code = door.new_code("admin")
        assert all(word in page for word in words)


def test_the_live_part_of_a_list_and_of_an_incident_say_where_they_stand(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player, "i1")
    assert (
        operator.get("/live/incidents?tab=needs-you&once=1").json()["slots"]["incident:i1:state"]["text"] == "needs you"
    )
    act(operator, "i1", "acknowledge")
    slots = operator.get("/live/incidents/i1?once=1").json()["slots"]
    assert slots["incident:i1:state"]["text"] == "acknowledged" and slots["incident:i1:owner"]["text"] == "admin"
    assert operator.get("/live/incidents?tab=x&once=1").status_code == 404
