"""Whole lists as files: every row once, filtered as the page was, inert in a spreadsheet."""

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.silences import Typed, draft
from wachhund.ledger import Authorisation, Ledger
from wachhund.web.api import exports

EVER = "?from=1970-01-01"
NASTY = '=HYPERLINK("http://evil.example";"x")\r\n<script>\u202e'


@pytest.fixture
def filled(ledger: Ledger, player: Player) -> Player:
    """450 closed incidents and one open one, each with a session; a robot's text is a formula."""
    now = time.time()
    sessions = [
        player.session(f"s{number:03}", origin=RELAY_PATH, user=NASTY, first_t=now - number, last_t=now)
        for number in range(451)
    ]
    incidents = [
        player.incident(one["id"], sessions=[one], first_t=one["first_t"], state="closed", title=NASTY)
        for one in sessions
    ]
    incidents[0]["state"] = "open"
    ledger.save_judgement(1, incidents, sessions)
    ledger.authorisations.make(
        Authorisation("", "=who", (player.robot.id,), ("ssh",), None, None, now - 5, now + 60, "@why", "admin", now)
    )
    return player


def table(client: TestClient, address: str) -> list[dict[str, str]]:
    """A CSV file, read."""
    answer = client.get(address)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = re.fullmatch(r'attachment; filename="(wachhund-[a-z]+-\w+\.csv)"', answer.headers["content-disposition"])
    assert name is not None
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_each_row_stands_in_the_file_once(operator: TestClient, filled: Player) -> None:
    """The file is walked in parts; 451 is no multiple of one."""
    wanted = [f"s{number:03}" for number in range(451)]
    assert [row["id"] for row in table(operator, f"/api/v1/exports/sessions{EVER}")] == wanted
    told = operator.get("/api/v1/exports/incidents?format=json").json()
    assert [row["id"] for row in told] == wanted


def test_a_file_is_filtered_as_its_page(operator: TestClient, filled: Player) -> None:
    (only,) = table(operator, "/api/v1/exports/incidents?state=open")
    assert only["id"] == "s000" and only["robot"] == "go1-07"
    assert table(operator, "/api/v1/exports/fleet?q=nothing") == []
    assert operator.get("/api/v1/exports/fleet?format=json&q=nothing").json() == []


def test_nothing_in_a_file_is_a_formula(operator: TestClient, filled: Player) -> None:
    for name in exports.EXPORTED:
        for row in table(operator, f"/api/v1/exports/{name}{EVER if name == 'sessions' else ''}"):
            for cell in row.values():
                assert not re.match("\\s*[=+@\uff1d-]", cell) and not set(cell) & set("\r\n\t\u202e"), (name, cell)
    (allowed,) = table(operator, "/api/v1/exports/authorisations")
    assert (allowed["who"], allowed["why"], allowed["robots"], allowed["sources"]) == (
        "'=who",
        "'@why",
        "go1-07",
        "all",
    )


def test_a_list_of_the_incidents_page_is_the_same_as_a_file(
    operator: TestClient, ledger: Ledger, filled: Player
) -> None:
    """Its tab, its filter with NOT, its order: all pages of it, not the first."""
    rows = table(operator, "/api/v1/exports/incidents?tab=closed&sort=oldest")
    assert [row["id"] for row in rows] == [f"s{number:03}" for number in range(450, 0, -1)]
    assert [row["id"] for row in table(operator, "/api/v1/exports/incidents?tab=needs-you")] == ["s000"]
    assert table(operator, "/api/v1/exports/incidents?tab=closed&q=-surface:ssh") == []
    assert table(operator, "/api/v1/exports/incidents?tab=acknowledged") == []
    for refused in ("q=x", "sort=oldest", "tab=closed&state=open", "tab=closed&q=nofield:x", "tab=nothing"):
        assert operator.get(f"/api/v1/exports/incidents?{refused}").status_code == 422, refused


def test_silences_are_listed_and_taken_away_by_the_tab_of_their_page(
    operator: TestClient, ledger: Ledger, filled: Player
) -> None:
    """Who answers for a silence reads why, by whom and until when, also after it is over."""
    now = time.time()
    one = ledger.silencing.make(draft(Typed(robots=("go1-07",), why="=new legs"), ledger, "admin", now))
    (listed,) = operator.get("/api/v1/silences?tab=now").json()["items"]
    told = (listed["id"], listed["robots"], listed["state"], listed["why"])
    assert told == (one.id, ["go1-07"], "valid", "=new legs")
    assert operator.get(f"/api/v1/silences/{one.id}").json() == listed
    assert operator.get("/api/v1/silences/nothing").status_code == 404
    assert operator.get("/api/v1/silences?tab=over").json()["items"] == []
    ledger.silencing.end(one.id, "eve", "done", now + 1)
    assert table(operator, "/api/v1/exports/silences?tab=now") == []
    (row,) = table(operator, "/api/v1/exports/silences?tab=over")
    assert (row["why"], row["robots"], row["ended_by"], row["ended_why"]) == ("'=new legs", "go1-07", "eve", "done")


def test_authorisations_are_taken_away_by_the_tab_of_their_page(operator: TestClient, filled: Player) -> None:
    (row,) = table(operator, "/api/v1/exports/authorisations?tab=active")
    assert row["state"] == "valid"
    assert [each["id"] for each in table(operator, "/api/v1/exports/authorisations?tab=soon")] == [row["id"]]
    assert table(operator, "/api/v1/exports/authorisations?tab=ended") == []


def test_programs_get_the_text_as_it_is(operator: TestClient, filled: Player) -> None:
    """JSON is data; what is changed there is lost."""
    told = operator.get(f"/api/v1/exports/sessions{EVER}&format=json")
    assert told.json()[0]["user"] == NASTY and json.loads(told.text)


def test_more_than_a_file_holds_is_refused_before_it_is_begun(
    operator: TestClient, filled: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that ends early reads as if there were no more."""
    monkeypatch.setattr(exports, "MAX_ROWS", 450)
    answer = operator.get("/api/v1/exports/incidents")
    assert answer.status_code == 422 and "451 rows match" in answer.json()["detail"]
    assert operator.get("/api/v1/exports/incidents?state=closed").status_code == 200


def test_the_lists_offer_their_files(operator: TestClient, ledger: Ledger, filled: Player) -> None:
    Player(ledger, "b")
    ledger.silencing.make(draft(Typed(robots=("b",), why="=maintenance"), ledger, "admin", time.time()))
    for page, words in (
        ("/?q=go1", "Export these 1<"),
        ("/sessions?from=1970-01-01&group=none", "Export these 451<"),
        ("/incidents?tab=closed&q=surface:ssh", "Export these 450<"),
        ("/incidents", "Export these 1<"),
        ("/authorisations", "Export these 1<"),
        ("/silences", "Export these 1<"),
    ):
        text = operator.get(page).text
        assert words in text
        addresses = re.findall(r'href="(/api/v1/exports/[^"]+)"', text)
        assert len(addresses) == 2
        for address in addresses:
            assert operator.get(address.replace("&amp;", "&")).status_code == 200


def test_the_columns_that_are_promised_are_documented() -> None:
    """In their order: whoever reads a file by column counts on it."""
    document = (Path(__file__).resolve().parents[5] / "docs" / "api.md").read_text(encoding="utf-8")
    for name, columns in exports.EXPORTED.items():
        assert f"| {name} | {', '.join(f'`{column}`' for column in columns)} |" in document
