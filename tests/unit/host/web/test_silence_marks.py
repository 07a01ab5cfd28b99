"""What is silenced stands where people look for calm; and what somebody closed is no open incident of a robot."""

import re
import time
from typing import Any

from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.handling import Shown, Wanted, handle
from wachhund.alerts.silences import Typed, draft
from wachhund.ledger import Ledger


def silence(ledger: Ledger, **changed: Any) -> str:
    typed = Typed(**{"robots": ("go1-07",), "maintenance": True, "why": "new <batteries>", **changed})
    return ledger.silencing.make(draft(typed, ledger, "admin", time.time())).id


def test_the_number_of_silences_stands_on_fleet(operator: TestClient, ledger: Ledger, player: Player) -> None:
    Player(ledger, "go1-08")
    assert "silences active" not in operator.get("/").text
    silence(ledger, maintenance=False)
    silence(ledger, maintenance=False, robots=(), kinds=("tunnel",))
    assert "2 silences active" in operator.get("/").text
    assert operator.get("/live/fleet?once=1").json()["slots"]["total:silences"]["text"] == "2 silences active"


def test_maintenance_is_said_on_the_robots_page_and_on_fleet(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    Player(ledger, "go1-08")
    name = silence(ledger)
    for path in ("/", "/robots/go1-07"):
        page = operator.get(path).text
        assert "in maintenance until" in page and "by admin: new &lt;batteries&gt;" in page, path
    assert "in maintenance" not in operator.get("/robots/go1-08").text
    ledger.silencing.end(name, "admin", "done", time.time())
    slots = operator.get("/live/robots/go1-07?once=1").json()["slots"]
    assert slots["robot:go1-07:maintenance"]["text"] == ""


def test_what_somebody_closed_is_no_open_incident_until_it_comes_back(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    told = player.incident("i1", sessions=[session])
    ledger.save_judgement(1, [told], [session])

    def counted() -> str:
        found = re.search(r"total:incidents\">([^<]*)<", operator.get("/").text)
        return "" if found is None else found[1]

    assert counted() == "1 open incident"
    handle(ledger, Shown("i1"), Wanted("close", "anna", time.time(), "", "real"))
    assert counted() == "0 open incidents"
    ledger.save_judgement(2, [{**told, "last_t": time.time() + 1}], [])
    assert counted() == "1 open incident"
