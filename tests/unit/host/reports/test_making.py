"""A report of an enrolled robot says what the ledger holds of a span, checked, signed, and open to its reader alone."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.ledger_place import ON_SERVER
from tests.unit.host.web.stage import Player, open_ledger
from wachhund.audit.verifying_report import check_report
from wachhund.inspection.report_page import write_page
from wachhund.inspection.sealed_report import Opened, open_sealed
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.reports import IssuedReport
from wachhund.reports.making import Reports
from wachhund_evidence import MisuseError

PATH = [{"hop": "address", "address": "203.0.113.7", "port": 443}]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def player(ledger: Ledger) -> Player:
    player = Player(ledger, "go1-07")
    player.say(player.looking(), player.seen("agent.start", version="0.1.0"))
    player.say(player.seen("heartbeat"))
    return player


@pytest.fixture
def reports(ledger: Ledger, tmp_path: Path) -> Reports:
    return Reports(ledger, Ed25519PrivateKey.generate(), tmp_path)


def made(reports: Reports, ledger: Ledger, player: Player, challenge: str | None = None) -> tuple[IssuedReport, Opened]:
    now = time.time()
    row = reports.make(player.robot.id, now - 30, now + 5, "ada", challenge)
    found = ledger.reports.find(row.id)
    assert found is not None and found[0] == row
    return row, open_sealed(found[1])


def answer(opened: Opened, name: str) -> dict[str, object]:
    (found,) = [one for one in opened.report["answers"] if one["name"] == name]
    return dict(found)


def test_a_quiet_robots_report_proves_its_evidence_and_names_it(
    ledger: Ledger, player: Player, reports: Reports, tmp_path: Path
) -> None:
    """The tokens it is of are named by number and hash, so that a bundle of another day can be held against it."""
    row, opened = made(reports, ledger, player, "seven blue horses")
    assert answer(opened, "evidence")["result"] == "passed"
    kept = opened.report["kept"]
    assert kept["tokens"] == 2 and kept["keys"] == [player.robot.kid]
    (run,) = kept["runs"]
    head = ledger.token(player.robot.id, player.chain, 2)
    assert head is not None and (run["from_seq"], run["to_seq"], run["last_hash"]) == (1, 2, head.hash)
    page = tmp_path / "report.html"
    page.write_bytes(write_page(ledger.reports.find(row.id)[1]))  # type: ignore[index]
    checked = check_report(page, {row.kid})
    assert checked.is_proven and "seven blue horses" in checked.words["freshness"].why
    assert not list(tmp_path.glob("*.zip")), "no bundle is left over"


def test_what_happened_and_who_came_in_are_told_with_their_proof(
    ledger: Ledger, player: Player, reports: Reports
) -> None:
    """An incident that people closed as expected fails no question; one that nobody looked at does."""
    incident = player.incident("i1", sessions=[], story=["Somebody came in."])
    session = player.session("s1", origin=PATH, incident="i1")
    ledger.save_judgement(0, [incident], [session])
    _, opened = made(reports, ledger, player)
    (finding,) = answer(opened, "incidents")["findings"]  # type: ignore[misc]
    assert answer(opened, "incidents")["result"] == "failed" and "Somebody came in." in finding["proof"]
    (who,) = answer(opened, "sessions")["findings"]  # type: ignore[misc]
    assert "203.0.113.7" in who["proof"][0] and "NOT ALLOWED" in who["proof"][0]


def test_an_old_spans_incidents_are_told_however_many_came_later(
    ledger: Ledger, player: Player, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over is not pushed out by what is new; and what does not fit is told as not told."""
    now = time.time()
    old = player.incident("old", sessions=[], title="Long ago", first_t=now - 40, last_t=now - 35)
    newer = [player.incident(f"i{n}", sessions=[], first_t=now - 5, last_t=now - 4) for n in range(3)]
    ledger.save_judgement(0, [old, *newer], [])
    monkeypatch.setattr("wachhund.reports.making.MAX_INCIDENTS", 2)
    player.say(player.seen("heartbeat"), received_t=now - 36)
    for begin, end, count, more in ((now - 60, now - 30, 1, 0), (now - 20, now, 2, 1)):
        found = ledger.reports.find(reports.make(player.robot.id, begin, end, "ada").id)
        assert found is not None
        told = answer(open_sealed(found[1]), "incidents")
        assert len(told["findings"]) == count  # type: ignore[arg-type]
        assert any(f"{more} more incidents" in one for one in told["missed"]) is bool(more)  # type: ignore[attr-defined]


def test_a_span_in_which_nobody_looked_is_no_calm_one(ledger: Ledger, player: Player, reports: Reports) -> None:
    """Silence and a blind sense: what was not seen is told, and no question that needs it passes."""
    blind = {"source": "process/none", "state": "blind", "interval_s": None, "dropped": 0, "why": "no tracefs"}
    player.say(player.looking(process=blind))
    _, opened = made(reports, ledger, player)
    for name in ("incidents", "sessions", "watched"):
        assert answer(opened, name)["result"] == "not seen"
    assert any("process sensor is blind" in one for one in answer(opened, "watched")["missed"])  # type: ignore[attr-defined]


def test_the_time_before_the_first_evidence_was_seen_by_nobody(
    ledger: Ledger, player: Player, reports: Reports
) -> None:
    """A span that begins before the robot was enrolled is not calm for that."""
    now = time.time()
    row = reports.make(player.robot.id, now - 7200, now, "ada")
    found = ledger.reports.find(row.id)
    assert found is not None
    watched = answer(open_sealed(found[1]), "watched")
    assert watched["result"] == "not seen" and "no evidence of the robot yet" in watched["missed"][0]  # type: ignore[index]


def test_evidence_that_was_altered_in_the_ledger_fails_the_first_question(
    ledger: Ledger, player: Player, reports: Reports
) -> None:
    """The host says so of its own ledger."""
    with ledger._database.writing() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER tokens_no_update{' ON tokens' if ON_SERVER else ''}")
        connection.exec_driver_sql("UPDATE tokens SET text = replace(text, '.', '.A') WHERE seq = 2")
    _, opened = made(reports, ledger, player)
    assert answer(opened, "evidence")["result"] == "failed" and opened.report["worst"] == "high"


@pytest.mark.parametrize(("begin", "end"), [(10.0, 20.0), (20.0, 10.0), (0.0, 0.0)])
def test_a_span_without_evidence_or_that_runs_backwards_is_one_clear_line(
    player: Player, reports: Reports, begin: float, end: float
) -> None:
    with pytest.raises(MisuseError, match=r"span|nothing of that robot"):
        reports.make(player.robot.id, begin, end, "ada")


def test_a_report_is_never_changed_and_goes_only_on_record(ledger: Ledger, player: Player, reports: Reports) -> None:
    """A correction is another report."""
    row, _ = made(reports, ledger, player)
    with pytest.raises(LedgerError, match="not changed after it was issued"), ledger._database.writing() as connection:
        connection.exec_driver_sql("UPDATE reports SET outcome = 'all is well'")
    assert ledger.reports.remove(row.id, by="ada", why="made for a test", t=time.time())
    assert ledger.reports.find(row.id) is None and not ledger.reports.remove(row.id, by="ada", why="x", t=0.0)
    assert ledger.reports.page(10) == (0, [])


def test_a_robots_text_is_text(ledger: Ledger, player: Player, reports: Reports) -> None:
    ledger.save_judgement(0, [player.incident("i1", sessions=[], title="<script>alert(1)</script>\u202e")], [])
    row, _ = made(reports, ledger, player)
    found = ledger.reports.find(row.id)
    assert found is not None
    page = write_page(found[1]).decode()
    assert "<script>alert" not in page and "\u202e" not in page and json.loads(found[1])["report"]["format"]
