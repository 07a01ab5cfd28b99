"""Campaigns on the pages and in the API."""

import time

from starlette.testclient import TestClient

from tests.unit.host.ledger.test_campaigns import session
from tests.unit.host.web.stage import Player
from wachhund.alerts.campaign_watch import CampaignWatch
from wachhund.ledger import Ledger
from wachhund.web.campaign_view import band, shown, with_band
from wachhund.web.live_page import LivePage


def come(ledger: Ledger, count: int = 3) -> str:
    """Somebody is on these robots. The campaign's name."""
    now = time.time()
    robots = [Player(ledger, f"yard/{n} <b>").robot.id for n in range(count)]
    rows = [session(f"s{n}", robot, now - 100 + n) for n, robot in enumerate(robots)]
    ledger.save_judgement(ledger.judge_cursor(), [], rows)
    CampaignWatch(ledger).look()
    return str(ledger.campaigns.page(1)[1][0]["id"])


def test_a_campaign_stands_above_the_lists_and_leads_to_its_page(operator: TestClient, ledger: Ledger) -> None:
    """From where, on which robots, what to do: in one place."""
    for page in ("/", "/incidents"):
        assert "/campaigns/" not in operator.get(page).text
    identity = come(ledger)
    for page in ("/", "/incidents"):
        text = operator.get(page).text
        assert f'href="/campaigns/{identity}"' in text and "203.0.113.7 is on 3 robots, and nobody allowed it" in text
    page = operator.get(f"/campaigns/{identity}").text
    for said in ("203.0.113.7 is on 3 robots", "going on", "critical", "What to do", "yard/0 &lt;b&gt;", "i-"):
        assert said in page
    assert "<b></bdi>" not in page
    assert identity in operator.get("/campaigns").text
    assert operator.get("/campaigns/none").status_code == 404
    german = operator.get("/", headers={"accept-language": "de"}).text
    assert "203.0.113.7 ist auf 3 Robotern, und niemand hat es erlaubt" in german


def test_pages_change_while_a_campaign_grows(operator: TestClient, ledger: Ledger) -> None:
    """As all that is live: what the page was written from and what changes it are one."""
    identity, now = come(ledger), time.time()
    before, live = shown(ledger, identity, now), with_band(LivePage("/live/x"), band(ledger, now))
    assert before is not None and live.rows["campaigns"] == (identity,)
    ledger.save_judgement(ledger.judge_cursor(), [], [session("more", Player(ledger, "new").robot.id, now)])
    CampaignWatch(ledger).look()
    after = shown(ledger, identity, now)
    assert after is not None
    change = after.live.changes_since(before.live.shown())
    assert change["slots"][f"campaign:{identity}"]["text"] == "203.0.113.7 is on 4 robots, and nobody allowed it"
    assert len(change["rows"]["campaign-robots"]) == 4


def test_the_api_tells_campaigns_in_parts(operator: TestClient, ledger: Ledger) -> None:
    """By name of robot, with where the next part begins."""
    assert operator.get("/api/v1/campaigns").json()["items"] == []
    identity = come(ledger)
    now = time.time()
    ids = [robot.id for robot in ledger.robots()]
    more = [session(f"x{n}", one, now - 50 + n, address="192.0.2.9") for n, one in enumerate(ids)]
    ledger.save_judgement(ledger.judge_cursor(), [], more)
    CampaignWatch(ledger).look()
    first = operator.get("/api/v1/campaigns?limit=1").json()
    assert [one["who"] for one in first["items"]] == ["192.0.2.9"] and first["next"]
    second = operator.get(f"/api/v1/campaigns?limit=1&cursor={first['next']}").json()
    assert [one["id"] for one in second["items"]] == [identity] and second["next"] is None
    one = operator.get(f"/api/v1/campaigns/{identity}").json()
    assert one["robots"] == 3 and one["goes_on"] and one["on"][0]["robot"] == "yard/0 <b>"
    assert one["in_sessions"][0]["robot"] == "yard/0 <b>" and one["advice"]
    assert operator.get("/api/v1/campaigns/none").status_code == 404


def test_nobody_sees_a_campaign_without_a_login(stranger: TestClient) -> None:
    """As incidents."""
    assert stranger.get("/campaigns").status_code == 303
    assert stranger.get("/api/v1/campaigns").status_code == 401
