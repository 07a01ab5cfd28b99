"""Lists come in parts, and each row comes once, whatever happens in between."""

import time
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.ledger import Ledger


def walked(client: TestClient, path: str, **asked: Any) -> list[Any]:
    """All rows of a list, in parts."""
    rows: list[Any] = []
    following: str | None = ""
    path, _, query = path.partition("?")
    while following is not None:
        cursor = {"cursor": following} if following else {}
        part = client.get(path, params={**dict(parse_qsl(query)), **asked, **cursor}).json()
        rows += part["items"]
        following = part["next"]
    return rows


@pytest.fixture
def many(ledger: Ledger, player: Player) -> Player:
    """Seven incidents, of which three began at the same moment, with a session each."""
    now = time.time()
    sessions = [
        player.session(
            f"s{number}", origin=RELAY_PATH, first_t=now - max(0, number - 2), last_t=now if number % 2 else None,
            surface="ssh" if number < 5 else "web", carrier="lan" if number < 2 else "relay",
        )
        for number in range(7)
    ]  # fmt: skip
    incidents = [
        player.incident(f"i{number}", sessions=[one], first_t=one["first_t"], state="open" if number < 5 else "closed")
        for number, one in enumerate(sessions)
    ]
    ledger.save_judgement(1, incidents, sessions)
    return player


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_a_walk_meets_each_row_once(operator: TestClient, many: Player, limit: int) -> None:
    """Also where several began at the same moment, and a part ends between them."""
    for path, letter in (("/api/v1/incidents", "i"), ("/api/v1/sessions?from=1970-01-01", "s")):
        assert [row["id"] for row in walked(operator, path, limit=limit)] == [f"{letter}{n}" for n in range(7)]


def test_what_comes_or_rises_meanwhile_moves_no_other_row(operator: TestClient, ledger: Ledger, many: Player) -> None:
    """By counting rows, the next part would repeat one for each that came."""
    first = operator.get("/api/v1/incidents", params={"limit": 3}).json()
    new = many.incident("new", sessions=[], first_t=time.time() + 1)
    ledger.save_judgement(2, [new, many.incident("i6", sessions=[], first_t=many.born, last_t=time.time())], [])
    second = operator.get("/api/v1/incidents", params={"limit": 200, "cursor": first["next"]}).json()
    assert [row["id"] for row in (*first["items"], *second["items"])] == [f"i{number}" for number in range(7)]


@pytest.mark.parametrize(
    ("path", "asked", "wanted"),
    [
        ("incidents", {"state": "closed"}, ["i5", "i6"]),
        ("incidents", {"robot": "go1-07", "level": "critical", "state": "closed"}, ["i5", "i6"]),
        ("incidents", {"level": "low"}, []),
        ("sessions", {}, ["s0", "s2", "s4", "s6"]),
        ("sessions", {"surface": "web", "from": "1970-01-01"}, ["s5", "s6"]),
        ("sessions", {"carrier": "lan", "from": "1970-01-01"}, ["s0", "s1"]),
        ("sessions", {"not-carrier": ["lan", "x"], "not-surface": "ssh", "robot": ["go1-07", "x"]}, ["s6"]),
        ("sessions", {"robot": "x"}, []),
        ("sessions", {"at": "1970-01-01"}, []),
    ],
)
def test_filters_filter(
    operator: TestClient, many: Player, path: str, asked: dict[str, Any], wanted: list[str]
) -> None:
    assert [row["id"] for row in walked(operator, f"/api/v1/{path}", limit=2, **asked)] == wanted


def test_a_session_stands_with_its_robots_name(operator: TestClient, many: Player) -> None:
    (first, *_) = operator.get("/api/v1/sessions", params={"robot": "go1-07"}).json()["items"]
    assert first["robot"] == "go1-07" and first["origin"] == RELAY_PATH and first["bytes_in"] == 10


def test_the_fleet_is_walked_by_name(operator: TestClient, ledger: Ledger, player: Player) -> None:
    for name in ("b", "a/x", "ümlaut", "c"):
        Player(ledger, name)
    assert [row["name"] for row in walked(operator, "/api/v1/fleet", limit=2)] == ["a/x", "b", "c", "go1-07", "ümlaut"]
    found = operator.get("/api/v1/fleet", params={"q": "-new"}).json()
    assert [row["name"] for row in found["items"]] == ["go1-07"] and (found["found"], found["total"]) == (1, 5)
    assert [row["name"] for row in walked(operator, "/api/v1/fleet", q="new", limit=1)] == ["a/x", "b", "c", "ümlaut"]


@pytest.mark.parametrize("name", ["a/b", "..", "100%", "x?y#z"])
def test_a_robot_of_any_name_is_reached_by_its_id(operator: TestClient, ledger: Ledger, name: str) -> None:
    """A name may hold what a path can't."""
    robot = Player(ledger, name).robot
    assert operator.get(f"/api/v1/robots/{robot.id}").json()["name"] == name
