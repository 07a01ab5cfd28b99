"""People by the pages: invited by a link, changed, disabled, reset; their own account; tokens; the log of acts."""

import csv
import io
import re
import time

import pyotp
import pytest
from starlette.testclient import TestClient

from tests.robots.ledger_place import all_that_it_holds
from wachhund.ledger import Ledger
from wachhund.ledger.acts import Search
from wachhund.people.second_factor import STEP_S, step_of
from wachhund.web.attempts import Attempts
from wachhund.web.door import Door

PASSWORD = "four words do well"


def made_link(text: str) -> str:
    """The code of the one-time link that a page shows."""
    found = re.search(r"/welcome#([\w-]+)", text)
    assert found is not None
    return found[1]


def invite(admin: TestClient, name: str = "bert", role: str = "operator", group: str = "all") -> str:
    form = {"name": name, "role": role, "group": group, "days": "1", "why": "a test"}
    answer = admin.post("/settings/people", data=form)
    assert answer.status_code == 200
    return made_link(answer.text)


def set_password(client: TestClient, code: str, password: str = PASSWORD) -> int:
    client.cookies.clear()
    return client.post("/welcome", data={"code": code, "password": password, "again": password}).status_code


def log_in(client: TestClient, name: str = "bert", password: str = PASSWORD, second: str = "") -> int:
    client.cookies.clear()
    return client.post("/login", data={"name": name, "password": password, "second": second}).status_code


def test_somebody_is_invited_sets_a_password_and_may_what_was_given(operator: TestClient, ledger: Ledger) -> None:
    """The link works once, and the page never shows it again."""
    code = invite(operator)
    assert code not in operator.get("/settings/people").text
    assert set_password(operator, code) == 303
    assert operator.get("/settings/me").status_code == 200
    assert operator.get("/settings/people").status_code == 403
    assert "/settings/people" not in operator.get("/settings").text
    assert set_password(operator, code) == 422
    assert log_in(operator) == 303
    _, acts = ledger.log.find(Search(), 20)
    told = [(act.act, act.who) for act in reversed(acts) if act.subject == "bert"]
    assert told == [("person add", "admin"), ("person invite", "admin"), ("person invite used", "bert")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "x/../y"}, "give 1 to 64 letters"),
        ({"name": "<b>"}, "give 1 to 64 letters"),
        ({"name": "admin"}, "there is one of that name"),
        ({"role": "king"}, "there is none"),
        ({"group": "attic"}, "there is none of that name"),
        ({"days": "0"}, "more than 0"),
        ({"days": "nan"}, "more than 0"),
        ({"days": "soon"}, "is no number"),
        ({"why": " "}, "give a reason"),
    ],
)
def test_a_bad_invitation_says_what_is_wrong_and_changes_nothing(
    operator: TestClient, ledger: Ledger, changed: dict[str, str], said: str
) -> None:
    form = {"name": "bert", "role": "viewer", "group": "all", "days": "1", "why": "a test", **changed}
    answer = operator.post("/settings/people", data=form)
    assert answer.status_code == 422 and said in answer.text and "Nothing was changed" in answer.text
    assert [person.name for person in ledger.people.all()] == ["admin"]


def test_roles_groups_and_disabling_by_the_page(operator: TestClient, ledger: Ledger) -> None:
    group = {"name": "lab", "robots": "go1-*, b2", "why": "ours"}
    assert operator.post("/settings/people/groups", data=group).status_code == 303
    invite(operator, role="viewer")
    give = {"act": "give", "role": "operator", "group": "lab", "why": "on call"}
    assert operator.post("/settings/people/bert", data=give).status_code == 303
    person = ledger.people.person("bert")
    assert person is not None and person.grants == {"all": "viewer", "lab": "operator"}
    assert "operator of lab" in operator.get("/settings/people").text
    assert operator.post("/settings/people/bert", data={"act": "disable", "why": "left"}).status_code == 303
    assert "Disabled" in operator.get("/settings/people/bert").text
    refused = operator.post("/settings/people/admin", data={"act": "disable", "why": "x"})
    assert refused.status_code == 422 and "the last admin" in refused.text
    assert operator.post("/settings/people/bert", data={"act": "fly", "why": "x"}).status_code == 422
    assert operator.get("/settings/people/nobody").status_code == 404


def test_a_reset_ends_password_logins_and_second_factor_only_when_it_is_used(
    operator: TestClient, ledger: Ledger
) -> None:
    assert set_password(operator, invite(operator)) == 303
    bert = operator.cookies["wachhund_8380"]
    ledger.people.change_roles("bert", {"all": "admin"}, by="a test", why="", t=time.time())
    code = made_link(operator.post("/settings/people/bert", data={"act": "reset", "days": "1", "why": "lost"}).text)
    assert operator.get("/settings/me").status_code == 200
    assert set_password(operator, code, "another five words here") == 303
    operator.cookies.clear()
    operator.cookies.set("wachhund_8380", bert)
    assert operator.get("/settings/me").status_code == 303
    assert log_in(operator) == 401 and log_in(operator, password="another five words here") == 303


def test_a_disabled_person_is_out_at_once_and_told_no_more_than_a_stranger(
    operator: TestClient, ledger: Ledger
) -> None:
    assert set_password(operator, invite(operator)) == 303
    ledger.people.disable("bert", by="a test", why="", t=time.time())
    assert operator.get("/").status_code == 303
    operator.cookies.clear()
    answers = [operator.post("/login", data={"name": name, "password": PASSWORD}) for name in ("bert", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401] and answers[0].text == answers[1].text


def test_a_second_factor_is_set_up_asked_for_and_taken_once(operator: TestClient, door: Door, ledger: Ledger) -> None:
    """The picture is drawn here: no other host is asked to draw the secret."""
    assert set_password(operator, invite(operator)) == 303
    path = "/settings/me/second-factor"
    assert operator.post(path, data={"act": "begin", "password": "wrong"}).status_code == 422
    page = operator.post(path, data={"act": "begin", "password": PASSWORD}).text
    picture = page.split("<svg")[1].split("</svg>")[0]
    assert re.findall(r"https?://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    found = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert found is not None
    secret = found[1]
    assert operator.post(path, data={"act": "confirm", "secret": secret, "code": "000000"}).status_code == 422
    assert ledger.ways_in.factor("bert") is None
    now = time.time()
    answer = operator.post(path, data={"act": "confirm", "secret": secret, "code": pyotp.TOTP(secret).at(now)})
    codes = re.findall(r"<li><code>([\w-]+)</code>", answer.text)
    assert len(codes) == 10
    assert log_in(operator) == 401
    used = pyotp.TOTP(secret).at(now)
    assert log_in(operator, second=used) == 401, "the code that confirmed it was taken"
    assert log_in(operator, second=pyotp.TOTP(secret).at(now + STEP_S)) == 303
    assert log_in(operator, second=codes[0]) == 303 and log_in(operator, second=codes[0]) == 401
    door.attempts = Attempts()  # a minute later
    assert log_in(operator, second=codes[1].upper()) == 303
    assert "8 recovery codes left" in operator.get("/settings/me").text
    assert operator.post(path, data={"act": "end", "password": PASSWORD}).status_code == 303
    assert log_in(operator) == 303


def test_a_code_is_of_its_half_minute_and_the_two_beside_it() -> None:
    secret = pyotp.random_base32()
    code = pyotp.TOTP(secret).at(1_000_000_000)
    step = 1_000_000_000 // STEP_S
    assert [step_of(secret, code, 1_000_000_000 + offset * STEP_S) for offset in (-2, -1, 0, 1, 2)] == [
        None, step, step, step, None,
    ]  # fmt: skip
    assert step_of(secret, "", 1e9) is None and step_of(secret, "١٢٣٤٥٦", 1e9) is None


def test_a_token_may_what_it_says_and_never_more_than_its_maker_then(
    operator: TestClient, stranger: TestClient, ledger: Ledger
) -> None:
    """Shown once; a thief of the ledger finds its hash; the account itself is not for programs."""
    page = operator.post("/settings/me/tokens", data={"name": "ci", "role": "admin", "group": "all", "days": "9"}).text
    found = re.search(r"<code>(wachhund_[\w-]+)</code>", page)
    assert found is not None and found[1] not in operator.get("/settings/me").text
    operator.cookies.clear()
    shown = {"authorization": f"Bearer {found[1]}"}
    assert operator.get("/api/v1/me", headers=shown).status_code == 200
    assert operator.get("/settings/acts", headers=shown).status_code == 200
    assert operator.get("/settings/me", headers=shown).status_code == 403
    assert found[1] not in all_that_it_holds(ledger.path)
    ledger.people.make("other", "", {"all": "admin"}, by="a test", why="", t=time.time())
    ledger.people.change_roles("admin", {"all": "viewer"}, by="a test", why="", t=time.time())
    refused = operator.get("/settings/acts", headers=shown)
    assert refused.status_code == 403
    assert operator.get("/api/v1/me", headers=shown).status_code == 200
    (token,) = ledger.ways_in.tokens("admin")
    assert token.used_t is not None
    assert ledger.ways_in.end_token("admin", token.id, by="a test", t=time.time())
    assert operator.get("/api/v1/me", headers=shown).status_code == 401
    assert operator.get("/api/v1/me", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_a_person_sees_and_ends_their_own_logins(operator: TestClient, ledger: Ledger) -> None:
    (login,) = ledger.people.logins("admin", time.time())
    assert "testclient" in operator.get("/settings/me").text
    assert operator.post("/settings/me/logins", data={"login": "no such login"}).status_code == 303
    assert operator.get("/settings/me").status_code == 200
    operator.post("/settings/me/logins", data={"login": login.id})
    assert operator.get("/settings/me").status_code == 303


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"old": "wrong", "password": "a new long one", "again": "a new long one"}, "present password is wrong"),
        ({"password": "short", "again": "short"}, "12 to 1024"),
        ({"password": "a new long one", "again": "another one here"}, "differ"),
        ({"password": "aaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaa"}, "too easy"),
    ],
)
def test_a_password_that_cannot_be_is_refused(operator: TestClient, form: dict[str, str], said: str) -> None:
    assert set_password(operator, invite(operator)) == 303
    answer = operator.post("/settings/me/password", data={"old": PASSWORD, **form})
    assert answer.status_code == 422 and said in answer.text
    assert log_in(operator) == 303


def test_the_log_is_searched_and_taken_away_as_csv(operator: TestClient, ledger: Ledger) -> None:
    """What a spreadsheet would take for a formula is none."""
    for number in range(120):
        ledger.log.record(t=time.time(), who="eve", act="note", subject=f"=cmd|{number}", why="<script>x</script>")
    page = operator.get("/settings/acts", params={"q": "note", "page": "2"}).text
    assert "120 acts match" in page and "=cmd|0" in page and "=cmd|119" not in page and "<script>x" not in page
    assert "Nothing in the log was changed" in page
    answer = operator.get("/settings/acts/csv", params={"who": "eve"})
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv") and len(rows) == 121
    assert rows[1][4] == "'=cmd|0" and rows[1][2] == "eve"
    assert ledger.log.find(Search(words=("export",)), 1)[0] == 1
    assert operator.get("/settings/acts", params={"from": "rubbish"}).status_code == 422
    assert operator.get("/settings/acts/csv", params={"to": "rubbish"}).status_code == 422


def test_the_log_is_taken_away_as_json_with_its_texts_as_they_are(operator: TestClient, ledger: Ledger) -> None:
    """A program that holds them against our hashes must get what was hashed; an empty list is one too."""
    for number in range(501):
        ledger.log.record(t=time.time(), who="eve", act="note", subject=f"=cmd|{number}", detail={"n": number})
    told = operator.get("/settings/acts/json", params={"who": "eve"})
    assert told.headers["content-type"] == "application/json"
    assert [(row["subject"], row["detail"]) for row in told.json()] == [(f"=cmd|{n}", {"n": n}) for n in range(501)]
    assert operator.get("/settings/acts/json", params={"who": "nobody"}).json() == []
    assert operator.get("/settings/acts/json", params={"to": "rubbish"}).status_code == 422
