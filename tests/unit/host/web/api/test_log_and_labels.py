"""The log of acts and what robots are called by, for programs."""

from starlette.testclient import TestClient

from tests.unit.host.web.stage import Player
from wachhund.ledger import Ledger


def test_a_robots_labels_are_changed_and_told(operator: TestClient, player: Player) -> None:
    at = "/api/v1/robots/go1-07/labels"
    first = operator.post(at, json={"site": "lab", "add": ["loan", "blue"]})
    assert first.status_code == 200 and first.json() == {"robot": "go1-07", "site": "lab", "tags": ["blue", "loan"]}
    assert operator.post(at, json={"drop": ["blue"]}).json()["tags"] == ["loan"]
    assert operator.post(at, json={"site": ""}).json()["site"] is None
    for body in ({}, {"site": 'a"b'}, {"add": ["x" * 41]}, {"add": [""]}, {"name": "rex"}):
        assert operator.post(at, json=body).status_code == 422, body
    assert operator.post("/api/v1/robots/nobody/labels", json={"site": "lab"}).status_code == 404


def test_the_log_of_acts_is_read_in_parts_the_oldest_first(operator: TestClient, ledger: Ledger) -> None:
    """Whoever keeps the cursor of the last part goes on where it ended, also when acts came meanwhile."""
    for number in range(5):
        ledger.log.record(t=1000.0 + number, who="kim", act="note", subject=f"part {number}")
    seen: list[str] = []
    asked: dict[str, str | int] = {"who": "kim", "limit": 2}
    while True:
        part = operator.get("/api/v1/acts", params=asked).json()
        assert part["broken"] is None
        seen += [act["subject"] for act in part["items"]]
        if part["next"] is None:
            break
        asked["cursor"] = part["next"]
    assert seen == [f"part {number}" for number in range(5)]
    assert operator.get("/api/v1/acts", params={"who": "kim", "q": "part 3"}).json()["items"][0]["hash"]
    assert operator.get("/api/v1/acts", params={"from": "2030-01-01"}).json()["items"] == []
    for wrong in ({"from": "soon"}, {"cursor": "x"}, {"why": "x"}, {"limit": "0"}):
        assert operator.get("/api/v1/acts", params=wrong).status_code == 422, wrong
