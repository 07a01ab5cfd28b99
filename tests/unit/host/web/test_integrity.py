"""Faults of evidence on the page: what, what it may mean, what to do, both tokens; and what is no fault beside it."""

import html
import re
import time

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.stage import Player
from wachhund.assurance import LEVEL, build_word, released_builds
from wachhund.ledger import Ledger
from wachhund_evidence import sign_evidence

NASTY = "</td><script>alert(1)</script>\x1b[2J\u202e"


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def part(page: str) -> str:
    """The section on integrity."""
    return page[page.index('id="integrity-h"') : page.index('id="coverage-h"')]


def forked(ledger: Ledger, player: Player, **fields: object) -> tuple[str, str]:
    """Two tokens for one number; their hashes."""
    first = player.token(player.seen("heartbeat"))
    player.seq -= 1
    other = player.token(player.seen("process.start", puid="1-1", **fields))
    ledger.commit([first])
    ledger.commit([other])
    return first.hash, other.hash


def test_a_whole_robot_says_so(operator: TestClient, player: Player) -> None:
    assert "No fault of its evidence is open." in plain(operator.get("/robots/go1-07").text)


def test_a_fork_stands_with_both_tokens_side_by_side_and_what_to_do(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    first, other = forked(ledger, player)
    page = operator.get("/robots/go1-07").text
    (fault,) = ledger.faults(player.robot.id)
    text = plain(part(page))
    for sentence in (fault.detail, fault.kind.may_mean, fault.kind.to_do, fault.kind.title, fault.id):
        assert sentence in text
    hashes, observations = (re.search(rf"<tr[^>]*><th[^>]*>{name}.*?</tr>", part(page), re.DOTALL) for name in
                            ("Hash", "Observations"))  # fmt: skip
    assert hashes is not None and first in hashes[0] and other in hashes[0] and "(differs)" in hashes[0]
    assert observations is not None and "heartbeat" in observations[0] and "process.start" in observations[0]
    boot = re.search(r"<tr><th[^>]*>Boot</th>", part(page))
    assert boot is not None, "what is the same is not marked"
    links = re.findall(r'href="(/evidence/[^"]+)"', part(page))
    assert len(links) == 1 and operator.get(html.unescape(links[0])).status_code == 200
    assert "Proof broken" in plain(page) and fault.detail in plain(page)


def test_an_acknowledged_fault_stays_there_greyed_with_who_said_what(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    forked(ledger, player)
    (fault,) = ledger.integrity.acknowledge("go1-07", "alice", "the card was mine")
    page = operator.get("/robots/go1-07").text
    assert re.search(rf'<article class="card fault gone" data-row="{fault.id}"', page)
    text = plain(part(page))
    assert "No fault of its evidence is open." in text and "Acknowledged by alice" in text
    assert "the card was mine" in text and fault.kind.to_do not in text
    assert "Proof verified" in plain(page)


def test_what_is_odd_and_no_fault_is_shown_as_that(operator: TestClient, ledger: Ledger, player: Player) -> None:
    player.seq += 64
    player.say(
        player.seen("agent.gap", from_seq=2, to_seq=65, lost=0, reason="numbers skipped after an unclean stop"),
        player.seen("clock.step", by_s=86400.0), player.seen("clock.step", by_s=NASTY),
        player.seen("clock.step", by_s=1e300), player.seen("clock.step", by_s=True),
    )  # fmt: skip
    text = plain(part(operator.get("/robots/go1-07").text))
    assert "Odd, and no fault" in text and "The robot was switched on." in text
    assert "moved by +86,400 s" in text and text.count("own clock was moved") == 4
    assert "left out numbers 2 to 65" in text and "alert(1)" not in text
    assert ledger.faults(player.robot.id) == []


def test_tokens_that_a_copied_key_signed_are_text_on_the_page(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """Whoever has the key writes what he likes into every claim."""
    first = player.token(player.seen("heartbeat"))
    player.seq -= 1
    claims = player.token(player.seen(NASTY, **{NASTY: NASTY})).claims
    nasty = claims._replace(swversion=NASTY, swname=NASTY, hashes={"code": NASTY}, iat=2**53 - 1, mono=1e300)
    text = sign_evidence(nasty, player.key)
    ledger.commit([first])
    other = player.token()
    ledger.commit([type(other)(player.robot.id, text, "f" * 43, nasty, time.time(), None)])
    page = operator.get("/robots/go1-07").text
    assert "alert(1)" in part(page) and "<script>alert" not in page and "\x1b" not in page and "\u202e" not in page


def test_the_api_tells_faults_as_the_page_does(operator: TestClient, ledger: Ledger, player: Player) -> None:
    forked(ledger, player)
    ledger.integrity.acknowledge("go1-07", "alice", "why")
    robot = operator.get("/api/v1/robots/go1-07").json()
    (fault,) = robot["faults"]
    assert fault["what"] == "fork" and fault["level"] == "high" and len(fault["tokens"]) == 2
    assert fault["acknowledged"]["by"] == "alice" and fault["may_mean"] and fault["to_do"]
    assert robot["assurance"] == LEVEL and robot["build"] == "its build is not known"
    assert robot["remarks"][0]["text"] == "The robot was switched on."


def test_a_new_fault_reaches_an_open_page_as_news(operator: TestClient, ledger: Ledger, player: Player) -> None:
    def told() -> object:
        return operator.get("/live/robots/go1-07?once=1").json()["rows"]["faults"]

    assert told() == []
    forked(ledger, player)
    wanted = [fault.id for fault in ledger.faults(player.robot.id)]
    deadline = time.monotonic() + 10
    while told() != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


RELEASED = {"ab" * 32: "1.2.0"}


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("ab" * 32, "the released build 1.2.0, as it says itself"),
        ("cd" * 32, "not a released build (code cdcdcdcdcdcd…)"),
        (None, "its build is not known"),
        (NASTY, "its build is not known"),
        (["ab" * 32], "its build is not known"),
        ("AB" * 32, "its build is not known"),
    ],
)
def test_a_build_is_released_or_not_and_never_a_fault(code: object, word: str) -> None:
    assert build_word(code, RELEASED) == word


def test_the_page_says_of_a_build_of_ones_own_that_it_is_not_released(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    player.say(player.seen("agent.start", version="0.1.0", build_sha256="cd" * 32, reason="first start"))
    text = plain(operator.get("/robots/go1-07").text)
    assert "agent 0.1.0: not a released build (code cdcdcdcdcdcd…)" in text and f"Assurance {LEVEL}:" in text
    assert ledger.faults(player.robot.id) == []


def test_the_list_of_releases_that_is_shipped_can_be_read() -> None:
    for code, version in released_builds().items():
        assert build_word(code).startswith(f"the released build {version}")


def test_an_incident_about_evidence_draws_no_path_that_nobody_came(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """An origin that is "not allowed" would be a lie there."""
    incident = player.incident("m1", sessions=[], kind="monitor", title="Journal gone on go1-07", origin=[])
    incident["rules"] = ["evidence: journal-lost"]
    ledger.save_judgement(1, [{**incident, "evidence": [{"chain": player.chain, "seq": 1, "items": []}]}], [])
    text = plain(operator.get("/incidents/m1").text)
    assert "stands until acknowledged" in text and "NOT ALLOWED" not in text and "The path" not in text
    assert "number 1 the whole of it" in text
