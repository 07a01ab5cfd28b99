"""Each error is a problem (RFC 9457) with an id, and 405 names what the path does take."""

import json

import pytest
from starlette.testclient import TestClient

from tests.robots.ledger_place import take_away
from tests.unit.host.web.stage import Player
from wachhund.ledger import Ledger
from wachhund.web.problems import MEDIA_TYPE


def told(answer: object) -> dict[str, object]:
    """The problem that an answer is."""
    assert answer.headers["content-type"] == MEDIA_TYPE, answer.headers  # type: ignore[attr-defined]
    found = answer.json()  # type: ignore[attr-defined]
    assert found["status"] == answer.status_code and len(found["id"]) == 8  # type: ignore[attr-defined]
    return dict(found)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/api/nowhere", 404, "Not Found"),
        ("GET", "/api/v1/robots/none", 404, "no robot"),
        ("GET", "/api/v1/incidents/none", 404, "no incident"),
        ("GET", "/api/v1/incidents?robot=none", 404, "no robot"),
        ("GET", "/api/v1/robots/go1-07/evidence/x/1", 404, "never arrived"),
        ("GET", "/api/v1/incidents?limit=0", 422, "query.limit"),
        ("GET", "/api/v1/incidents?state=opne", 422, "query.state"),
        ("GET", "/api/v1/incidents?sate=open", 422, "query.sate"),
        ("GET", "/api/v1/sessions?at=yesterday", 422, "give a time"),
        ("GET", "/api/v1/sessions?allowed=maybe", 422, "query.allowed"),
        ("GET", "/api/v1/fleet?cursor=x", 422, "begin again"),
        ("GET", "/api/v1/robots/go1-07/evidence/x/0", 422, "path.seq"),
        ("POST", "/api/v1/fleet", 405, "Not Allowed"),
        ("DELETE", "/api/v1/incidents/none", 405, "Not Allowed"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    operator: TestClient, player: Player, method: str, path: str, status: int, words: str
) -> None:
    found = told(operator.request(method, path))
    assert found["status"] == status and words in f"{found['title']} {found['detail']}"


def test_every_part_that_is_wrong_is_named(operator: TestClient) -> None:
    """Who mends one thing at a time asks often."""
    found = told(operator.get("/api/v1/incidents?limit=x&state=y"))
    assert [fault["where"] for fault in found["errors"]] == ["query.limit", "query.state"]  # type: ignore[attr-defined]


def test_405_names_the_methods_that_the_path_takes(operator: TestClient) -> None:
    """All of them, not those of the route that was met first."""
    assert operator.delete("/api/v1/fleet").headers["allow"] == "GET"
    assert operator.put("/login").headers["allow"] == "GET, POST"


def test_what_the_guard_refuses_is_a_problem_too(operator: TestClient) -> None:
    assert told(operator.get("/api/v1/me", headers={"host": "evil.example"}))["status"] == 421
    assert told(operator.post("/api/v1/me", headers={"origin": "https://evil.example"}))["status"] == 403
    assert told(operator.post("/api/v1/me", content=b"x" * 20_000))["status"] == 413
    assert told(operator.post("/api/v1/me", content=iter([b"x"])))["status"] == 411


def test_a_failure_of_the_host_has_the_id_that_stands_in_its_log(
    operator: TestClient, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.close()
    take_away(ledger.path)
    app = operator
    app._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    answer = app.get("/api/v1/me")
    found = told(answer)
    assert found["status"] == 500 and f"id {found['id']}" in caplog.text
    assert "Traceback" not in json.dumps(found)
