"""`wachhund export` and `wachhund verify` as people call them: what they write, say and refuse."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.three_days import DAY, T, ThreeDays
from wachhund.cli import main
from wachhund.keeping.moments import shown
from wachhund_evidence import public_key_pem


@pytest.fixture
def told(tmp_path: Path) -> Iterator[ThreeDays]:
    bench = HostBench(tmp_path / "host")
    yield ThreeDays(bench, each=6)
    bench.close()


def export(told: ThreeDays, out: Path, *arguments: str) -> int:
    return main(["export", *arguments, "--out", str(out), "--data", str(told.bench.data.path)])


def test_what_is_exported_is_verified_elsewhere(
    told: ThreeDays, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, key, host = tmp_path / "rex.zip", tmp_path / "rex.pub", tmp_path / "host.pub"
    assert export(told, out, "--robot", "rex", "--from", shown(T + DAY)) == 0
    assert "12 tokens of rex" in capsys.readouterr().out and out.stat().st_mode & 0o777 == 0o600
    key.write_bytes(told.robot.public_pem)
    host.write_bytes(public_key_pem(told.bench.keys.key.public_key()))
    assert main(["verify", str(out)]) == 0
    said = capsys.readouterr()
    assert "identity:     not checked" in said.out and "compare them" in said.err
    assert main(["verify", str(out), "--key", str(key), "--host-key", str(host)]) == 0
    said = capsys.readouterr()
    assert "identity:     proven" in said.out and "manifest:     proven" in said.out and said.err == ""
    assert main(["verify", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["proven"] is True and found["robots"][0]["words"]["order"]["state"] == "proven"
    (act,) = [act for act in told.ledger.robot_acts(told.row.id) if act.act == "export"]
    assert act.by.endswith("at the command line") and act.detail == "12 tokens into rex.zip"


def test_an_incident_is_exported_by_its_id(told: ThreeDays, tmp_path: Path) -> None:
    incident = {"id": "i7", "robot": told.row.id, "state": "open", "level": "high", "kind": "relay", "first_t": T,
                "last_t": T + 9, "title": "x", "evidence": []}  # fmt: skip
    told.ledger.save_judgement(10_000, [incident], [])
    assert export(told, tmp_path / "i.zip", "--incident", "i7") == 0
    assert main(["verify", str(tmp_path / "i.zip")]) == 0


def test_something_that_is_not_proven_is_exit_status_1(
    told: ThreeDays, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told.robot.skip(1)
    told.tell(T + 3 * DAY, 1)
    assert export(told, tmp_path / "a.zip", "--robot", "rex") == 0
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "a.zip")]) == 1
    said = capsys.readouterr().out
    assert "NOT PROVEN" in said and "1 missing, and nobody says why" in said
    assert main(["verify", str(told.ledger.path)]) == 1, "the ledger says the same"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give --robot or --incident"),
        (["--robot", "nobody"], "no such robot"),
        (["--incident", "nowhere"], "no such incident"),
        (["--robot", "rex", "--from", "x"], "--from: 'x': give a time"),
        (["--robot", "rex", "--from", "2026-02-02", "--to", "2026-01-01"], "--to: is before --from"),
        (["--robot", "rex", "--to", "1970-01-01"], "nothing of that robot and span"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    told: ThreeDays, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    assert export(told, tmp_path / "out.zip", *arguments) == 2
    said = capsys.readouterr().err
    assert why in said and said.count("\n") == 1 and not list(tmp_path.glob("out.zip*"))


def test_nothing_is_overwritten_and_a_place_that_refuses_is_one_line(
    told: ThreeDays, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "there.zip"
    out.write_text("mine")
    assert export(told, out, "--robot", "rex") == 2 and out.read_text() == "mine"
    assert export(told, tmp_path / "no" / "such" / "folder.zip", "--robot", "rex") == 2
    said = capsys.readouterr().err.splitlines()
    assert "not overwritten" in said[0] and "nothing was kept" in said[1] and len(said) == 2


def test_what_an_earlier_try_left_is_no_hindrance(told: ThreeDays, tmp_path: Path) -> None:
    """A killed export leaves an unfinished file; it is never taken for a bundle."""
    (tmp_path / "a.zip.unfinished").write_bytes(b"half")
    assert export(told, tmp_path / "a.zip", "--robot", "rex") == 0
    assert not (tmp_path / "a.zip.unfinished").exists()


def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK")
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        assert main(["verify", str(path)]) == 2
    finally:
        if root:
            os.seteuid(0)
    assert "Permission denied" in (said := capsys.readouterr().err) and said.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "arguments", "why"),
    [
        (None, [], "No such file"),
        (b"", [], "ledger"),
        (b"PK\x03\x04rubbish", [], "not a bundle"),
        (b"SQLite format 3\0", [], "ledger"),
        (b"PK", ["--key", "nowhere.pub"], "--key: nowhere.pub: No such file"),
        (b"PK", ["--host-key", "/dev/null"], "--host-key: /dev/null: public key"),
    ],
)
def test_what_is_neither_ledger_nor_bundle_is_exit_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, arguments: list[str], why: str
) -> None:
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    assert main(["verify", str(path), *arguments]) == 2
    said = capsys.readouterr().err
    assert why in said and said.count("\n") == 1


def test_a_hosts_key_is_no_question_to_a_ledger(told: ThreeDays, tmp_path: Path) -> None:
    host = tmp_path / "host.pub"
    host.write_bytes(public_key_pem(told.bench.keys.key.public_key()))
    assert main(["verify", str(told.ledger.path), "--host-key", str(host)]) == 2
