"""The page of silences, and its form: nothing is silenced that was not previewed, has no author or no end."""

import re
import time
from typing import Any

from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.ledger import Ledger

FORM = {"robots": "go1-07", "kinds": "remote-control", "critical": "1", "until": "2h", "why": "gait tests"}


def judge(ledger: Ledger, player: Player, **changed: Any) -> None:
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session], **changed)], [session])


def test_nothing_is_silenced_is_said(operator: TestClient) -> None:
    assert "Nothing is silenced." in operator.get("/silences").text


def test_the_form_shows_what_it_would_hide_and_makes_nothing_by_that(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player)
    page = operator.post("/silences", data={**FORM, "step": "preview"}).text
    assert "<b>1</b> incident held back now" in page and "would have held back <b>1</b>" in page
    assert "Silence until" in page and "gait tests" in page and "also holds back what is critical" in page
    assert ledger.silencing.all() == []


def test_a_silence_holds_messages_back_and_tags_the_incident(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    judge(ledger, player)
    assert operator.post("/silences", data={**FORM, "step": "make"}).headers["location"] == "/silences"
    page = operator.get("/silences").text
    assert "gait tests" in page and "matches 1 now" in page and "holds back" in page
    (one,) = ledger.silencing.all()
    assert one.author == "admin" and 7190 < one.until_t - time.time() <= 7200
    for path in ("/incidents", "/incidents/i1"):
        assert "no messages until" in operator.get(path).text, path
    ended = operator.post(f"/silences/{one.id}/end", data={"why": "done"})
    assert ended.status_code == 303 and "no messages until" not in operator.get("/incidents/i1").text
    assert "ended" not in operator.get("/silences").text and "done" in operator.get("/silences?tab=over").text


def test_a_silence_that_matches_nothing_is_flagged(operator: TestClient, ledger: Ledger, player: Player) -> None:
    operator.post("/silences", data={**FORM, "step": "make"})
    assert "matches none now: is it still needed?" in operator.get("/silences").text


def test_what_cannot_be_meant_comes_back_with_all_that_was_typed(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    answer = operator.post("/silences", data={**FORM, "until": "9h", "sources": "10.0.0.0/8", "step": "make"})
    assert answer.status_code == 400 and "4 hours at most" in answer.text
    assert 'value="9h"' in answer.text and 'value="10.0.0.0/8"' in answer.text and 'value="gait tests"' in answer.text
    assert ledger.silencing.all() == []


def test_an_incident_fills_the_form_as_narrowly_as_it_is(operator: TestClient, ledger: Ledger, player: Player) -> None:
    judge(ledger, player)
    link = re.search(r'href="(/silences/new\?incident=i1)"', operator.get("/incidents/i1").text)
    assert link is not None
    page = operator.get(link[1]).text
    for value in ("go1-07", "remote-control", "ssh", "203.0.113.7"):
        assert f'value="{value}"' in page
    by_rule = operator.get(f"{link[1]}&for=rule").text
    assert "relay up\nsession through a relay" in by_rule and 'value="203.0.113.7"' not in by_rule


def test_a_group_is_silenced_as_it_is_now(operator: TestClient, ledger: Ledger, player: Player) -> None:
    Player(ledger, "go1-08")
    operator.post("/silences", data={**FORM, "robots": "go1-*", "maintenance": "1", "step": "make"})
    (one,) = ledger.silencing.all()
    assert one.robots is not None and len(one.robots) == 2 and one.maintenance
    assert "Maintenance" in operator.get("/silences").text


def test_ends_that_moved_with_the_hosts_clock_are_shown(operator: TestClient, ledger: Ledger, player: Player) -> None:
    operator.post("/silences", data={**FORM, "step": "make"})
    ledger.silencing.move_ends("boot", 0.0, 5.0, time.time())
    ledger.silencing.move_ends("boot", 600.0, 5.0, time.time())
    assert "clock moved by +600 s" in operator.get("/silences").text


def test_the_live_part_counts_in_place(operator: TestClient, ledger: Ledger, player: Player) -> None:
    operator.post("/silences", data={**FORM, "step": "make"})
    judge(ledger, player)
    slots = operator.get("/live/silences?once=1").json()["slots"]
    assert slots["silence:s1:matches"]["text"] == "matches 1 now"
