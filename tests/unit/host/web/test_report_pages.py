"""Reports on the pages and for programs: made, listed, compared, taken away, and never shown as one of our pages."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.inspection.recipient import open_report
from wachhund.keeping.moments import shown
from wachhund.ledger import Ledger
from wachhund.reports.making import Reports
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard


@pytest.fixture
def makes(ledger: Ledger, tmp_path: Path) -> Reports:
    return Reports(ledger, Ed25519PrivateKey.generate(), tmp_path)


@pytest.fixture
def stranger(ledger: Ledger, door: Door, makes: Reports) -> Iterator[TestClient]:
    app = create_app(ledger, door, LiveBoard(), reports=makes)
    with TestClient(app, base_url="http://127.0.0.1:8380", follow_redirects=False) as client:
        yield client


def span() -> dict[str, str]:
    now = time.time()
    return {"from_t": shown(now - 3600), "to_t": shown(now + 60)}


def test_a_report_is_made_on_the_page_and_its_files_open_as_they_were_signed(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    assert "None yet" in operator.get("/reports").text
    answer = operator.post("/reports", data={"robot": "go1-07", "challenge": "seven blue horses", **span()})
    assert answer.status_code == 303 and answer.headers["location"] == "/reports"
    ((row,),) = [ledger.reports.page(10)[1]]
    page = operator.get("/reports").text
    assert row.outcome in page and f"/reports/{row.id}/html" in page and row.sha256[:16] in page
    for form in ("html", "json"):
        taken = operator.get(f"/reports/{row.id}/{form}")
        assert open_report(taken.content).digest == row.sha256
        assert "attachment" in taken.headers["content-disposition"] and "text/html" not in taken.headers["content-type"]
    assert operator.get(f"/reports/{row.id}/pdf").content.startswith(b"%PDF")


def test_two_reports_say_what_changed_between_them(operator: TestClient, ledger: Ledger, player: Player) -> None:
    operator.post("/reports", data={"robot": "go1-07", **span()})
    first = ledger.reports.page(10)[1][0]
    assert "no earlier report" in operator.get(f"/reports/{first.id}/changes").text
    session = player.session("s1", origin=RELAY_PATH)
    ledger.save_judgement(0, [player.incident("i1", sessions=[session])], [session])
    operator.post("/reports", data={"robot": "go1-07", **span()})
    second = ledger.reports.page(10)[1][0]
    page = operator.get(f"/reports/{second.id}/changes").text
    assert "Remote control not allowed" in page and "new" in page
    back = operator.get(f"/reports/{first.id}/changes?since={second.id}").text
    assert "Remote control not allowed" in back and "gone" in back
    assert operator.get("/reports/nothing/changes").status_code == 404


@pytest.mark.parametrize(
    "typed",
    [
        {"from_t": "yesterday", "to_t": "2026-01-01"},
        {"from_t": "2026-01-02", "to_t": "2026-01-01"},
        {"from_t": "1999-01-01", "to_t": "1999-01-02"},
    ],
)
def test_a_span_that_is_none_makes_no_report_and_says_why(
    operator: TestClient, ledger: Ledger, player: Player, typed: dict[str, str]
) -> None:
    answer = operator.post("/reports", data={"robot": "go1-07", **typed})
    assert answer.status_code == 422 and "No report was made" in answer.text
    assert ledger.reports.page(10) == (0, [])


def test_a_report_is_removed_only_with_a_reason_that_stays(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    operator.post("/reports", data={"robot": "go1-07", **span()})
    row = ledger.reports.page(10)[1][0]
    assert operator.post(f"/reports/{row.id}/remove", data={"why": " "}).status_code == 422
    assert operator.post(f"/reports/{row.id}/remove", data={"why": "of a wrong robot"}).status_code == 303
    assert ledger.reports.page(10) == (0, [])
    acts = operator.get("/settings/acts").text
    assert "report remove" in acts and "of a wrong robot" in acts and "report make" in acts


def test_programs_make_list_and_take_reports(operator: TestClient, player: Player) -> None:
    asked = {"robot": "go1-07", "from": span()["from_t"], "to": span()["to_t"], "challenge": "seven blue horses"}
    made = operator.post("/api/v1/reports", json=asked)
    assert made.status_code == 201 and made.json()["robot"] == "go1-07"
    assert operator.post("/api/v1/reports", json=asked).status_code == 201
    part = operator.get("/api/v1/reports?limit=1&robot=go1-07").json()
    rest = operator.get(f"/api/v1/reports?limit=1&robot=go1-07&cursor={part['next']}").json()
    assert {part["items"][0]["id"], rest["items"][0]["id"]} >= {made.json()["id"]} and rest["next"] is None
    taken = operator.get(f"/api/v1/reports/{made.json()['id']}/json")
    assert open_report(taken.content).report["challenge"] == "seven blue horses"
    assert operator.post("/api/v1/reports", json={**asked, "from": "noon"}).status_code == 422
    assert operator.get("/api/v1/reports/nothing/json").status_code == 404


def test_a_host_that_makes_none_says_by_which_command(ledger: Ledger, door: Door, player: Player) -> None:
    keys = door.first_keys()
    assert keys is not None
    with TestClient(create_app(ledger, door, LiveBoard()), base_url="http://127.0.0.1:8380") as client:
        client.post("/login", data={"code": keys.code})
        assert "wachhund report" in client.get("/reports").text
