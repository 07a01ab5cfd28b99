"""Passkeys on the pages, with an authenticator that really signs and py_webauthn that really checks."""

import html
import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.host.web.authenticator import PRESENT, VERIFIED, Authenticator
from tests.unit.host.web.conftest import TestClient
from wachhund.ledger import Ledger
from wachhund.ledger.acts import Search
from wachhund.people import passkeys
from wachhund.people.inviting import hashed
from wachhund.people.passkeys import Site, site_of
from wachhund.web.app import create_app
from wachhund.web.attempts import ATTEMPTS_PER_ADDRESS, Attempts
from wachhund.web.challenges import HOLDS_S, Challenges
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard
from wachhund.web.passkey_door import BEGINNINGS_FOR_ONE, PasskeyDoor

ORIGIN = "https://wachhund.example"
PASSWORD = "four words do well"
MINE = "/settings/me/passkeys"


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.t = 1000.0

    def __call__(self) -> float:
        return self.t


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def person(ledger: Ledger, door: Door, clock: Clock) -> Iterator[TestClient]:
    """Bert, logged in by password at a host that has an https address."""
    ledger.people.make("bert", door._passwords.hash(PASSWORD), {"all": "admin"}, by="a test", why="", t=time.time())
    guard = create_app(ledger, door, LiveBoard(), names=["wachhund.example"], site=Site("wachhund.example", ORIGIN))
    app: Any = guard._app
    challenges = Challenges(ledger.held_once, clock)
    app.state.passkeys = PasskeyDoor(ledger, door, app.state.passkeys.site, challenges=challenges)
    with TestClient(guard, base_url=ORIGIN, follow_redirects=False) as client:
        assert client.post("/login", data={"name": "bert", "password": PASSWORD}).status_code == 303
        yield client


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(ORIGIN)


def begin_new(person: TestClient, name: str = "key ring") -> dict[str, Any]:
    """What the browser is asked to make."""
    page = person.post(MINE, data={"act": "begin", "name": name, "password": PASSWORD})
    assert page.status_code == 200, page.text
    found = re.search(r'data-options="([^"]*)"', page.text)
    assert found is not None
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


def make(person: TestClient, device: Authenticator, name: str = "key ring") -> None:
    assert person.post(MINE, data={"act": "add", "answer": device.make(begin_new(person, name))}).status_code == 303


def begin(person: TestClient) -> dict[str, Any]:
    """What the browser is asked to show."""
    reply = person.post("/login/passkey/begin")
    assert reply.status_code == 200
    options: dict[str, Any] = reply.json()
    return options


def come_in(person: TestClient, answer: str) -> int:
    return person.post("/login/passkey", data={"answer": answer, "next": "/incidents"}).status_code


def acts(ledger: Ledger) -> list[str]:
    return [act.act for act in reversed(ledger.log.find(Search(), 50)[1])]


def test_a_passkey_is_made_lets_in_without_a_password_and_is_removed(
    person: TestClient, ledger: Ledger, device: Authenticator
) -> None:
    """Both factors at once: the second factor of the password is not asked for."""
    make(person, device)
    page = person.get("/settings/me").text
    assert "key ring" in page and PASSWORD not in page
    person.post("/logout")
    assert person.get("/settings/me").status_code == 303
    answer = person.post("/login/passkey", data={"answer": device.show(begin(person)), "next": "/incidents"})
    assert answer.status_code == 303 and answer.headers["location"] == "/incidents"
    (login,) = ledger.people.logins("bert", time.time())
    assert login.way == "passkey"
    (passkey,) = ledger.passkeys.of("bert")
    assert passkey.used_t is not None and passkey.count == 2
    wrong = person.post(MINE, data={"act": "remove", "passkey": str(passkey.id), "password": "wrong"})
    assert wrong.status_code == 422 and len(ledger.passkeys.of("bert")) == 1
    right = person.post(MINE, data={"act": "remove", "passkey": str(passkey.id), "password": PASSWORD})
    assert right.status_code == 303
    assert ledger.passkeys.of("bert") == []
    assert come_in(person, device.show(begin(person))) == 401
    assert acts(ledger) == ["person add", "log in", "passkey add", "log out", "log in", "passkey remove"]


def test_a_second_factor_is_not_asked_for_beside_it_and_a_page_elsewhere_is_never_led_to(
    person: TestClient, device: Authenticator
) -> None:
    make(person, device)
    data = {"answer": device.show(begin(person)), "next": "https://evil.example/"}
    answer = person.post("/login/passkey", data=data)
    assert answer.status_code == 303 and answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://evil.example"}, {"flags": PRESENT}, {"flags": VERIFIED}, {"kind": "webauthn.get"},
        {"origin": "http://wachhund.example"},
    ],
)  # fmt: skip
def test_a_key_that_was_made_for_another_page_or_without_the_person_is_not_taken(
    person: TestClient, ledger: Ledger, device: Authenticator, changed: dict[str, Any]
) -> None:
    options = begin_new(person)
    for name, value in changed.items():
        setattr(device, name, value)
    answer = person.post(MINE, data={"act": "add", "answer": device.make(options)})
    assert answer.status_code == 422 and "begin again" in answer.text and ledger.passkeys.of("bert") == []


def test_a_key_needs_the_password_a_name_and_its_own_challenge(
    person: TestClient, ledger: Ledger, device: Authenticator, clock: Clock
) -> None:
    """The challenge is of this login, for one answer, for minutes."""
    form = {"act": "begin", "name": "x", "password": "wrong"}
    assert person.post(MINE, data=form).status_code == 422
    assert person.post(MINE, data={**form, "name": " ", "password": PASSWORD}).status_code == 422
    assert person.post(MINE, data={"act": "add", "answer": device.make(begin_new(person))}).status_code == 303
    options = begin_new(person, "two")
    assert [each["id"] for each in options["excludeCredentials"]] == [ledger.passkeys.of("bert")[0].key_id]
    other = device.make({**options, "challenge": "AAAA"})
    assert person.post(MINE, data={"act": "add", "answer": other}).status_code == 422
    assert person.post(MINE, data={"act": "add", "answer": device.make(options)}).status_code == 422, "it was used up"
    options = begin_new(person, "two")
    clock.t += HOLDS_S + 1
    assert person.post(MINE, data={"act": "add", "answer": device.make(options)}).status_code == 422, "it was too old"
    options = begin_new(person, "two")
    assert person.post("/login", data={"name": "bert", "password": PASSWORD}).status_code == 303
    assert person.post(MINE, data={"act": "add", "answer": device.make(options)}).status_code == 422, "another login's"
    assert person.post(MINE, data={"act": "begin", "name": "key ring", "password": PASSWORD}).status_code == 422
    assert len(ledger.passkeys.of("bert")) == 1


def test_one_answer_lets_in_once_and_only_the_browser_that_asked(
    person: TestClient, device: Authenticator, clock: Clock
) -> None:
    make(person, device)
    answer = device.show(begin(person))
    assert come_in(person, answer) == 303 and come_in(person, answer) == 401
    answer = device.show(begin(person))
    person.cookies.clear()
    assert come_in(person, answer) == 401
    answer = device.show(begin(person))
    clock.t += HOLDS_S + 1
    assert come_in(person, answer) == 401


@pytest.mark.parametrize(
    "changed",
    [{"origin": "https://evil.example"}, {"flags": PRESENT}, {"flags": VERIFIED}, {"kind": "webauthn.create"}],
)
def test_what_was_signed_for_another_page_or_without_the_person_lets_nobody_in(
    person: TestClient, device: Authenticator, changed: dict[str, Any]
) -> None:
    make(person, device)
    for name, value in changed.items():
        setattr(device, name, value)
    assert come_in(person, device.show(begin(person))) == 401


def test_what_another_key_signed_lets_nobody_in(person: TestClient, device: Authenticator) -> None:
    """Also where it says that it is the key of somebody, and whose."""
    make(person, device)
    identity, handle, _ = device.keys["wachhund.example"]
    thief = Authenticator(ORIGIN, count=9)
    thief.make({**begin_new(person, "two"), "user": {"id": "AAAA"}})
    thief.keys["wachhund.example"] = (identity, handle, thief.keys["wachhund.example"][2])
    assert come_in(person, thief.show(begin(person))) == 401
    assert come_in(person, device.show(begin(person), site="evil.example")) == 401
    device.keys["wachhund.example"] = (identity, b"somebody else", device.keys["wachhund.example"][2])
    assert come_in(person, device.show(begin(person))) == 401


def test_a_count_that_goes_back_is_refused_and_on_record(
    person: TestClient, ledger: Ledger, device: Authenticator
) -> None:
    """A copy of the device counts on by itself. Nobody without the key can put that on record."""
    make(person, device)
    assert come_in(person, device.show(begin(person))) == 303
    device.count = 0
    assert come_in(person, device.show(begin(person))) == 401
    assert "passkey refused" in acts(ledger) and "there may be a copy" in person.get("/settings/me").text
    (_, (act, *_)) = ledger.log.find(Search(words=("refused",)), 1)
    assert act.subject == "bert: key ring" and act.detail == {"kept": 2, "told": 1}
    (_, before) = ledger.log.find(Search(), 50)
    identity, handle, _ = device.keys["wachhund.example"]
    thief = Authenticator(ORIGIN)
    thief.make({**begin_new(person, "two"), "user": {"id": "AAAA"}})
    thief.keys["wachhund.example"] = (identity, handle, thief.keys["wachhund.example"][2])
    thief.count = 0
    assert come_in(person, thief.show(begin(person))) == 401
    assert ledger.log.find(Search(), 50)[1] == before


def test_a_device_that_counts_nothing_lets_in_again_and_again(person: TestClient, device: Authenticator) -> None:
    """Passkeys that their maker copies to other devices can't count."""
    device.counts = False
    make(person, device)
    assert [come_in(person, device.show(begin(person))) for _ in range(3)] == [303, 303, 303]


def test_nothing_says_whether_there_is_such_a_key_or_person(
    person: TestClient, ledger: Ledger, device: Authenticator
) -> None:
    """The same question for everybody, and the same answer to whoever does not come in."""
    make(person, device)
    stranger = Authenticator(ORIGIN)
    stranger.make({**begin_new(person, "two"), "user": {"id": "AAAA"}})
    ledger.people.make("anna", "", {"all": "admin"}, by="a test", why="", t=time.time())
    ledger.people.disable("bert", by="a test", why="", t=time.time())
    person.cookies.clear()
    options = begin(person)
    assert options["allowCredentials"] == []
    said = []
    for answer in (stranger.show(options), device.show(begin(person)), "{}", "no JSON", ""):
        reply = person.post("/login/passkey", data={"answer": answer})
        said.append((reply.status_code, reply.text))
    assert {status for status, _ in said} == {401} and len(set(said)) == 1


def test_beginnings_and_answers_are_slowed_as_passwords_are(person: TestClient, door: Door) -> None:
    door.attempts = Attempts()
    codes = [come_in(person, "{}") for _ in range(ATTEMPTS_PER_ADDRESS + 1)]
    assert codes == [401] * ATTEMPTS_PER_ADDRESS + [429]
    begun = [person.post("/login/passkey/begin") for _ in range(BEGINNINGS_FOR_ONE + 1)]
    assert [reply.status_code for reply in begun] == [200] * BEGINNINGS_FOR_ONE + [429]
    assert "retry-after" in begun[-1].headers and "Too many" in begun[-1].json()["problem"]


def test_challenges_are_bounded_and_of_one_holder_each(ledger: Ledger) -> None:
    clock = Clock()
    held = Challenges(ledger.held_once, clock, most=3)
    first = held.new("a").value
    assert held.new("a").value != first
    for name in "bcd":
        held.new(name)
    assert held.take("a") is None and held.take("b") is not None and held.take("b") is None


def test_hostile_answers_are_refused_and_never_more(device: Authenticator) -> None:
    """A thousand answers that were broken somewhere: no exception, and none that lets in."""
    site, challenge, chance = Site("wachhund.example", ORIGIN), b"c" * 32, random.Random(8)
    made = device.make(passkeys.ask_to_make(site, "bert", passkeys.new_handle(), challenge, ()))
    kept = passkeys.made(site, challenge, made)
    assert kept is not None
    showing = device.show(passkeys.ask_to_show(site, challenge))
    assert passkeys.shown(site, challenge, showing, kept.public_key) == 2
    odd = ["null", "[]", "[" * 9000, '{"id": 1}', '{"id": "é", "rawId": "é"}', made, showing]
    for text in (made, showing):
        for _ in range(500):
            at = chance.randrange(len(text))
            odd.append(text[:at] + chance.choice(["", "x", "-", "{", "\x00", "ü", text[at:][:9] * 2]) + text[at + 1 :])
    for text in odd:
        passkeys.made(site, challenge, text)  # what a browser makes is not signed: some of these are other keys
        assert passkeys.shown(site, challenge, text, kept.public_key) in (None, 2)
        passkeys.claim_of(text)


def test_a_statement_of_the_maker_is_not_read(device: Authenticator) -> None:
    """Nobody asked for it, and reading one is a large part of what could go wrong."""
    site, challenge = Site("wachhund.example", ORIGIN), b"c" * 32
    options = passkeys.ask_to_make(site, "bert", passkeys.new_handle(), challenge, ())
    assert passkeys.made(site, challenge, device.make(options, fmt="tpm", attStmt={"ver": "2.0"})) is None
    stated = {"alg": -7, "sig": b"x", "x5c": [b"x"]}
    assert passkeys.made(site, challenge, device.make(options, fmt="packed", attStmt=stated)) is None
    assert passkeys.made(site, challenge, device.make(options)) is not None


def test_a_reset_ends_the_passkeys_when_its_link_is_used(
    person: TestClient, ledger: Ledger, device: Authenticator
) -> None:
    """Whoever lost the device may have lost it to somebody."""
    make(person, device)
    ledger.ways_in.reset("bert", hashed("code"), time.time() + 60, by="a test", why="lost", t=time.time())
    assert come_in(person, device.show(begin(person))) == 303, "until then the person comes in as before"
    assert ledger.ways_in.use_link(hashed("code"), "", time.time()) == "bert"
    assert ledger.passkeys.of("bert") == []
    assert come_in(person, device.show(begin(person))) == 401


def test_a_host_without_an_https_name_says_so_and_offers_none(operator: TestClient) -> None:
    page = operator.get("/settings/me").text
    assert "Passkeys need an https address" in page and "passkeys.js" not in page
    assert operator.post("/login/passkey/begin").status_code == 422
    operator.cookies.clear()
    page = operator.get("/login").text
    assert "passkey" not in page.lower()
    assert operator.post("/login/passkey", data={"answer": "{}"}).status_code == 422


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://wachhund.example.org", "wachhund.example.org"), ("https://wachhund:8443", "wachhund"),
        ("http://localhost:8380", "localhost"), ("http://127.0.0.1:8380", "localhost"),
        ("http://[::1]:8380", "localhost"),
        ("http://wachhund.example.org", None), ("http://0.0.0.0:8380", None), ("http://192.168.1.9:8380", None),
        ("https://192.168.1.9", None), ("https://[2001:db8::1]", None),
    ],
)  # fmt: skip
def test_passkeys_are_for_a_name_by_https_or_for_this_machine(origin: str, name: str | None) -> None:
    site = site_of(origin)
    assert (None if site is None else site.name) == name
    if name == "localhost":
        assert site == Site("localhost", "http://localhost:8380")
