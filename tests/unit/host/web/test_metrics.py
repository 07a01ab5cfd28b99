"""/metrics and /healthz: numbers for machines, and nothing for strangers."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.robots.ledger_place import take_away
from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.ledger import Ledger, Rejection
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard
from wachhund.web.metrics import MetricsWish

HERE = "http://127.0.0.1:8380"
DASHBOARD = Path(__file__).resolve().parents[4] / "deploy" / "grafana" / "wachhund.json"


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, as Prometheus itself reads it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def attacked(ledger: Ledger, player: Player) -> Player:
    """A robot with a session that nobody allowed, an incident, and something that was refused."""
    session = player.session("s1", origin=RELAY_PATH, incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])
    ledger.add_rejections([Rejection(player.robot.id, "signature", 12, time.time(), time.time(), "x")])
    return player


def client_of(ledger: Ledger, door: Door, wish: MetricsWish, address: str = "127.0.0.1") -> TestClient:
    app = create_app(ledger, door, LiveBoard(), metrics_wish=wish)
    return TestClient(app, base_url=HERE, follow_redirects=False, client=(address, 50_000))


def test_numbers_are_those_of_the_ledger(operator: TestClient, attacked: Player) -> None:
    answer = operator.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = read(answer.text)
    assert found["wachhund_robots_by_control", (("word", "NOT ALLOWED"),)] == 1
    assert found["wachhund_robots_by_control", (("word", "nobody"),)] == 0, "what is 0 can be alerted on"
    assert found["wachhund_incidents", (("level", "critical"), ("state", "open"))] == 1
    assert found["wachhund_open_sessions", (("allowed", "no"),)] == 1
    assert found["wachhund_refused_total", (("reason", "signature"),)] == 12
    assert found["wachhund_observations_total", ()] == 2 and found["wachhund_unjudged_observations", ()] == 1


def test_robots_are_named_only_where_that_was_asked_for(ledger: Ledger, door: Door, attacked: Player) -> None:
    """A label is a series for ever: 10,000 names are nobody's default."""
    assert "go1-07" not in client_of(ledger, door, MetricsWish(is_open=True)).get("/metrics").text
    named = read(client_of(ledger, door, MetricsWish(is_open=True, names_robots=True)).get("/metrics").text)
    assert named["wachhund_robot_not_allowed", (("robot", "go1-07"),)] == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.1", "testclient"])
@pytest.mark.parametrize("is_open", [True, False])
def test_only_this_machine_reads_without_a_login_and_only_when_told(
    ledger: Ledger, door: Door, address: str, is_open: bool
) -> None:
    client = client_of(ledger, door, MetricsWish(is_open=is_open), address)
    may = is_open and address in ("127.0.0.1", "::1")
    assert client.get("/metrics").status_code == (200 if may else 401)
    for header in ("x-forwarded-for", "forwarded", "via"):
        assert client.get("/metrics", headers={header: "192.0.2.9"}).status_code == 401, (
            "a proxy asks for somebody else"
        )
    assert client.get("/metrics/x").status_code == 303 and client.get("/api/v1/me").status_code == 401


def test_requests_are_counted_by_route_whatever_paths_a_stranger_thinks_up(
    operator: TestClient, player: Player
) -> None:
    def series() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {key for key in read(operator.get("/metrics").text) if key[0] == "wachhund_http_requests_total"}

    operator.get("/nowhere/0"), operator.get("/robots/0"), operator.get("/robots/go1-07"), series()
    before = series()
    for number in range(50):
        operator.get(f"/nowhere/{number}"), operator.get(f"/robots/{number}")
    assert series() == before
    assert any(("route", "/robots/{name:path}") in labels for _, labels in before)


def test_a_host_that_is_well_says_yes_to_anybody_and_no_more(stranger: TestClient, player: Player) -> None:
    answer = stranger.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"well": True})


@pytest.mark.parametrize("broken", ["broker", "ledger"])
def test_a_host_that_is_not_well_says_no_and_not_why(ledger: Ledger, door: Door, broken: str, tmp_path: Path) -> None:
    faults: Callable[[], tuple[str | None, ...]] = lambda: (  # noqa: E731
        ("the broker at 10.0.0.1 is down" if broken == "broker" else None), None
    )  # fmt: skip
    with TestClient(create_app(ledger, door, LiveBoard(), faults=faults), base_url=HERE) as client:
        if broken == "ledger":
            ledger.close()
            take_away(ledger.path)
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"well": False})


def test_every_query_of_the_dashboard_names_what_there_is(operator: TestClient, attacked: Player) -> None:
    """A panel that asks for a metric that was renamed shows a calm 0, or nothing."""
    operator.get("/incidents")
    names = {name for name, _ in read(operator.get("/metrics").text)}
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"\bwachhund_\w+", query)}
    assert len(asked) >= 10 and asked <= names
    words = {word for query in queries for word in re.findall(r'word="([^"]+)"', query)}
    assert words == {"NOT ALLOWED", "verified"}


def test_every_metric_is_documented(ledger: Ledger, door: Door, attacked: Player) -> None:
    document = (DASHBOARD.parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    text = client_of(ledger, door, MetricsWish(True, True)).get("/metrics").text
    names = {name for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE) if not name.endswith("_created")}
    assert sorted(name for name in names if name.startswith("wachhund") and f"`{name}`" not in document) == []
