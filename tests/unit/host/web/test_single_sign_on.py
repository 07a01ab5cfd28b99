"""Single sign-on with a real provider on loopback, by https: who comes in, who does not, and what an attacker gets."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.unit.host.web.conftest import TestClient
from tests.unit.host.web.provider import CLIENT, SECRET, Provider, new_key
from wachhund.ledger import Ledger
from wachhund.ledger.acts import Search
from wachhund.people.sign_on_config import SignOn, read_sign_on
from wachhund.people.single_sign_on import SignOnFailed, provider_of
from wachhund.web import https_asking
from wachhund.web.app import create_app
from wachhund.web.attempts import ATTEMPTS_PER_ADDRESS
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard
from wachhund.web.sign_on_door import BACK, HOLDS_S, SignOnDoor
from wachhund_evidence import MisuseError

ORIGIN = "https://wachhund.example"
THERE = "/login/single-sign-on"


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
def provider(tmp_path: Path) -> Iterator[Provider]:
    provider = Provider(tmp_path)
    yield provider
    provider.end()


def configured(provider: Provider, **changed: Any) -> SignOn:
    """As a file says it."""
    folder = provider.ca_file.parent
    (folder / "secret").write_text(f"{SECRET}\n")
    said = {
        "issuer": provider.issuer, "client_id": CLIENT, "client_secret_file": "secret", "title": "the lab's account",
        "ca_file": "provider.pem", **changed,
    }  # fmt: skip
    file = folder / "single-sign-on.json"
    file.write_text(json.dumps(said))
    return read_sign_on(file)


class Stage:
    """A host, a provider, and a browser."""

    def __init__(self, ledger: Ledger, door: Door, provider: Provider, clock: Clock) -> None:
        self.ledger, self.door, self.provider, self.clock = ledger, door, provider, clock
        self.begin()

    def begin(self, **changed: Any) -> None:
        """Anew, as another file says."""
        began = time.time() - self.clock()
        config = configured(self.provider, **changed)
        sign_on = SignOnDoor(self.ledger, self.door, config, ORIGIN, lambda: began + self.clock(), self.clock)
        guard = create_app(self.ledger, self.door, LiveBoard(), names=["wachhund.example"], sign_on=sign_on)
        self.browser = TestClient(guard, base_url=ORIGIN, follow_redirects=False)

    def add(self, name: str, role: str = "viewer") -> None:
        self.ledger.people.make(name, "", {"all": role}, by="a test", why="", t=time.time())

    def go(self, target: str = "/incidents") -> str:
        """To the provider: its address."""
        answer = self.browser.get(THERE, params={"next": target})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def back(self, query: dict[str, str]) -> Any:
        return self.browser.get(BACK, params=query)

    def come_in(self, target: str = "/incidents") -> Any:
        return self.back(self.provider.visit(self.go(target)))

    def acts(self) -> list[tuple[str, str]]:
        return [(act.act, act.subject) for act in reversed(self.ledger.log.find(Search(), 50)[1])]


@pytest.fixture
def stage(ledger: Ledger, door: Door, provider: Provider, clock: Clock) -> Stage:
    stage = Stage(ledger, door, provider, clock)
    stage.add("anna", "admin")
    stage.add("bert")
    return stage


def refused(answer: Any) -> str:
    """The one line that a person is told who did not come in."""
    assert answer.status_code == 401 and "wachhund_80=" not in answer.headers.get("set-cookie", "")
    found = re.search(r'<p class="problem" role="alert">([^<]*)</p>', answer.text)
    assert found is not None and "\n" not in found[1]
    return found[1]


def test_who_is_there_already_comes_in_under_that_name(stage: Stage) -> None:
    """The page goes on by itself: the cookie of a login is not sent on a way that began at another site."""
    page = stage.browser.get("/login?next=/incidents").text
    assert 'href="/login/single-sign-on?next=%2Fincidents">Log in with the lab&#39;s account' in page
    assert 'name="password"' in page, "the local log-in always stays"
    answer = stage.come_in()
    assert answer.status_code == 200 and 'http-equiv="refresh" content="0; url=/incidents"' in answer.text
    assert stage.browser.get("/incidents").status_code == 200
    (login,) = stage.ledger.people.logins("bert", time.time())
    assert login.way == "single sign-on"
    assert stage.come_in().status_code == 200
    told = [("single sign-on bind", "bert"), ("log in", login.id)]
    assert stage.acts()[2:4] == told and [act for act, _ in stage.acts()].count("single sign-on bind") == 1
    assert stage.provider.asked.count("/.well-known/openid-configuration") == 1, "it is not asked at each log-in"


def test_who_is_not_there_stays_out_and_it_is_on_record(stage: Stage) -> None:
    stage.provider.who = {"sub": "subject-9", "preferred_username": "eve"}
    assert "nobody here is called" in refused(stage.come_in())
    assert stage.acts()[-1] == ("single sign-on refused", "eve")
    stage.ledger.people.disable("bert", by="a test", why="", t=time.time())
    stage.provider.who = {"sub": "subject-1", "preferred_username": "bert"}
    assert "disabled" in refused(stage.come_in())
    stage.provider.who = {"sub": "subject-1", "preferred_username": "<b>bert"}
    assert "can be no name here" in refused(stage.come_in())


def test_a_name_that_somebody_else_gets_there_later_is_not_that_person_here(stage: Stage) -> None:
    """The issuer's own name of a person (sub) is never given again; a user name is."""
    assert stage.come_in().status_code == 200
    stage.provider.who = {"sub": "subject-2", "preferred_username": "bert"}
    assert "another account of the provider" in refused(stage.come_in())
    stage.provider.who = {"sub": "subject-1", "preferred_username": "bertha"}
    assert stage.come_in().status_code == 200
    assert len(stage.ledger.people.logins("bert", time.time())) == 2
    stage.ledger.sign_ons.unbind("bert", by="anna", why="a new account", t=time.time())
    stage.provider.who = {"sub": "subject-2", "preferred_username": "bert"}
    assert stage.come_in().status_code == 200


def test_an_e_mail_address_counts_only_when_the_provider_verified_it(stage: Stage) -> None:
    stage.begin(name_claim="email")
    stage.add("bert@lab.example")
    stage.provider.who = {"sub": "s", "email": "bert@lab.example"}
    assert "not verified" in refused(stage.come_in())
    stage.provider.who = {"sub": "s", "email": "bert@lab.example", "email_verified": True}
    assert stage.come_in().status_code == 200


def test_groups_give_a_role_and_take_it_but_never_from_who_was_there_before(stage: Stage) -> None:
    stage.begin(group_claim="groups", roles={"robots-admin": "admin", "robots": "operator"})
    stage.provider.who = {"sub": "subject-3", "preferred_username": "carla", "groups": ["robots", "robots-admin"]}
    assert stage.come_in().status_code == 200
    assert dict(stage.ledger.people.person("carla").grants) == {"all": "admin"}  # type: ignore[union-attr]
    stage.provider.who["groups"] = ["robots"]
    assert stage.come_in().status_code == 200
    assert dict(stage.ledger.people.person("carla").grants) == {"all": "operator"}  # type: ignore[union-attr]
    stage.provider.who["groups"] = ["others"]
    assert "none of your groups" in refused(stage.come_in())
    stage.provider.who = {"sub": "subject-4", "preferred_username": "dora", "groups": "others"}
    assert "nobody here is called" in refused(stage.come_in())
    stage.provider.who = {"sub": "subject-1", "preferred_username": "bert", "groups": ["robots-admin"]}
    assert stage.come_in().status_code == 200
    assert dict(stage.ledger.people.person("bert").grants) == {"all": "viewer"}  # type: ignore[union-attr]


def unsigned(claims: dict[str, Any]) -> str:
    """`alg: none`."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def with_the_public_key_as_a_secret(stage: Stage) -> Any:
    """HS256 keyed with what everybody knows."""

    def sign(claims: dict[str, Any]) -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "one"}, claims)]
        text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        seal = hmac.new(stage.provider.key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"

    return sign


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "of another log-in"}, {"nonce": None}, {"aud": "another client"}, {"aud": [CLIENT, "another client"]},
        {"aud": None}, {"exp": int(time.time()) - 300}, {"exp": None}, {"iss": "https://evil.example"}, {"iss": None},
        {"iat": None}, {"sub": None}, {"sub": ""}, {"sub": ["a"]}, {"nbf": int(time.time()) + 3000},
        {"aud": CLIENT, "azp": "another client"}, {"at_hash": "of another token"}, {"exp": "never"},
    ],
    ids=",".join,
)  # fmt: skip
def test_a_word_that_is_not_of_this_log_in_lets_nobody_in(stage: Stage, lie: dict[str, Any]) -> None:
    """Signed by the provider's own key; each but the first would be worth something elsewhere or earlier."""
    stage.provider.claims = lie
    assert "does not hold" in refused(stage.come_in())
    assert stage.ledger.people.logins("bert", time.time()) == []


def test_a_word_that_nobody_signed_or_somebody_else_lets_nobody_in(stage: Stage) -> None:
    stage.provider.signed = unsigned
    assert "does not hold" in refused(stage.come_in())
    stage.provider.signed = with_the_public_key_as_a_secret(stage)
    assert "does not hold" in refused(stage.come_in())
    stage.provider.signed = None
    stage.provider.key = new_key("one")  # of that name, and not among those that the provider shows
    assert "does not hold" in refused(stage.come_in())
    stage.provider.signed = lambda claims: "no token"
    assert "does not hold" in refused(stage.come_in())


def test_a_new_key_of_the_provider_is_asked_for_but_not_for_each_word(stage: Stage) -> None:
    assert stage.come_in().status_code == 200
    stage.provider.key = new_key("two")
    stage.provider.keys.append(stage.provider.key)
    stage.provider.odd_keys.append({"kty": "AKP", "kid": "of a new kind"})
    assert "does not hold" in refused(stage.come_in())
    stage.clock.t += 61
    assert stage.come_in().status_code == 200
    assert stage.provider.asked.count("/keys") == 2


def test_a_way_back_is_of_one_browser_one_log_in_and_once(stage: Stage) -> None:
    """State, cookie, PKCE and the provider's own memory: each alone is enough."""
    query = stage.provider.visit(stage.go())
    assert "of another log-in" in refused(stage.back({**query, "state": "forged"}))
    assert "not begun in this browser" in refused(stage.back(query)), "the first answer used it up"
    query = stage.provider.visit(stage.go())
    assert stage.back(query).status_code == 200
    assert "not begun" in refused(stage.back(query))
    stolen = stage.provider.visit(stage.go())
    stage.browser.cookies.clear()
    assert "not begun" in refused(stage.back(stolen))
    mine = stage.provider.visit(stage.go())
    assert "did not answer" in refused(stage.back({**mine, "code": stolen["code"]})), "PKCE: the verifier is another"
    used = stage.provider.visit(stage.go())
    assert stage.back(used).status_code == 200
    again = stage.provider.visit(stage.go())
    assert "did not answer" in refused(stage.back({**again, "code": used["code"]})), "a code that was used"
    late = stage.provider.visit(stage.go())
    stage.clock.t += HOLDS_S + 1
    assert "took too long" in refused(stage.back(late))
    assert "another provider" in refused(
        stage.back({**stage.provider.visit(stage.go()), "iss": "https://evil.example"})
    )


def test_what_the_provider_refuses_is_said_in_words_of_ours(stage: Stage) -> None:
    state = dict(parse_qsl(urlsplit(stage.go()).query))["state"]
    said = refused(stage.back({"error": "access_denied<script>", "error_description": "<b>x", "state": state}))
    assert "(access_deniedscript)" in said
    state = dict(parse_qsl(urlsplit(stage.go()).query))["state"]
    assert "sent no code" in refused(stage.back({"state": state}))


def test_nobody_is_led_to_another_site(stage: Stage) -> None:
    for target in ("https://evil.example", "//evil.example", "/\\evil.example"):
        assert 'content="0; url=/"' in stage.come_in(target).text


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"}, {"jwks_uri": "https://evil.example/keys"},
        {"token_endpoint": "http://localhost/t"},
        {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": None}, {"token_endpoint": "https://localhost:1/t"},
        {"authorization_endpoint": "https://a@localhost/t"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": "https://169.254.169.254/latest"},
    ],
    ids=str,
)  # fmt: skip
def test_a_provider_that_points_elsewhere_is_not_followed(stage: Stage, lie: dict[str, Any]) -> None:
    stage.provider.described = lie
    answer = stage.browser.get(THERE)
    assert answer.status_code == 502 and 'class="problem"' in answer.text and 'name="password"' in answer.text
    assert stage.provider.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, {"Location": "https://evil.example/"}, b""), "HTTP 302"), ((200, {}, b"x" * 300_000), "more than"),
        ((200, {}, b"no json"), "no JSON"), ((500, {}, b"{}"), "HTTP 500"), ((200, {}, b"[" * 100_000), "no JSON"),
    ],
)  # fmt: skip
def test_an_answer_of_no_form_is_one_clear_line(
    stage: Stage, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    stage.provider.raw["/.well-known/openid-configuration"] = answer
    page = stage.browser.get(THERE)
    assert page.status_code == 502 and said in page.text
    stage.provider.raw.clear()
    assert stage.browser.get(THERE).status_code == 502 and len(stage.provider.asked) == 1, "not asked so soon"
    stage.clock.t += 11
    assert stage.come_in().status_code == 200, "a later try asks again"


def test_a_provider_that_is_not_believed_or_away_is_one_clear_line(
    stage: Stage, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Provider(tmp_path / "other")
    other.end()
    stage.begin(ca_file=str(other.ca_file))
    assert "certificate is not believed" in stage.browser.get(THERE).text
    stage.begin(issuer=other.issuer)
    assert "no answer" in stage.browser.get(THERE).text


def test_an_answer_that_drips_is_cut_off(provider: Provider) -> None:
    """Each step is quick, and all together would have no end."""
    context = https_asking.trusting(provider.ca_file)
    began = time.monotonic()
    with pytest.raises(https_asking.NotAnswered):
        https_asking.ask(f"{provider.issuer}/drip", context, together_s=0.5)
    assert time.monotonic() - began < https_asking.TIMEOUT_S


def test_it_is_slowed_as_passwords_are(stage: Stage) -> None:
    codes = [stage.back({"state": "x"}).status_code for _ in range(ATTEMPTS_PER_ADDRESS + 1)]
    assert codes == [401] * ATTEMPTS_PER_ADDRESS + [429]


def test_without_a_file_there_is_none(stranger: TestClient) -> None:
    assert "single-sign-on" not in stranger.get("/login").text
    assert stranger.get(THERE).status_code == 404 and stranger.get(BACK).status_code == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": "http://sso.example"}, "give an https address"), ({"client_id": ""}, "client_id"),
        ({"nmae": 1}, "'nmae'"),
        ({"client_secret_file": "gone"}, "client_secret_file"), ({"scopes": ["email"]}, "openid"),
        ({"scopes": "openid"}, "list"),
        ({"roles": {"a": "king"}, "group_claim": "groups"}, "is no role"), ({"roles": {"a": "viewer"}}, "give both"),
        ({"group_claim": "groups"}, "give both"), ({"ca_file": "gone.pem"}, "no such file"),
        ({"hosts": [1]}, "list of texts"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_says_where_and_what_to_do(provider: Provider, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(MisuseError) as error:
        configured(provider, **changed)
    assert said in str(error.value) and "single-sign-on.json" in str(error.value) and "\n" not in str(error.value)


def test_another_host_is_asked_only_when_the_file_names_it(provider: Provider) -> None:
    """Some providers keep their keys elsewhere."""
    said = {
        "issuer": provider.issuer, "authorization_endpoint": f"{provider.issuer}/a",
        "token_endpoint": f"{provider.issuer}/t", "jwks_uri": "https://keys.example/k",
    }  # fmt: skip
    with pytest.raises(SignOnFailed, match="jwks_uri"):
        provider_of(configured(provider), said)
    assert provider_of(configured(provider, hosts=["keys.example"]), said).keys == "https://keys.example/k"
