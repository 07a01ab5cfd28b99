"""What every answer carries, and what is refused before any page runs."""

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from wachhund.web.door import Door
from wachhund.web.guard import is_our_host, is_our_origin
from wachhund.web.login import safe_next


@pytest.mark.parametrize("path", ["/login", "/static/live.js", "/nowhere", "/api/v1/fleet", "/"])
def test_every_answer_carries_the_security_headers(stranger: TestClient, path: str) -> None:
    """A page without them is the one that an attacker looks for: redirects and errors have them too."""
    headers = stranger.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "require-trusted-types-for 'script'; trusted-types default" in policy
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy and "data:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("site", "dest", "packed"),
    [
        ("same-origin", "document", True),
        ("none", "document", True),
        ("cross-site", "document", False),
        ("same-site", "document", False),
        ("same-origin", "empty", False),
        (None, None, False),
    ],
)
def test_only_a_page_that_a_person_asked_for_is_packed(
    operator: TestClient, site: str | None, dest: str | None, packed: bool
) -> None:
    """Another site that makes a browser ask may learn from the length of what is packed (BREACH)."""
    said = {"sec-fetch-site": site, "sec-fetch-dest": dest, "accept-encoding": "gzip"}
    answer = operator.get("/", headers={name: value for name, value in said.items() if value is not None})
    assert answer.status_code == 200
    assert (answer.headers.get("content-encoding") == "gzip") is packed


def test_programs_may_send_as_long_a_rule_and_list_as_people(operator: TestClient) -> None:
    """More than a form usually has: refused for what stands in it, if at all, and not for its length."""
    for path, body in (("/api/v1/hunts", {"text": "x" * 60_000}), ("/api/v1/enrolments", {"names": ["n" * 60] * 400})):
        assert operator.post(path, json=body).status_code in (404, 422), path


def test_the_answer_to_a_form_is_never_packed(stranger: TestClient) -> None:
    """It may show a secret, once."""
    own = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "document", "accept-encoding": "gzip"}
    answer = stranger.post("/login", data={"code": "wrong"}, headers=own)
    assert len(answer.text) > 500 and "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("authority", "answered"),
    [
        ("127.0.0.1:8380", True),
        ("[::1]:8380", True),
        ("localhost:8380", True),
        ("192.168.1.5:8380", True),
        ("wachhund.example:8380", True),
        ("WACHHUND.example", True),
        ("attacker.example:8380", False),
        ("127.0.0.1.attacker.example", False),
        ("", False),
    ],
)
def test_only_addresses_and_our_own_names_are_answered(authority: str, answered: bool) -> None:
    """DNS rebinding lets a foreign page ask us under its own name, with the visitor's browser."""
    assert is_our_host(authority, frozenset({"wachhund.example"})) is answered


def test_a_foreign_name_gets_no_page(stranger: TestClient) -> None:
    """The check stands before all others."""
    answer = stranger.get("/login", headers={"host": "attacker.example"})
    assert answer.status_code == 421 and "password" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8380"}, 401),
        ({}, 401),
        ({"origin": "http://attacker.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_form_of_another_site_is_refused(stranger: TestClient, headers: dict[str, str], status: int) -> None:
    """Ours are taken and fail on the password (401); others do not get so far (CSRF)."""
    answer = stranger.post("/login", data={"name": "admin", "password": "x"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        ("https://wachhund.example.org", True),
        ("http://wachhund.example.org", False),
        ("https://wachhund.example.org.attacker.example", False),
        ("https://attacker.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_behind_a_proxy_a_form_comes_from_the_address_that_people_know(origin: str, ours: bool) -> None:
    """Also when the proxy names its own way to us as the host."""
    headers = Headers({"origin": origin, "host": "127.0.0.1:8380"})
    assert is_our_origin(headers, frozenset({"https://wachhund.example.org"})) is ours


def test_a_body_larger_than_any_form_of_ours_is_refused(stranger: TestClient) -> None:
    """Nobody fills our memory through a login page."""
    assert stranger.post("/login", data={"password": "x" * 20_000}).status_code == 413


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "http://evil.example", "/a\nb", ""])
def test_a_login_never_leads_to_another_site(path: str) -> None:
    """An open redirect after a password is a phisher's best page."""
    assert safe_next(path) == "/"
    assert safe_next("/robots/go1-07?x=1") == "/robots/go1-07?x=1"


@pytest.mark.parametrize("path", ["/", "/robots/go1-07", "/incidents", "/incidents/x", "/evidence/a/b/1"])
def test_a_stranger_is_sent_to_the_login_and_back(stranger: TestClient, path: str) -> None:
    """Every page, and the way back is kept."""
    answer = stranger.get(path)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "path", ["/api/v1/fleet", "/api/v1/incidents", "/api/openapi.json", "/live/fleet", "/api/v1/me", "/api/nowhere"]
)
def test_a_program_without_a_login_gets_401(stranger: TestClient, path: str) -> None:
    """A redirect to a form would look like success to it."""
    answer = stranger.get(path)
    assert answer.status_code == 401 and answer.json()["title"] == "Unauthorized"


def test_the_cookie_is_for_us_alone_and_ends_with_the_logout(operator: TestClient) -> None:
    """HttpOnly: no script reads it. SameSite=Strict: no other site sends it."""
    name = next(iter(operator.cookies.keys()))
    assert name == "wachhund_8380"
    assert operator.get("/api/v1/me").json()["operator"] == "admin"
    kept = operator.cookies[name]
    answer = operator.post("/logout")
    assert answer.status_code == 303
    operator.cookies.set(name, kept)
    assert operator.get("/api/v1/me").status_code == 401


def test_the_login_sets_a_strict_cookie(stranger: TestClient, door: Door) -> None:
    """Read in the header itself, as a browser does."""
    assert door.first_keys() is not None
    code = door.new_code("admin")
    cookie = stranger.post("/login", data={"code": code}).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
