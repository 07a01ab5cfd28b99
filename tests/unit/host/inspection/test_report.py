"""A report that its reader can check alone: signed whole, one page that says just that, and no byte can be changed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.host.inspection import robot_tree
from wachhund.audit.verifying_report import check_report
from wachhund.inspection.comparing import compare
from wachhund.inspection.examining import examine
from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import ANY
from wachhund.inspection.recipient import open_report
from wachhund.inspection.report import Record, Subject, exit_status, make
from wachhund.inspection.report_page import not_looked_at, write_page
from wachhund.inspection.sealed_report import open_sealed, seal
from wachhund.robot_tree.files import Files
from wachhund.robot_tree.folder import Folder
from wachhund_evidence import RejectedEvidence, thumbprint

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def report_of(root: Path, challenge: str | None = "seven blue horses") -> dict[str, Any]:
    robot, answers = examine(Files(Folder(root)))
    return make(Subject("tree", "go1-07"), robot, answers, 1_795_000_000.0, 1_795_000_002.5, challenge)


def small() -> bytes:
    """One with one answer, so that each of its bytes can be tried."""
    return seal(make(Subject("tree", "r"), ANY, [Answer("a", "Is it?", (), ("/x",), ())], 1.0, 2.0, None), KEY)


def test_a_report_opens_as_it_was_made(tmp_path: Path) -> None:
    """And says by whose key."""
    report = report_of(robot_tree.stock(tmp_path))
    opened = open_sealed(seal(report, KEY))
    assert opened.report == json.loads(json.dumps(report)) and opened.kid == thumbprint(KEY.public_key())


@pytest.mark.parametrize("as_page", [False, True], ids=["json", "page"])
def test_every_byte_that_is_altered_cut_or_added_is_noticed(as_page: bool) -> None:
    """Of the signed text, and of the page that shows it."""
    data = write_page(small()) if as_page else small()
    assert open_report(data)
    for place in range(0, len(data), 7 if as_page else 1):
        for altered in (data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :], data[:place]):
            with pytest.raises(RejectedEvidence):
                open_report(altered)
    with pytest.raises(RejectedEvidence):
        open_report(data + b"\n")


def test_a_page_that_says_more_than_its_report_is_refused(tmp_path: Path) -> None:
    """The signed part is untouched; what people read is not."""
    page = write_page(seal(report_of(robot_tree.stock(tmp_path)), KEY))
    with pytest.raises(RejectedEvidence, match="the page says something else"):
        open_report(page.replace(b"<h2>Findings</h2>", b"<h2>Findings</h2><p>All is well.</p>"))


def test_a_report_signed_by_somebody_else_is_told(tmp_path: Path) -> None:
    """The key comes along; whose it is, is for the reader to ask."""
    path = tmp_path / "r.json"
    path.write_bytes(small())
    assert check_report(path, ()).words["identity"].state == "not checked"
    assert check_report(path, {thumbprint(KEY.public_key())}).is_proven
    other = check_report(path, {"another"})
    assert not other.is_proven and other.words["identity"].state == "not proven"


@pytest.mark.parametrize(
    "told",
    [{}, {"subject": None}, {"answers": [1]}, {"answers": [{"findings": [{"level": "worst"}]}]}, {"begun_t": "soon"},
     {"model": {}}],
)  # fmt: skip
def test_what_somebody_signed_that_no_audit_says_is_refused_in_one_line(told: dict[str, Any]) -> None:
    """Anybody can make a key and sign anything with it."""
    made = make(Subject("tree", "r"), ANY, [], 1.0, 2.0, None)
    data = seal({"format": made["format"]} if not told else {**made, **told}, KEY)
    with pytest.raises(RejectedEvidence, match="not what an audit says"):
        open_report(data)


def test_observations_are_those_that_the_report_is_of_or_not(tmp_path: Path) -> None:
    """Byte for byte; a report of files has none."""
    text = b'{"kind":"x"}\n'
    record = Record(60.0, 1, hashlib.sha256(text).hexdigest())
    page, other, kept = tmp_path / "page.html", tmp_path / "other.html", tmp_path / "kept.jsonl"
    page.write_bytes(write_page(seal(make(Subject("ssh", "r", watched=record), ANY, [], 1.0, 2.0, None), KEY)))
    other.write_bytes(write_page(small()))
    kept.write_bytes(text)
    assert check_report(page, ()).words["observations"].state == "not checked"
    assert check_report(page, (), kept).words["observations"].state == "proven"
    assert check_report(other, (), kept).words["observations"].state == "not proven"
    kept.write_bytes(text + b"\n")
    assert not check_report(page, (), kept).is_proven
    assert "observations" not in check_report(other, ()).words


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    """It is opened from a mail, on any machine."""
    robot_tree.write(robot_tree.stock(tmp_path), "etc/ld.so.preload", "<script>alert(1)</script>\n")
    page = write_page(seal(report_of(tmp_path), KEY)).decode()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    assert "http:" not in page.replace("proxy_pass", "").replace("http://192.168.123.13", "") and "src=" not in page
    assert "default-src 'none'" in page


def test_what_was_not_seen_and_what_is_not_proven_stand_before_the_findings(tmp_path: Path) -> None:
    """Page 1 is what most people read."""
    page = write_page(seal(report_of(robot_tree.stock(tmp_path), None), KEY)).decode()
    order = [page.index(one) for one in ("Each question", "does not prove", "What was not looked at", "Findings</h2>")]
    assert order == sorted(order)
    assert "A challenge chosen by the reader would show it." in page


def test_what_lacks_in_several_questions_is_said_once_with_their_numbers() -> None:
    """What a sense could not see concerns each question that was answered by watching."""
    answers = [Answer(name, f"Is {name}?", (), ("/x",), ("the tcp sense is blind",)) for name in ("a", "b")]
    report = make(Subject("tree", "r"), ANY, answers, 1.0, 2.0, None)
    assert not_looked_at(report)[-1] == ("the tcp sense is blind", "1, 2")
    assert write_page(seal(report, KEY)).count(b"is blind") == 1


def test_two_reports_side_by_side_say_what_came_went_and_changed(tmp_path: Path) -> None:
    """Before and after cleaning."""
    before, after = (report_of(state(tmp_path / state.__name__)) for state in (robot_tree.enrolled, robot_tree.cleaned))
    found = compare(before, after)
    assert {"vendor-tunnel-cloudsail-enrolled", "default-password-pi"} <= {one["name"] for one in found.went}
    assert {one["name"] for one in found.came} == {"vendor-tunnel-cloudsail-lies-there"}
    assert [after["level"] for _, after in found.changed if after["name"] == "service-programming.py"] == ["low"]
    assert compare(before, before).is_none


def test_the_exit_status_is_a_scripts_answer(tmp_path: Path) -> None:
    """High, not all seen, clean."""
    assert exit_status(report_of(robot_tree.stock(tmp_path))) == 3
    assert exit_status(json.loads(small())["report"]) == 0
    unseen = make(Subject("tree", "r"), ANY, [Answer("a", "?", (), (), ("x",))], 1.0, 2.0, None)
    assert exit_status(unseen) == 4
