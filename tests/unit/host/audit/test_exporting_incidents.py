"""`wachhund export INCIDENT --as ...`: one JSON document, printed or in a file, and a note of who took it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.unit.host.judge.recording import ssh_through_a_relay
from tests.unit.host.judge.stage import Stage
from wachhund.cli import main


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A ledger with one judged attack."""
    made = Stage(tmp_path / "host")
    made.send(ssh_through_a_relay())
    made.judged()
    yield made
    made.bench.close()


def the_id(stage: Stage) -> str:
    (incident,) = stage.bench.ledger.incidents()
    return str(incident["id"])


def export(stage: Stage, *arguments: str) -> int:
    return main(["export", *arguments, "--data", str(stage.bench.data.path)])


def test_each_form_is_one_json_document_and_who_took_it_is_on_record(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(stage, the_id(stage), "--as", "json") == 0
    assert json.loads(capsys.readouterr().out) == stage.bench.ledger.incidents()[0]
    assert export(stage, the_id(stage), "--as", "ocsf") == 0
    assert json.loads(capsys.readouterr().out)["class_uid"] == 2004
    assert export(stage, the_id(stage), "--as", "stix") == 0
    assert json.loads(capsys.readouterr().out)["type"] == "bundle"
    acts = [act.detail for act in stage.bench.ledger.robot_acts(stage.row.id) if act.act == "export"]
    assert acts == [f"incident {the_id(stage)} as {form}" for form in ("json", "ocsf", "stix")]


def test_people_get_the_document_of_the_page_and_who_took_it_is_on_record(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For who handles an incident without a browser."""
    assert export(stage, the_id(stage), "--as", "markdown") == 0
    told = capsys.readouterr().out
    assert told.startswith("# Incident: `") and "## How to verify" in told and "NOT ALLOWED" in told
    assert f"(id {stage.row.id})" in told and stage.row.kid in told
    out = tmp_path / "incident.pdf"
    assert export(stage, the_id(stage), "--as", "pdf", "--out", str(out)) == 0
    assert "NOT ALLOWED" in PdfReader(out).pages[0].extract_text()
    assert out.stat().st_mode & 0o777 == 0o600
    acts = [act.detail for act in stage.bench.ledger.robot_acts(stage.row.id) if act.act == "export"]
    assert acts == [f"incident {the_id(stage)} as {form}" for form in ("markdown", "pdf")]


def test_a_file_is_whole_its_owners_alone_and_never_overwritten(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds what was seen of people."""
    out = tmp_path / "incident.json"
    assert export(stage, the_id(stage), "--as", "stix", "--out", str(out)) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert json.loads(out.read_text("ascii"))["type"] == "bundle"
    assert capsys.readouterr().out == ""
    assert export(stage, the_id(stage), "--as", "json", "--out", str(out)) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert json.loads(out.read_text("ascii"))["type"] == "bundle"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "--as", "stix"], "no such incident"),
        (["--as", "stix"], "give an INCIDENT"),
        (["i1", "--as", "stix", "--robot", "go1-07"], "and no --robot"),
        (["i1", "--out", "x.zip"], "say --as markdown, pdf, json, ocsf or stix"),
        (["i1", "--as", "pdf"], "a PDF needs --out FILE"),
        (["--robot", "go1-07"], "a bundle needs --out FILE"),
        (["--robot", "go1-07", "--out", "/"], "is a folder"),
        (["--robot", "go1-07", "--out", ""], "is a folder"),
    ],
)
def test_what_does_not_go_together_is_one_clear_line(
    stage: Stage, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert export(stage, *arguments) == 2
    said = capsys.readouterr()
    assert words in said.err and len(said.err.splitlines()) == 1 and said.out == ""
