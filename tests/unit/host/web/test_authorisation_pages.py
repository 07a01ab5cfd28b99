"""Allowing sessions on the pages: seen before it is kept, never for ever, never by one tap; and taking it back."""

import html
import re
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from tests.unit.host.web.test_pages import NASTY, attacked, plain
from wachhund.authorise.listing import listed, to_tell_of
from wachhund.ledger import Authorisation, Ledger
from wachhund.ledger.acts import Search

SCOPE = {"who": "anna", "robots": "go1-07", "surface": "ssh", "sources": "203.0.113.7", "carrier": "relay",
         "until": "2h", "why": "gait tests"}  # fmt: skip


def inputs(page: str, action: str) -> dict[str, Any]:
    """What the form with that address sends when its button is pressed."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert form is not None, plain(page)
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form[0]):
        if 'type="checkbox"' in tag and " checked" not in tag:
            continue
        told = {key: html.unescape(value) for key, value in re.findall(r'(name|value)="([^"]*)"', tag)}
        found.setdefault(told["name"], []).append(told.get("value", ""))
    return found


def made(ledger: Ledger, player: Player, **changed: Any) -> Authorisation:
    now = time.time()
    fields = {
        "id": "", "who": "anna", "robots": (player.robot.id,), "surfaces": ("ssh",), "sources": ("203.0.113.7/32",),
        "carrier": "relay", "from_t": now - 60, "until_t": now + 7_200, "why": "gait", "author": "anna", "made_t": now,
    }  # fmt: skip
    return ledger.authorisations.make(Authorisation(**{**fields, **changed}))


def test_an_incident_leads_to_a_form_a_preview_and_then_to_an_authorisation(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """Prefilled as narrowly as the session was; the preview says what it would cover before anything is kept."""
    attacked(ledger, player)
    page = operator.get("/incidents/i1").text
    (link,) = re.findall(r'href="(/authorisations/new\?[^"]+)"', page)
    form = operator.get(html.unescape(link)).text
    sent = inputs(form, "/authorisations/preview")
    assert sent["robots"] == ["go1-07"] and sent["surface"] == ["ssh"] and sent["carrier"] == ["relay"]
    assert sent["sources"] == ["203.0.113.7/32"] and sent["until"] == ["2h"]
    shown = operator.post("/authorisations/preview", data={**sent, "why": "gait tests"}).text
    assert "1 session now, 0 in 30 days; would judge 1 open incident anew" in plain(shown)
    assert ledger.authorisations.all() == []
    saved = operator.post("/authorisations", data=inputs(shown, "/authorisations"))
    assert saved.status_code == 303
    (one,) = ledger.authorisations.all()
    assert (one.robots, one.surfaces, one.sources, one.carrier) == (
        (player.robot.id,), ("ssh",), ("203.0.113.7/32",), "relay",
    )  # fmt: skip
    assert (
        one.author == "admin" and one.why == "gait tests" and one.until_t - time.time() == pytest.approx(7_200, abs=60)
    )
    assert one.from_t <= time.time() - 19, "it begins with the session"
    (act,) = [act for act in ledger.log.find(Search(), 100)[1] if act.act == "authorise"]
    assert act.who == "admin" and act.why == "gait tests"


def test_the_form_of_an_incident_shows_what_it_would_cover_and_needs_only_a_reason(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    attacked(ledger, player)
    form = operator.get("/authorisations/new?incident=i1").text
    assert "1 session now" in plain(form) and "judge 1 open incident anew" in plain(form)
    sent = inputs(form, "/authorisations/preview")
    wider = operator.post("/authorisations", data={**sent, "why": "gait tests", "sources": "any"})
    assert "Nothing is saved yet" in wider.text and ledger.authorisations.all() == []
    answer = operator.post("/authorisations", data={**sent, "why": "gait tests"}, follow_redirects=False)
    assert answer.status_code == 303
    assert [one.why for one in ledger.authorisations.all()] == ["gait tests"]


def test_nothing_is_kept_that_was_not_previewed(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """One tap, a forged form, or a text that was changed after the preview: the preview comes again."""
    answer = operator.post("/authorisations", data=SCOPE)
    assert answer.status_code == 200 and "Nothing is saved yet" in answer.text
    sent = inputs(operator.post("/authorisations/preview", data=SCOPE).text, "/authorisations")
    assert "Nothing is saved yet" in operator.post("/authorisations", data={**sent, "sources": "any"}).text
    assert ledger.authorisations.all() == []
    assert operator.post("/authorisations", data=sent).status_code == 303


def test_what_covers_more_than_was_seen_is_shown_again(operator: TestClient, ledger: Ledger, player: Player) -> None:
    sent = inputs(operator.post("/authorisations/preview", data=SCOPE).text, "/authorisations")
    attacked(ledger, player)
    answer = operator.post("/authorisations", data=sent)
    assert "it covers more now than a moment ago" in answer.text and ledger.authorisations.all() == []
    assert operator.post("/authorisations", data=inputs(answer.text, "/authorisations")).status_code == 303


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"until": "31d"}, "until", "30 days are the longest"),
        ({"until": "2020-01-01"}, "until", "is over already"),
        ({"until": "for ever"}, "until", "give a time such as"),
        ({"why": " "}, "why", "give a reason"),
        ({"robots": "nobody"}, "robot", "nobody"),
        ({"robots": ""}, "robot", "say at least one"),
        ({"surface": []}, "surface", "say at least one"),
        ({"sources": "203.0.113.7/8"}, "from", "give an address"),
        ({"sources": ""}, "from", "say at least one"),
        ({"carrier": ""}, "carrier", "lan, internet, relay"),
        ({"surface": "none", "carrier": "any"}, "surface", "name it"),
    ],
)
def test_what_is_wrong_is_explained_at_its_field_and_the_text_is_kept(
    operator: TestClient, ledger: Ledger, player: Player, changed: dict[str, Any], field: str, words: str
) -> None:
    answer = operator.post("/authorisations/preview", data={**SCOPE, **changed})
    assert answer.status_code == 422
    found = re.search(rf'id="{field}-problem">([^<]+)<', answer.text)
    assert found is not None and words in html.unescape(found[1])
    kept = inputs(answer.text, "/authorisations/preview")
    assert kept["who"] == ["anna"] and kept["robots"] == [changed.get("robots", "go1-07")]
    assert ledger.authorisations.all() == []


def test_one_that_allows_nothing_new_is_explained_and_a_part_is_shown_beside_it(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """Two that say the same are one too many to end."""
    wide = made(ledger, player, sources=None, until_t=time.time() + 9_000)
    answer = operator.post("/authorisations/preview", data=SCOPE)
    assert answer.status_code == 422 and f"{wide.id} of anna allows all of this already" in plain(answer.text)
    beside = operator.post("/authorisations/preview", data={**SCOPE, "until": "8h"})
    assert beside.status_code == 200 and f"{wide.id} of anna" in plain(beside.text)


def test_a_wide_one_warns(operator: TestClient, player: Player) -> None:
    text = plain(operator.post("/authorisations/preview", data={**SCOPE, "robots": "all", "sources": "any"}).text)
    assert "Wide: it is for all robots." in text and "Wide: it is from any address." in text


def test_the_lists_say_what_each_covers_when_it_was_used_and_when_it_ends(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    now = time.time()
    used = made(ledger, player, until_t=now + 3 * 86_400)
    unused = made(ledger, player, surfaces=("web",), who="bert")
    covered = player.session(
        "s1", origin=RELAY_PATH, authorisation={"id": used.id, "who": "anna", "until_t": 0, "why": ""}
    )
    ledger.save_judgement(1, [], [covered])
    page = operator.get("/authorisations").text
    text = plain(page)
    assert text.index("bert") < text.index("anna"), "the soonest end first"
    assert "1 session now" in text and "nothing now" in text and "gait" in text
    assert "bert" in operator.get("/authorisations?tab=soon").text
    assert "anna</bdi>" not in operator.get("/authorisations?tab=soon").text
    never = operator.get("/authorisations?tab=never-used").text
    assert f'id="{unused.id}"' in never and f'id="{used.id}"' not in never
    live = html.unescape(re.findall(r'name="wachhund-live" content="([^"]+)"', page)[0])
    slots = operator.get(live + "&once=1").json()["slots"]
    assert slots[f"authorisation:{used.id}:covers"] == {"text": "1 session now"}
    assert "Nothing is allowed: every session alerts." not in text


def test_nothing_allowed_is_said_as_what_it_means(operator: TestClient) -> None:
    assert "Nothing is allowed: every session alerts." in operator.get("/authorisations").text
    assert operator.get("/authorisations?tab=nonsense").status_code == 404


def test_one_is_ended_with_a_reason(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """What ends is said first; without a reason nothing happens."""
    one = made(ledger, player)
    assert "It covers no session now." in plain(operator.get(f"/authorisations/{one.id}/end").text)
    refused = operator.post(f"/authorisations/{one.id}/end", data={"why": " "})
    assert refused.status_code == 422 and "give a reason" in refused.text
    assert operator.post(f"/authorisations/{one.id}/end", data={"why": "enough"}).status_code == 303
    (ended,) = ledger.authorisations.all()
    assert (ended.ended_by, ended.ended_why) == ("admin", "enough")
    assert "withdrawn by" in plain(operator.get("/authorisations?tab=ended").text)
    assert operator.get(f"/authorisations/{one.id}/end").status_code == 404


def test_a_session_whose_origin_is_not_known_is_left_to_a_person(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """Nothing is allowed more widely because something was not seen."""
    ledger.save_judgement(
        1, [], [player.session("s1", origin=[{"hop": "unknown", "why": "no trace"}], carrier="unknown")]
    )
    page = operator.get("/authorisations/new?session=s1").text
    sent = inputs(page, "/authorisations/preview")
    assert sent["sources"] == [""] and sent["carrier"] == [""]
    assert "where it came from is not known" in page and "by what it came is not known" in page
    assert operator.get("/authorisations/new?session=none").status_code == 404


def test_an_end_within_a_day_is_told_once(ledger: Ledger, player: Player) -> None:
    """Long ones only: a visit of two hours is told of by being made."""
    now = time.time()
    made(ledger, player)
    long = made(ledger, player, from_t=now - 5 * 86_400, made_t=now - 5 * 86_400, until_t=now + 3_600)
    made(ledger, player, until_t=now + 5 * 86_400)
    assert [one.id for one in to_tell_of(ledger, now)] == [long.id]
    ledger.authorisation_tellings.note([long.id], now)
    ledger.authorisation_tellings.note([long.id], now + 1)
    assert to_tell_of(ledger, now) == []
    assert to_tell_of(ledger, now + 4 * 86_400 + 60)[0].until_t == pytest.approx(now + 5 * 86_400)


def test_use_is_no_later_than_its_end(ledger: Ledger, player: Player) -> None:
    one = made(ledger, player)
    covering = {"id": one.id, "who": "anna", "until_t": one.until_t, "why": ""}
    ledger.save_judgement(1, [], [player.session("s1", origin=RELAY_PATH, authorisation=covering)])
    ledger.authorisations.end(one.id, "anna", "enough", time.time())
    ledger.save_judgement(2, [], [player.session("s1", origin=RELAY_PATH, incident="i1")])
    (found,) = listed(ledger, time.time() + 60)
    assert found.covers == 0 and found.last_used_t is not None
    assert found.last_used_t == pytest.approx(time.time(), abs=30)


def test_hostile_text_is_text_on_the_forms_too(operator: TestClient, ledger: Ledger, player: Player) -> None:
    path = [{"hop": "address", "address": NASTY}, {"hop": "process", "role": "relay", "exe": NASTY}]
    session = player.session("s1", origin=path, user=NASTY, incident="i1", tunnel=NASTY)
    ledger.save_judgement(1, [player.incident("i1", sessions=[session], title=NASTY)], [session])
    pages = [operator.get("/authorisations/new?incident=i1"),
             operator.post("/authorisations/preview", data={**SCOPE, "sources": "any"}),
             operator.post("/authorisations/preview", data=dict.fromkeys(SCOPE, NASTY))]  # fmt: skip
    for answer in pages:
        assert answer.status_code in (200, 422)
        assert "<script>alert" not in answer.text and "\x1b" not in answer.text and "\u202e" not in answer.text
