"""Whose evidence there is, and whether each piece of it stands."""

from sqlalchemy import text
from starlette.testclient import TestClient

from tests.robots.ledger_place import ON_SERVER, beside
from tests.unit.host.web.stage import Player
from wachhund.ledger import Ledger
from wachhund.web.evidence_list import TOKENS_A_PAGE


def test_a_robots_tokens_are_listed_with_their_results_in_pages(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """The only robot is shown at once; older ones by their page."""
    for _ in range(TOKENS_A_PAGE):
        player.say(player.seen("heartbeat"))
    page = operator.get("/evidence").text
    assert f"The {TOKENS_A_PAGE} below stand" in page and f"/{player.chain}/{TOKENS_A_PAGE + 1}" in page
    older = page.partition("&amp;before=")[2].partition('"')[0]
    last = operator.get(f"/evidence?robot=go1-07&before={older}").text
    assert "The 1 below stand" in last and "agent.start" in last and ">older<" not in last


def test_a_piece_that_was_changed_in_the_ledger_does_not_stand(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """The ledger is not taken at its word."""
    seq = player.say(player.seen("heartbeat"))
    with beside(ledger.path) as database:
        database.exec_driver_sql(f"DROP TRIGGER tokens_no_update{' ON tokens' if ON_SERVER else ''}")
        database.execute(text("UPDATE tokens SET text = replace(text, '.', '.A') WHERE seq = :seq"), {"seq": seq})
    page = operator.get("/evidence?robot=go1-07").text
    assert "1 of 2 fail" in page
    assert "signature:" in page and "does not stand" in page


def test_a_name_that_is_none_is_said_and_several_are_chosen_from(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """Text of whoever asks stays text."""
    assert operator.get("/evidence?robot=<b>").status_code == 404
    Player(ledger, "<b>other</b>")
    page = operator.get("/evidence").text
    assert "Choose a robot" in page and "&lt;b&gt;other&lt;/b&gt;" in page and "<b>other" not in page
