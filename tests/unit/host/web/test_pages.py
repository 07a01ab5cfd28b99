"""The pages, made from a real ledger: what they say, and what hostile robots cannot make them say."""

import dataclasses
import html
import re
import time
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, SEEING, Player
from wachhund.ledger import Invited, Ledger, Rejection, RobotKey
from wachhund_evidence import public_key_pem, thumbprint, ueid_of

NASTY = "</td><script>alert(1)</script>\x1b[2J\u202e{{ 7*7 }}"


def plain(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def attacked(ledger: Ledger, player: Player) -> None:
    """Somebody is on the robot through a relay."""
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])


def test_an_empty_fleet_says_how_to_begin(operator: TestClient) -> None:
    """The first screen is a door, not an empty table."""
    page = operator.get("/").text
    assert "No robot yet" in page and "wachhund robots invite" in page


def test_the_only_robot_stands_in_full_below_the_sentence(operator: TestClient, player: Player) -> None:
    """With one robot nobody wants a table."""
    text = plain(operator.get("/").text)
    assert "0 controlled without authorisation , 0 cannot be vouched for , 1 verified" in text
    assert "Control nobody looked" in text and "Proof verified" in text and "Coverage partly blind" in text


def test_many_robots_are_a_table_with_the_worst_on_top(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """The one that is controlled comes first, whatever its name."""
    Player(ledger, "a-quiet-one")
    attacked(ledger, player)
    page = operator.get("/").text
    assert page.index("go1-07") < page.index("a-quiet-one")
    assert "203.0.113.7 → agentd → loopback → ssh → pi" in page
    assert "a-quiet-one" not in operator.get('/?q="not allowed"').text
    assert "No robot of 2 matches" in plain(operator.get("/?q=nothing").text)


def test_a_robot_page_says_who_is_on_it_and_by_which_way(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """The path is an ordered list: from the outside inwards."""
    attacked(ledger, player)
    page = operator.get("/robots/go1-07").text
    labels = re.findall(r'hop-label"><bdi>([^<]+)', page)
    assert labels == ["203.0.113.7", "agentd", "inside the robot", "ssh", "pi"]
    assert "NOT ALLOWED" in page and "not allowed" in page
    assert re.search(r'<tr><td data-label="Sense"><b>camera</b>.*?not looked at', page)


def test_calm_is_not_claimed_by_a_robot_that_fell_silent(operator: TestClient, ledger: Ledger) -> None:
    """ "nobody" needs evidence of now: an hour-old calm is unknown, and says why."""
    player = Player(ledger, "go1-08")
    player.say(player.looking(), received_t=time.time() - 3600)
    text = plain(operator.get("/robots/go1-08").text)
    assert "Control unknown since" in text and "proof is silent" in text and "Proof silent" in text
    assert "goes on" in text and "no evidence since" in text


def test_a_blind_sense_is_not_calm(operator: TestClient, player: Player) -> None:
    """Blind must not look like quiet."""
    player.say(player.looking(tcp={**SEEING["tcp"], "state": "blind", "why": "no right to look"}))
    text = plain(operator.get("/robots/go1-07").text)
    assert "Control unknown" in text and "no right to look" in text and "Coverage blind" in text


def test_an_incident_says_what_to_do_before_anything_else(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """Then the path, the story, what was not seen, and evidence that is checked again when opened."""
    attacked(ledger, player)
    page = operator.get("/incidents/i1").text
    text = plain(page[page.index("<main") :])
    order = ["Remote control not allowed", "yes, still going on", "What to do", "Unplug it.", "The path",
             "What happened", "One thing happened.", "What could not be seen", "T1572", "Evidence"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    link = re.search(r'href="(/evidence/[^"]+)"', page)
    assert link is not None
    checked = plain(operator.get(html.unescape(link.group(1))).text)
    assert "It stands" in checked and "pass signature" in checked and "pointed at by the incident" in checked


def test_evidence_that_was_altered_in_the_ledger_does_not_stand(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """The check is made from the text as it lies there now, not remembered from when it came."""
    token = player.token(player.seen("heartbeat"))
    forged = dataclasses.replace(token, text=token.text[:-8] + ("A" * 8))
    ledger.commit([forged])
    text = plain(operator.get(f"/evidence/go1-07/{player.chain}/{player.seq}").text)
    assert "It does not stand" in text and "fail signature" in text


@pytest.mark.parametrize("purpose", ["rotate", "replace"])
def test_evidence_outlives_the_key_that_signed_it(
    operator: TestClient, ledger: Ledger, player: Player, purpose: str
) -> None:
    """A robot that has another key by now, or another board: what the old key said stands, under the old key."""
    new = Ed25519PrivateKey.generate().public_key()
    key = RobotKey(thumbprint(new), "", ueid_of(new), public_key_pem(new).decode(), time.time(), None)
    ledger.invite(Invited("h", player.robot.id, "go1-07", purpose, time.time(), time.time() + 60), "test")
    ledger.enrol("h", key, "hash", "said")
    page = operator.get(f"/evidence/go1-07/{player.chain}/1").text
    assert "It stands" in plain(page) and "the robot has another key by now" in plain(page)
    assert player.robot.public_key_pem.split("\n")[1] in page, "with the key that proves it"


def test_what_a_hostile_robot_sends_is_text_on_every_page(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """Arguments, paths, users, hosts, reasons, kinds and shapes: all of it may be an attacker's."""
    fields = {"exe": "/" + NASTY, "argv": [NASTY, 7, None], "user": NASTY, "local": NASTY, "remote": [NASTY, NASTY],
              "direction": {NASTY: 1}, "scope": [NASTY], "peer": {NASTY: NASTY}, "pid": NASTY}  # fmt: skip
    player.say(
        player.seen("process.start", puid="1-1", **fields), player.seen("process.start", puid="2-2"),
        player.seen("flow.open", flow="f", **fields), player.seen("listen.open", proto="tcp", **fields),
        player.seen(NASTY, **{NASTY: NASTY}), player.seen("agent.start", version=NASTY),
        player.looking(**{NASTY: {"state": NASTY, "why": NASTY, "source": [NASTY], "interval_s": NASTY}}),
    )  # fmt: skip
    path = [{"hop": "process", "role": NASTY, "exe": NASTY, "user": NASTY, "pid": NASTY}, {"hop": NASTY}]
    session = player.session("s1", origin=path, user=NASTY, surface=NASTY, carrier=NASTY, incident="i1")
    lines = {name: [NASTY] for name in ("story", "advice", "unknown", "rules", "attack")}
    ledger.save_judgement(1, [player.incident("i1", sessions=[session], title=NASTY, **lines)], [session])
    pages = ["/", "/robots/go1-07", "/incidents", "/incidents/i1", f"/evidence/go1-07/{player.chain}/{player.seq}"]
    for path_ in pages:
        answer = operator.get(path_)
        assert answer.status_code == 200, path_
        assert "<script>alert" not in answer.text and "</td><script" not in answer.text, path_
        assert "\x1b" not in answer.text and "\u202e" not in answer.text, path_
        assert "U+202E" in answer.text or (path_ == "/incidents" and "U+202E" in plain(answer.text)), path_


def test_what_was_refused_is_shown_by_reason_and_changes_no_word(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """On the robot's page what came under its name, on the fleet's what came from strangers; samples are only text."""
    before = plain(operator.get("/robots/go1-07").text)
    ledger.add_rejections(
        [
            Rejection(player.robot.id, "signature", 12, time.time() - 90, time.time(), NASTY),
            Rejection("", "broker-login", 7, time.time() - 9, time.time(), "as host, from 192.0.2.1"),
        ]
    )
    page = operator.get("/robots/go1-07").text
    told = plain(page)
    assert "<script>alert(1)" not in page and "{{ 7*7 }}" in told, "text of a stranger stays text"
    assert "Refused 12 times under its name" in told and "signature 12 " in told and "broker-login" not in told
    above = [re.sub(r"\d+ s ago", "", page.partition("Now")[0]) for page in (before, told)]
    assert above[0] == above[1], "its words stay as they were"
    fleet = plain(operator.get("/").text)
    assert "Refused from strangers 7 times" in fleet and "as host, from 192.0.2.1" in fleet
    said = operator.get("/api/v1/robots/go1-07").json()["refused"]
    assert [(one["reason"], one["count"], one["sample"]) for one in said] == [("signature", 12, NASTY)]


@pytest.mark.parametrize("name", ["a/b", "ümlaut & co", "100%", "<b>", "x?y#z", "\u05d0\u05d1"])
def test_a_robot_of_any_name_has_its_pages(operator: TestClient, ledger: Ledger, name: str) -> None:
    """Names are labels that people choose: links to them must hold."""
    player = Player(ledger, name)
    player.say(player.looking())
    Player(ledger, "other")
    page = operator.get("/").text
    for link in re.findall(r'href="(/robots/[^"]+)"', page):
        assert operator.get(html.unescape(link)).status_code == 200
    link = re.search(
        r'href="(/evidence/[^"]+)"',
        operator.get("/robots/" + quote(name, safe="")).text,
    )
    assert link is not None and operator.get(html.unescape(link.group(1))).status_code == 200


@pytest.mark.parametrize("path", ["/robots/none", "/incidents/none", "/incidents?tab=x", "/evidence/a/b/1",
                                  "/evidence/go1-07/x/0", "/evidence/a/b/c", "/nowhere", "/?page=x"])  # fmt: skip
def test_what_is_not_there_is_said_in_words(operator: TestClient, path: str) -> None:
    """No traceback, no bare status."""
    answer = operator.get(path)
    assert answer.status_code in (404, 422) and "Traceback" not in answer.text and "<h1>" in answer.text


def test_the_api_says_the_same_as_the_pages(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """Pages are thin over the same facts."""
    attacked(ledger, player)
    fleet = operator.get("/api/v1/fleet").json()
    assert fleet["total"] == 1 and fleet["items"][0]["control"]["word"] == "NOT ALLOWED"
    robot = operator.get("/api/v1/robots/go1-07").json()
    assert robot["sessions"][0]["origin"] == RELAY_PATH and robot["proof"]["word"] == "verified"
    (listed,) = operator.get("/api/v1/incidents", params={"robot": "go1-07", "state": "open"}).json()["items"]
    assert listed == operator.get("/api/v1/incidents/i1").json() and listed["robot"] == "go1-07"
    evidence = operator.get(f"/api/v1/robots/go1-07/evidence/{player.chain}/1").json()
    assert evidence["stands"] is True and evidence["observations"][0]["kind"] == "coverage"
    assert operator.get("/api/v1/robots/none").status_code == 404


def test_a_page_that_fails_says_so_in_words_and_with_a_number(
    operator: TestClient, ledger: Ledger, player: Player, caplog: pytest.LogCaptureFixture
) -> None:
    """What failed, what is still true, what to do, an id to quote, and the same id in the log."""
    ledger.save_judgement(1, [player.incident("i1", sessions=[], story=7)], [])
    answer = operator.get("/incidents/i1")
    number = re.search(r"To quote: <code>([0-9a-f]+)<", answer.text)
    assert answer.status_code == 500 and number is not None and "Traceback" not in answer.text
    assert number.group(1) in caplog.text
