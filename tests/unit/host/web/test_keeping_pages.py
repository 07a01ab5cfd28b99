"""What was erased, how long is kept, and a bundle to take away: the pages of keeping."""

import io
import time
from collections.abc import Iterator
from typing import IO

import pytest

from tests.unit.host.web.conftest import HERE, TestClient
from tests.unit.host.web.stage import Player, door_of
from tests.unit.host.web.test_pages import NASTY, plain
from wachhund.keeping.policy import DAY_S, Keep
from wachhund.ledger import Ledger
from wachhund.ledger.keeping_records import REQUEST, Act
from wachhund.web.app import create_app
from wachhund.web.live import LiveBoard
from wachhund_evidence import MisuseError


def erase(ledger: Ledger, player: Player, from_t: float, to_t: float, why: str = "she asked") -> None:
    act = Act(REQUEST, player.robot.id, from_t, to_t, "admin", why, time.time())
    erasure = ledger.keeping.request(act, lambda *_: None)
    while ledger.keeping.erase_requested(erasure, time.time()):
        pass


@pytest.fixture
def erased(ledger: Ledger, player: Player) -> Player:
    """Number 2 was made an hour ago and was erased; number 3 follows it."""
    hour_ago = time.time() - 3600
    player.born -= 10_000
    player.say(player.seen("heartbeat"), received_t=hour_ago)
    player.say(player.seen("heartbeat"))
    erase(ledger, player, hour_ago - 5, hour_ago + 5, NASTY.replace("\x1b", " ").replace("\u202e", " "))
    return player


def test_erased_evidence_says_who_erased_it_and_why_and_what_is_left(operator: TestClient, erased: Player) -> None:
    page = operator.get(f"/evidence/go1-07/{erased.chain}/2")
    assert page.status_code == 200 and "<script>alert" not in page.text
    text = plain(page.text)
    assert "Erased" in text and "by admin" in text and "Hash" in text
    found = operator.get(f"/api/v1/robots/go1-07/evidence/{erased.chain}/2").json()
    assert found["erased"]["by"] == "admin" and len(found["hash"]) == 43 and found["token"] is None


def test_the_link_to_an_erased_token_still_holds(operator: TestClient, erased: Player) -> None:
    text = plain(operator.get(f"/evidence/go1-07/{erased.chain}/3").text)
    assert "names number 2 (its text was erased) by its hash" in text and "It stands" in text


def test_the_chain_says_how_much_of_it_was_erased(operator: TestClient, erased: Player) -> None:
    assert "1 erased" in plain(operator.get("/robots/go1-07").text)


def test_the_page_of_keeping_tells_holds_and_acts_as_text(operator: TestClient, ledger: Ledger, erased: Player) -> None:
    ledger.keeping.hold(erased.robot.id, None, 1.0, None, "admin", NASTY, time.time())
    page = operator.get("/keeping")
    assert page.status_code == 200 and "<script>alert" not in page.text and "\x1b" not in page.text
    text = plain(page.text)
    assert "How long this host keeps evidence is not known here" in text
    assert text.count("alert(1)") == 2, "the reason of the act and of the hold, as text"
    found = operator.get("/api/v1/keeping").json()
    assert found["acts"][0][1]["tokens"] == 1 and found["holds"][0][1]["why"] == NASTY
    assert found["keep"] is None and found["robots"][0]["name"] == "go1-07"


@pytest.mark.parametrize("path", ["/keeping", "/api/v1/keeping"])
def test_strangers_see_nothing_of_it(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code in (303, 401)


class Shop:
    """A host that hands bundles on; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float, float, str]] = []

    def hand_on(self, robot: str, from_t: float, to_t: float, by: str) -> IO[bytes]:
        self.asked.append((robot, from_t, to_t, by))
        if from_t > to_t:
            raise MisuseError("export: nothing of that robot and span is here")
        return io.BytesIO(b"PK" * 300_000)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def customer(ledger: Ledger, player: Player, shop: Shop) -> Iterator[TestClient]:
    """An operator of a host that offers bundles."""
    door = door_of(ledger)
    app = create_app(
        ledger, door, LiveBoard(), keeping=lambda: (Keep(30 * DAY_S, 2**30), time.time()), hand_on=shop.hand_on
    )
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        keys = door.first_keys()
        assert keys is not None and client.post("/login", data={"code": keys.code}).status_code == 303
        yield client


FORM = {"robot": "go1-07", "from_t": "2026-08-01", "to_t": "2026-08-02T00:00:00Z"}


def test_an_operator_takes_a_bundle_away_and_is_named(customer: TestClient, player: Player, shop: Shop) -> None:
    page = customer.get(f"/evidence/go1-07/{player.chain}/1").text
    assert 'action="/export"' in page and "T00:00:00Z" in page
    answer = customer.post("/export", data=FORM)
    assert answer.status_code == 200 and answer.content == b"PK" * 300_000
    assert answer.headers["content-disposition"] == f'attachment; filename="wachhund-{player.robot.id}.zip"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    (asked,) = shop.asked
    assert asked[0] == player.robot.id and asked[2] - asked[1] == DAY_S and asked[3] == "admin"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"from_t": "rubbish"}, 422),
        ({"to_t": "1999-01-01"}, 422),
        ({"robot": "nobody"}, 404),
        ({"robot": "../../etc"}, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_handed_on_is_said(customer: TestClient, changed: dict[str, str], status: int) -> None:
    answer = customer.post("/export", data={**FORM, **changed})
    assert answer.status_code == status and "Traceback" not in answer.text


def test_another_site_or_a_stranger_gets_no_bundle(customer: TestClient, stranger: TestClient, shop: Shop) -> None:
    """A download is an act that is kept on record: no link of somebody else's may do it."""
    assert customer.post("/export", data=FORM, headers={"origin": "https://evil.example"}).status_code == 403
    assert customer.get("/export").status_code in (404, 405)
    assert stranger.post("/export", data=FORM).status_code == 303
    assert shop.asked == []


def test_the_page_says_how_long_is_kept(customer: TestClient) -> None:
    assert "Evidence is kept for 30 d, and the ledger at most 1.1 GB" in plain(customer.get("/keeping").text)


def test_a_host_without_bundles_offers_none(operator: TestClient, player: Player) -> None:
    assert 'action="/export"' not in operator.get(f"/evidence/go1-07/{player.chain}/1").text
    assert operator.post("/export", data=FORM).status_code == 404


def test_a_program_takes_a_bundle_away_as_a_person_does(customer: TestClient, player: Player, shop: Shop) -> None:
    """By the API, on record under the same name; what is no time or robot is told."""
    span = {"from": "2026-08-01", "to": "2026-08-02T00:00:00Z"}
    answer = customer.post("/api/v1/robots/go1-07/bundle", json=span)
    assert answer.status_code == 200 and answer.content == b"PK" * 300_000
    assert answer.headers["content-type"] == "application/zip" and shop.asked[0][0] == player.robot.id
    for where, body, status in (("go1-07", {**span, "from": "rubbish"}, 422),
                                ("go1-07", {**span, "to": "1999-01-01"}, 422), ("nobody", span, 404),
                                ("go1-07", {"from": "2026-08-01"}, 422)):  # fmt: skip
        assert customer.post(f"/api/v1/robots/{where}/bundle", json=body).status_code == status


def test_where_no_bundles_are_made_a_program_is_told_so(operator: TestClient, player: Player) -> None:
    span = {"from": "2026-08-01", "to": "2026-08-02T00:00:00Z"}
    assert operator.post("/api/v1/robots/go1-07/bundle", json=span).status_code == 404
