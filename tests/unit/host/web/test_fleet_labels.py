"""Naming sites and tags on the fleet page, and filtering by them."""

from starlette.testclient import TestClient

from tests.unit.host.web.stage import Player
from wachhund.ledger import Ledger


def test_a_site_is_named_on_the_page_and_found_by_it(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """And the list that was looked at comes back."""
    other = Player(ledger, "lab")
    form = {"robot": [player.robot.id, other.robot.id], "site": "Berlin <b>", "tag": "leased", "back": "/?q=leased"}
    answer = operator.post("/fleet/labels", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=leased")
    page = operator.get('/?q=site:"Berlin <b>"').text
    assert "Berlin &lt;b&gt;" in page and "<b>Berlin" not in page
    assert {robot["name"] for robot in operator.get("/api/v1/fleet?q=tag:leased").json()["items"]} == {"go1-07", "lab"}
    assert operator.get("/api/v1/fleet?q=-tag:leased").json()["found"] == 0
    acts = [act.detail for act in ledger.robot_acts(other.robot.id)]
    assert acts[-1] == "site Berlin <b>, tag leased"


def test_an_act_that_is_refused_says_why_and_changes_nothing(operator: TestClient, player: Player) -> None:
    """No robot chosen, nothing to change, no label; and no way to another site."""
    for form in ({"site": "Berlin"}, {"robot": player.robot.id}, {"robot": player.robot.id, "tag": 'a"b'}):
        assert operator.post("/fleet/labels", data=form).status_code == 422
    form = {"robot": player.robot.id, "site": "Berlin", "back": "//evil.example/"}
    assert operator.post("/fleet/labels", data=form).headers["location"] == "/"


def test_a_stranger_names_nothing(stranger: TestClient, player: Player, ledger: Ledger) -> None:
    """The login wall stands before it."""
    assert stranger.post("/fleet/labels", data={"robot": player.robot.id, "site": "x"}).status_code == 303
    assert ledger.labels.of(player.robot.id).site == ""
