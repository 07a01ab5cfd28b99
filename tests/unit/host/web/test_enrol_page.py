"""Enrolling on the page: tokens once, a checklist of facts, and nothing that claims more."""

import datetime
import html
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from tests.robots.host_bench import keys_of_some_host
from tests.unit.host.web.conftest import HERE
from tests.unit.host.web.stage import Player, door_of
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.enrolling import enrol
from wachhund.fleet.inviting import Token, invite
from wachhund.ledger import Ledger, Link
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.enrol_facts import show_checklist
from wachhund.web.enrol_page import WayIn
from wachhund.web.live import LiveBoard
from wachhund_evidence import base64url
from wachhund_evidence.enrolment import read_invitation, sign_proof
from wachhund_evidence.keys import raw_public_key

DOORS = ("host.example:8443",)


class Host:
    """A host with a door for robots, and an operator at its pages."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.keys = ledger, keys_of_some_host()
        self.authority = Authority.load_or_create(
            DataFolder(folder / "host").make(), ["host.example"], datetime.datetime.now(datetime.UTC)
        )

    def invite(self, name: str, by: str) -> Token:
        return invite(self.ledger, self.keys, self.authority, name, DOORS, by, time.time())

    def let_in(self, token: str, key: Ed25519PrivateKey) -> int:
        """What a robot does with the token; the status of the answer."""
        proof = sign_proof(token, read_invitation(token).host_key, int(time.time()), key)
        body = json.dumps({"proof": proof, "key": base64url.encode(raw_public_key(key.public_key()))}).encode()
        return enrol(body, self.ledger, self.keys, self.authority, ["mqtts://host.example:8883"], time.time()).status


@pytest.fixture
def host(ledger: Ledger, tmp_path: Path) -> Host:
    return Host(ledger, tmp_path)


@pytest.fixture
def operator(host: Host, ledger: Ledger) -> Iterator[TestClient]:
    door = door_of(ledger)
    app = create_app(ledger, door, LiveBoard(), way_in=WayIn(host.invite, host.keys.kid, DOORS))
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        keys = door.first_keys()
        assert keys is not None
        client.post("/login", data={"code": keys.code})
        yield client


def tokens(page: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r"wachhund-agent enrol (\S+)</pre>", page)]


def states(ledger: Ledger, name: str) -> dict[str, str]:
    found = show_checklist(ledger, name)
    assert found is not None
    return {line.key: line.state for line in found.lines}


def test_a_list_of_names_gets_a_token_each_once_and_the_failed_are_tried_alone(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """In the order in which it was pasted; a name that is taken stops nobody else."""
    page = operator.post("/enrol", data={"names": f"b\n\n a \n{player.robot.name}\nb\n"})
    assert page.status_code == 200 and page.headers["cache-control"] == "no-store"
    made = tokens(page.text)
    assert len(set(made)) == 2 and "2 of 3 tokens were made" in page.text
    assert page.text.index("/enrol/robots/b") < page.text.index("/enrol/robots/a")
    again = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)
    assert again is not None and again[1].split() == [player.robot.name]
    for path in ("/enrol", "/enrol/robots/a", "/"):
        shown = operator.get(path).text
        assert not any(token in shown for token in made), "a token is shown once"
    assert {line: states(ledger, "a")[line] for line in ("token", "key", "evidence")} == dict.fromkeys(
        ("token", "key", "evidence"), "waits"
    )


def test_the_checklist_fills_by_what_the_ledger_holds_and_survives_a_reload(
    operator: TestClient, host: Host, ledger: Ledger
) -> None:
    """Each line by its fact, in any order, on any device; "enrolled" only with verified evidence."""
    [token] = tokens(operator.post("/enrol", data={"names": "rex"}).text)
    key = Ed25519PrivateKey.generate()
    assert host.let_in(token, key) == 200
    page = operator.get("/enrol/robots/rex").text
    assert states(ledger, "rex")["token"] == "done" and "Not enrolled yet" in page
    words = re.search(r'name="words" value="([a-z -]+)"', page)
    assert words is not None and len(words[1].split()) == 6
    refused = operator.post("/enrol/accept", data={"name": "rex", "words": "other words"})
    assert refused.status_code == 422 and states(ledger, "rex")["key"] == "waits"
    done = operator.post("/enrol/accept", data={"name": "rex", "words": words[1]})
    assert (done.status_code, done.headers["location"]) == (303, "/enrol/robots/rex")
    assert states(ledger, "rex")["key"] == "done"
    robot = ledger.robot_by_name("rex")
    assert robot is not None
    assert ledger.robot_acts(robot.id)[-1].by == "admin on the enrol page"
    ledger.note_links([Link(robot.id, True, time.time())])
    assert states(ledger, "rex")["broker"] == "done" and states(ledger, "rex")["evidence"] == "waits"


def test_evidence_its_senses_its_clock_and_an_event_are_told_with_what_is_odd(player: Player, ledger: Ledger) -> None:
    """A robot that speaks: the lines say what it said."""
    assert set(states(ledger, "go1-07").values()) == {"done", "waits"}
    player.say(player.looking(tcp={"state": "blind", "why": "no right"}), player.seen("login.start", user="pi"))
    found = show_checklist(ledger, "go1-07")
    assert found is not None and found.is_enrolled
    lines = {line.key: line for line in found.lines}
    assert (lines["senses"].state, lines["event"].state) == ("late", "done")
    assert "blind: tcp" in lines["senses"].found and "login.start, signed" in lines["event"].found
    later = show_checklist(ledger, "go1-07", time.time() + 300)
    assert later is not None and not later.is_enrolled


def test_a_token_that_ended_unused_is_said_to_have_failed(operator: TestClient, host: Host, ledger: Ledger) -> None:
    """With what to do."""
    invite(ledger, host.keys, host.authority, "old", DOORS, "anna", time.time() - 90_000)
    page = operator.get("/enrol/robots/old").text
    assert states(ledger, "old")["token"] == "failed" and "it has ended, unused" in page


def test_a_host_without_a_door_says_how_to_get_one(stranger: TestClient, door: Door) -> None:
    """Started without --name."""
    keys = door.first_keys()
    assert keys is not None
    stranger.post("/login", data={"code": keys.code})
    assert "wachhund serve --name ADDRESS" in stranger.get("/enrol").text
    assert stranger.post("/enrol", data={"names": "a"}).status_code == 422


@pytest.mark.parametrize("names", ["", "\n \n", "\n".join(f"r{number}" for number in range(501))])
def test_no_names_and_too_many_make_no_token(operator: TestClient, names: str) -> None:
    """500 is what one page can show."""
    assert operator.post("/enrol", data={"names": names}).status_code == 422


def test_what_the_checklist_shows_changes_on_an_open_page(operator: TestClient, player: Player) -> None:
    """The same values, by the stream."""
    told = operator.get("/live/enrol/go1-07?once=1").json()
    assert told["slots"]["enrol:evidence"] == {"text": "done", "tone": "good"}
    assert operator.get("/live/enrol/nobody?once=1").status_code == 404


def test_a_program_lets_robots_in_as_a_person_does(operator: TestClient, host: Host, ledger: Ledger) -> None:
    """By the API: a token in one answer only, the checklist, and the acceptance of the words that it waits with."""
    made = operator.post("/api/v1/enrolments", json={"names": ["rex", "bad\nname", "rex"]})
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
    good, bad = made.json()["items"]
    assert good["token"] and good["problem"] is None and bad["token"] is None and bad["problem"]
    assert made.json()["doors"] == list(DOORS) and made.json()["fingerprint"] == host.keys.kid
    assert host.let_in(good["token"], Ed25519PrivateKey.generate()) == 200
    waits = operator.get("/api/v1/enrolments/rex").json()
    assert good["token"] not in json.dumps(waits) and waits["may_accept"] and not waits["enrolled"]
    wrong = operator.post("/api/v1/enrolments/rex/accept", json={"words": "other words"})
    assert wrong.status_code == 409 and states(ledger, "rex")["key"] == "waits"
    done = operator.post("/api/v1/enrolments/rex/accept", json={"words": waits["words"]})
    assert done.status_code == 200 and {one["key"]: one["state"] for one in done.json()["lines"]}["key"] == "done"
    assert operator.post("/api/v1/enrolments/rex/accept", json={"words": waits["words"]}).status_code == 409
    assert operator.get("/api/v1/enrolments/nobody").status_code == 404
