"""Live sessions: who is there, on all robots, now and at any time; and what the page must never say."""

import html
import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, SEEING, Player
from tests.unit.host.web.test_pages import NASTY, plain
from wachhund.keeping.moments import shown
from wachhund.ledger import Ledger
from wachhund.web.session_filters import Pill, read

COVERED = {"id": "a3", "who": "anna", "until_t": time.time() + 3_600, "why": "gait"}
LAN = [{"hop": "address", "address": "192.168.12.9", "port": 50_000}, {"hop": "service", "name": "ssh", "port": 22}]


def keep(ledger: Ledger, *sessions: dict[str, Any]) -> None:
    ledger.save_judgement(1, [], sessions)


def order(page: str) -> list[str]:
    """The sessions as they stand on a page."""
    return re.findall(r'<details class="session[^>]*data-row="([^"]+)"', page)


def test_what_nobody_allowed_stands_first_with_its_path(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """One line says who, how, since when, what moved, and whether it was allowed; unfolded it is the list of hops."""
    keep(
        ledger, player.session("ok", origin=LAN, carrier="lan", authorisation=COVERED),
        player.session("bad", origin=RELAY_PATH, user="pi", incident="i1", first_t=time.time() - 900, bytes_in=4_096),
        player.session("who", origin=LAN, carrier="lan"),
    )  # fmt: skip
    page = operator.get("/sessions").text
    assert order(page) == ["bad", "who", "ok"]
    text = plain(page)
    assert "203.0.113.7 → agentd → loopback → ssh → pi" in text and "in 4,096 bytes" in text
    assert "1 not allowed , 1 unknown if allowed , 1 allowed , on 1 robot" in text
    assert "by a3 of anna" in text
    labels = re.findall(r'hop-label"><bdi>([^<]+)', page)
    assert labels[:5] == ["203.0.113.7", "agentd", "inside the robot", "ssh", "pi"]
    assert 'aria-current="page">Sessions' in page and "localhost" not in page and "127.0.0.1" not in page


def test_nobody_is_said_with_how_many_cannot_say(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """Calm is claimed for the robots that can claim it; the others are named."""
    blind = Player(ledger, "go1-09")
    blind.say(blind.looking(tcp={**SEEING["tcp"], "state": "blind", "why": "no right"}))
    page = operator.get("/sessions").text
    assert "Nobody on 1 robot; 1 robot cannot say" in plain(page)
    assert '<a href="/robots/go1-09">' in page


def test_no_robot_is_not_nobody(operator: TestClient) -> None:
    assert "No robot yet: nobody can be on one." in plain(operator.get("/sessions").text)


def test_filters_stand_in_the_address_and_are_dropped_one_by_one(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """NOT too; and the form leads to an address, without a script."""
    other = Player(ledger, "go1-08")
    keep(ledger, player.session("a", origin=RELAY_PATH, incident="i1"), player.session("b", origin=LAN, carrier="lan"),
         other.session("c", origin=RELAY_PATH, user="pi"))  # fmt: skip
    assert order(operator.get("/sessions?robot=go1-07&not-carrier=lan").text) == ["a"]
    assert order(operator.get("/sessions?robot=go1-07&robot=go1-08&origin=203.0.113.7").text) == ["a", "c"]
    assert order(operator.get("/sessions?allowed=unknown&not-user=pi").text) == ["b"]
    added = operator.get("/sessions/filter?field=user&how=not&value=pi&base=" + quote("allowed=unknown"))
    assert (added.status_code, added.headers["location"]) == (303, "/sessions?allowed=unknown&not-user=pi")
    page = operator.get(added.headers["location"]).text
    assert 'href="/sessions?allowed=unknown" aria-label="Drop the filter user is not pi"' in page
    assert "No session matches" in plain(operator.get("/sessions?robot=nobody").text)


def test_sessions_are_grouped_by_where_they_come_from(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """ "This address: 12 robots" is one story; many sessions are grouped unless somebody wants a list."""
    robots = [Player(ledger, f"r-{number}") for number in range(3)]
    keep(ledger, *[robot.session(f"s{n}", origin=RELAY_PATH, incident="i") for n, robot in enumerate(robots)],
         player.session("lan", origin=LAN, carrier="lan"))  # fmt: skip
    text = plain(operator.get("/sessions?group=origin").text)
    assert "203.0.113.7 no longer on this page: ended, or moved on 3 robots 3 sessions 3 not allowed" in text
    assert "group=none" in operator.get("/sessions?group=user").text
    keep(ledger, *[robots[n % 3].session(f"m{n}", origin=LAN, carrier="lan") for n in range(120)])
    assert "124" not in plain(operator.get("/sessions").text) and "Outside address" in operator.get("/sessions").text
    listed = operator.get("/sessions?group=none").text
    assert len(order(listed)) == 50 and "page 1 of 3" in plain(listed)
    assert len(order(operator.get("/sessions?group=none&page=3").text)) == 24
    assert len(listed) < 150_000


def test_a_time_before_what_is_kept_says_since_when_we_know(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """No row of then is not the same as nobody then."""
    now = time.time()
    keep(ledger, player.session("a", origin=LAN, first_t=now - 600, last_t=now - 300))
    page = operator.get(f"/sessions?at={shown(now - 400)}").text
    assert order(page) == ["a"] and "ended" in plain(page)
    text = plain(operator.get("/sessions?at=2020-01-01&robot=go1-07").text)
    assert "No session matches" in text and "Nothing is known of before" in text
    assert order(operator.get(f"/sessions?from={shown(now - 350)}&to={shown(now - 100)}").text) == ["a"]
    assert order(operator.get(f"/sessions?from={shown(now - 200)}&to={shown(now - 100)}").text) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("at=yesterday", "give a time (UTC)"),
        ("at=2999-01-01", "has not come yet"),
        ("from=2026-02-02&to=2026-01-01", "is before the beginning"),
        ("allowed=perhaps", "allowed is one of no, unknown, yes"),
    ],
)
def test_what_is_not_understood_is_explained_where_it_was_typed(
    operator: TestClient, player: Player, query: str, words: str
) -> None:
    answer = operator.get(f"/sessions?{query}")
    assert answer.status_code == 422 and words in plain(answer.text)


def test_a_row_is_unfolded_by_its_address_and_its_picture_is_a_file(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    keep(ledger, player.session("a", origin=RELAY_PATH, incident="i1"))
    page = operator.get("/sessions?open=a").text
    assert re.search(r'data-row="a" open>', page)
    picture = operator.get("/sessions/a/path.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml") and "NOT ALLOWED" in picture.text
    assert "upright" in operator.get("/sessions/a/path.svg?upright=true").text
    assert operator.get("/sessions/none/path.svg").status_code == 404


def test_hostile_text_is_text_in_rows_groups_pills_and_live_values(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """Users, surfaces, carriers and addresses come from the robot, and stand in addresses of our own pages too."""
    path = [{"hop": "address", "address": NASTY}, {"hop": NASTY}]
    texts = dict.fromkeys(("user", "surface", "carrier", "tunnel"), NASTY)
    keep(ledger, player.session("a", origin=path, incident="i1", **texts))
    for address in ("/sessions", "/sessions?group=origin", "/sessions?group=user", "/sessions?group=carrier",
                    f"/sessions?user={quote(NASTY)}&not-origin={quote(NASTY)}", "/sessions?open=a",
                    f"/sessions?at={quote(NASTY)}&open={quote(NASTY)}", "/sessions/a/path.svg"):  # fmt: skip
        answer = operator.get(address)
        assert "<script>alert" not in answer.text and "\x1b" not in answer.text and "\u202e" not in answer.text, address
    page = operator.get("/sessions?group=user").text
    link = html.unescape(re.findall(r'data-open href="([^"]+)"', page)[0])
    assert order(operator.get(link).text) == ["a"], "the group's link finds what it counted"


def test_the_live_part_is_the_pages_own(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """What is drawn at first and what changes afterwards come from one place."""
    keep(ledger, player.session("a", origin=RELAY_PATH, incident="i1"), player.session("b", origin=LAN))
    page = operator.get("/sessions?not-user=x%26y").text
    (address,) = re.findall(r'name="wachhund-live" content="([^"]+)"', page)
    told = operator.get(html.unescape(address) + "&once=1").json()
    assert told["rows"] == {"sessions": ["a", "b"]}
    assert told["slots"]["session:a:word"] == {"text": "NOT ALLOWED", "tone": "bad"}
    assert 'name="wachhund-live" content=""' in operator.get("/sessions?at=2026-01-01").text, "the past does not change"


def test_an_address_is_read_and_written_the_same() -> None:
    """A filter is a value of a robot: an ampersand, a sign and an empty one survive."""
    asked = read("user=a%26b&not-user=&origin=%2B&group=user&page=2&nonsense=1", 0.0)
    assert asked.pills == (Pill("user", "a&b"), Pill("user", "", True), Pill("origin", "+"))
    assert read(asked.query(page=2), 0.0) == asked
