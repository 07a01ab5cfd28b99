"""What people do on pages, programs do by the API: the same record, the same refusals, in JSON."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.ledger import Ledger

ALLOWED = {
    "robots": ["go1-07"], "surfaces": ["ssh"], "sources": ["any"], "carrier": "relay", "who": "Kim", "why": "a demo",
}  # fmt: skip


@pytest.fixture
def attacked(ledger: Ledger, player: Player) -> Player:
    """One incident with a session that goes on."""
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1", surface="ssh")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])
    return player


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json", answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_an_incident_is_acknowledged_and_closed_by_a_program(
    operator: TestClient, ledger: Ledger, attacked: Player
) -> None:
    at = "/api/v1/incidents/i1/acts"
    assert operator.get(at).json()["state"] == "open"
    first = operator.post(at, json={"act": "acknowledge", "text": "on it", "version": 0})
    assert first.status_code == 200 and first.json()["state"] == "acknowledged"
    overtaken = operator.post(at, json={"act": "close", "reason": "real", "version": 0})
    assert "somebody was there before you" in problem(overtaken, 409)["detail"]
    said = operator.post(at, json={"act": "comment", "text": "it was the cleaner"}).json()
    assert [(act["act"], act["text"]) for act in said["acts"]] == [
        ("acknowledge", "on it"), ("comment", "it was the cleaner"),
    ]  # fmt: skip
    assert [act.act for act in ledger.handling.acts("i1")] == ["acknowledge", "comment"]


@pytest.mark.parametrize(
    "body",
    [
        {"act": "close", "reason": "because"},
        {"act": "close"},
        {"act": "comment"},
        {"act": "assign", "assignee": "nobody that there is"},
        {"act": "reopen"},
        {"act": "explode"},
        {"act": "acknowledge", "force": True},
        {"act": "comment", "text": "\x1b[2J"},
        {},
    ],
)
def test_an_act_that_cannot_be_is_told_and_changes_nothing(
    operator: TestClient, ledger: Ledger, attacked: Player, body: dict[str, Any]
) -> None:
    problem(operator.post("/api/v1/incidents/i1/acts", json=body), 422)
    assert ledger.handling.acts("i1") == []
    problem(operator.post("/api/v1/incidents/none/acts", json={"act": "acknowledge"}), 404)


def test_sessions_are_allowed_after_what_that_would_cover_was_seen(
    operator: TestClient, ledger: Ledger, attacked: Player
) -> None:
    seen = operator.post("/api/v1/authorisations/preview", json=ALLOWED).json()
    assert [session["id"] for session in seen["now"]] == ["s1"] and ledger.authorisations.all() == []
    made = operator.post("/api/v1/authorisations", json=ALLOWED)
    assert made.status_code == 201
    assert (made.json()["who"], made.json()["robots"], made.json()["state"]) == ("Kim", ["go1-07"], "valid")
    again = problem(operator.post("/api/v1/authorisations", json={**ALLOWED, "until": "1h"}), 422)
    assert again["errors"][0]["where"] == "body.until" and "allows all of this already" in again["detail"]
    at = f"/api/v1/authorisations/{made.json()['id']}/end"
    assert operator.post(at, json={"why": "the demo is over"}).json()["state"] == "withdrawn"
    assert "ended already" in problem(operator.post(at, json={"why": "twice"}), 409)["detail"]
    problem(operator.post("/api/v1/authorisations/none/end", json={"why": "x"}), 404)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"robots": ["nobody"]}, "body.robot"),
        ({"surfaces": ["teleport"]}, "body.surface"),
        ({"sources": ["everywhere"]}, "body.from"),
        ({"why": " "}, "body.why"),
        ({"until": "soon"}, "body.until"),
        ({"robots": []}, "body.robots"),
        ({"author": "somebody else"}, "body.author"),
    ],
)
def test_each_part_of_an_authorisation_that_is_no_use_is_named(
    operator: TestClient, ledger: Ledger, player: Player, changed: dict[str, Any], where: str
) -> None:
    told = problem(operator.post("/api/v1/authorisations", json={**ALLOWED, **changed}), 422)
    assert where in [one["where"] for one in told["errors"]], told
    assert ledger.authorisations.all() == []


def test_messages_are_silenced_and_it_ends(operator: TestClient, ledger: Ledger, attacked: Player) -> None:
    wanted = {"robots": ["go1-07"], "until": "1h", "critical": True, "why": "a motor is changed"}
    assert operator.post("/api/v1/silences/preview", json=wanted).json()["now"] == ["i1"]
    assert ledger.silencing.all() == []
    made = operator.post("/api/v1/silences", json=wanted)
    assert made.status_code == 201 and made.json()["robots"] == ["go1-07"] and made.json()["state"] == "valid"
    at = f"/api/v1/silences/{made.json()['id']}/end"
    assert operator.post(at, json={"why": "done"}).json()["ended_why"] == "done"
    problem(operator.post(at, json={"why": "twice"}), 409)
    problem(operator.post("/api/v1/silences/none/end", json={"why": "x"}), 404)
    everything = problem(operator.post("/api/v1/silences", json={"why": "peace"}), 422)
    assert "would silence everything" in everything["detail"]


def test_an_act_by_a_token_is_told_as_that_and_one_that_may_only_see_does_nothing(
    operator: TestClient, ledger: Ledger, attacked: Player
) -> None:
    """A program's act is its person's, and can be told from one that was done by hand."""
    shown = {}
    for role in ("operator", "viewer"):
        form = {"name": f"as-{role}", "role": role, "group": "all", "days": "9"}
        found = re.search(r"<code>(wachhund_[\w-]+)</code>", operator.post("/settings/me/tokens", data=form).text)
        assert found is not None
        shown[role] = {"authorization": f"Bearer {found[1]}"}
    operator.cookies.clear()
    for path, body in (
        ("incidents/i1/acts", {"act": "acknowledge"}),
        ("authorisations", ALLOWED),
        ("silences", {"robots": ["go1-07"], "why": "x"}),
    ):
        problem(operator.post(f"/api/v1/{path}", json=body, headers=shown["viewer"]), 403)
    assert ledger.handling.acts("i1") == [] and ledger.authorisations.all() == [] and ledger.silencing.all() == []
    done = operator.post("/api/v1/incidents/i1/acts", json={"act": "acknowledge"}, headers=shown["operator"])
    assert done.json()["acts"][0]["by"] == "admin by token 1 (as-operator)"
