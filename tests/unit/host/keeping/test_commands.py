"""`wachhund erase`, `rewrite`, `hold`, `release`, `kept`: what they show, ask, do, and refuse in one clear line."""

import io
import sys
from pathlib import Path

import pytest

from tests.robots.three_days import DAY, MARKER, T, ThreeDays
from wachhund.cli import main
from wachhund.keeping.moments import shown

WHOLE = ["--robot", "rex", "--why", "she asked for it"]


def run(told: ThreeDays, *arguments: str) -> int:
    return main([arguments[0], *arguments[1:], "--data", str(told.bench.data.path)])


def test_erasing_shows_what_it_takes_and_takes_it(told: ThreeDays, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(told, "erase", *WHOLE, "--from", shown(T + DAY), "--to", shown(T + DAY + 100), "--yes") == 0
    said = capsys.readouterr().out
    assert "30 tokens with 30 observations" in said and "stays: numbers, hashes and links" in said
    assert "erased: 30 tokens" in said and "act 1" in said
    assert told.held() == {*range(1, 31), *range(61, 91)}
    (act,) = told.ledger.keeping.erasures()
    assert act.why == "she asked for it" and act.by.endswith("at the command line")


def test_nothing_of_it_is_left_in_the_file_afterwards(told: ThreeDays) -> None:
    assert run(told, "erase", *WHOLE, "--yes") == 0
    for file in told.ledger.path.parent.glob("ledger.sqlite*"):
        assert MARKER.encode() not in file.read_bytes(), file.name


def test_nobody_who_can_be_asked_means_no(told: ThreeDays, capsys: pytest.CaptureFixture[str]) -> None:
    """A script that forgets --yes must not erase."""
    assert run(told, "erase", *WHOLE) == 2
    assert "say --yes" in capsys.readouterr().err and told.held() == set(range(1, 91))


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status", "left"), [("rex\n", 0, 0), ("yes\n", 2, 90), ("", 2, 90)])
def test_a_person_types_the_robots_name(
    told: ThreeDays, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, left: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert run(told, "erase", *WHOLE) == status and len(told.held()) == left


def test_where_nothing_is_nothing_is_put_on_record(told: ThreeDays, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(told, "erase", *WHOLE, "--to", "1970-01-02") == 0
    assert "no token of that span is kept" in capsys.readouterr().out and told.ledger.keeping.erasures() == []


def test_a_hold_forbids_and_a_release_allows(told: ThreeDays, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(told, "hold", "--robot", "rex", "--from", shown(T + DAY), "--why", "police") == 0
    assert run(told, "erase", *WHOLE, "--yes") == 2
    assert "hold 1 (police): release it first: `wachhund release 1`" in capsys.readouterr().err
    assert run(told, "release", "1", "--why", "over") == 0
    assert run(told, "release", "1", "--why", "over") == 2
    assert run(told, "erase", *WHOLE, "--yes", "--no-rewrite") == 0
    capsys.readouterr()
    assert run(told, "kept") == 0
    said = capsys.readouterr().out
    assert "hold 1: rex" in said and "released" in said and "90 tokens" in said and "remains possible" in said
    assert run(told, "rewrite") == 0
    assert run(told, "kept") == 0
    assert "remains possible" not in capsys.readouterr().out.split("written anew")[1]


def test_an_incident_is_held_by_its_id(told: ThreeDays, capsys: pytest.CaptureFixture[str]) -> None:
    incident = {"id": "i7", "robot": told.row.id, "state": "open", "level": "high", "kind": "relay", "first_t": T,
                "last_t": T + 9, "title": "\x1b[2Jtitle", "evidence": []}  # fmt: skip
    told.ledger.save_judgement(10_000, [incident], [])
    assert run(told, "hold", "--incident", "i7", "--why", "police") == 0
    assert "hold 1: rex, incident i7 with its time" in capsys.readouterr().out
    assert run(told, "erase", *WHOLE, "--yes") == 2
    said = capsys.readouterr()
    assert "incident i7: ?[2Jtitle" in said.out and "\x1b" not in said.out


@pytest.mark.parametrize(
    ("arguments", "told_why"),
    [
        (["erase", "--robot", "nobody", "--why", "x", "--yes"], "no such robot"),
        (["erase", *WHOLE, "--from", "tomorrow"], "--from: 'tomorrow': give a time"),
        (["erase", *WHOLE, "--from", "2026-02-01", "--to", "2026-01-01"], "--to: is before --from"),
        (["erase", *WHOLE, "--from", "9000-01-01"], "lies in the future"),
        (["erase", "--robot", "rex", "--why", " "], "--why: give a reason"),
        (["erase", "--robot", "rex", "--why", "a\nb"], "--why: give a reason"),
        (["hold", "--why", "x"], "give --robot or --incident"),
        (["hold", "--why", "x", "--incident", "nowhere"], "no such incident"),
        (["hold", "--why", "x", "--incident", "i", "--from", "2026-01-01"], "has its own span"),
        (["release", "9", "--why", "x"], "none of that number"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    told: ThreeDays, capsys: pytest.CaptureFixture[str], arguments: list[str], told_why: str
) -> None:
    assert run(told, *arguments) == 2
    said = capsys.readouterr().err
    assert told_why in said and said.count("\n") == 1 and told.held() == set(range(1, 91))


@pytest.mark.parametrize("command", [["erase", *WHOLE], ["kept"], ["rewrite"], ["release", "1", "--why", "x"]])
def test_a_folder_without_a_ledger_stays_without_one(tmp_path: Path, command: list[str]) -> None:
    assert main([*command, "--data", str(tmp_path / "nowhere")]) == 2
    assert not (tmp_path / "nowhere").exists()
