"""`wachhund incidents` and `wachhund silence`: the same services as the pages, with lines, JSON and exit statuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.cli import main
from wachhund.ledger import Ledger

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(ledger: Ledger, player: Player, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on a ledger with one incident; returns status, output and errors."""
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--data", str(ledger.path.parent)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return ran


def told(run: Run, *arguments: str) -> Any:
    status, out, _ = run(*arguments, "--json")
    assert status == 0
    return json.loads(out)


def test_an_incident_is_found_taken_and_closed(run: Run) -> None:
    (listed,) = told(run, "incidents", "list", "--level", "critical")["incidents"]
    assert (listed["id"], listed["state"], listed["rings"], listed["robot"]) == ("i1", "open", True, "go1-07")
    assert run("incidents", "ack", "i1", "--why", "looking")[:2] == (0, "incident i1: ack: done\n")
    shown = told(run, "incidents", "show", "i1")
    assert shown["state"] == "acknowledged" and shown["held"]["by"] == "acknowledgement" and not shown["rings"]
    run("incidents", "comment", "i1", "--text", "I know him")
    run("incidents", "close", "i1", "--reason", "false alarm")
    assert [act["act"] for act in told(run, "incidents", "show", "i1")["acts"]] == ["acknowledge", "comment", "close"]
    assert told(run, "incidents", "list", "--tab", "closed")["counts"]["closed"] == 1
    assert run("incidents", "reopen", "i1")[0] == 0
    _, words, _ = run("incidents", "show", "i1")
    assert "what to do:" in words and "I know him" in words and "closed it (false alarm)" in words


def test_what_cannot_be_done_is_one_line_and_a_status(run: Run) -> None:
    status, out, errors = run("incidents", "close", "i1", "none", "--reason", "test")
    assert status == 1 and out == "incident i1: close: done\n"
    assert errors.startswith("wachhund: incident 'none': there is none") and errors.count("\n") == 1
    status, _, errors = run("incidents", "close", "i1", "--reason", "because")
    assert status == 2 and errors.startswith("wachhund: reason: one of real")
    status, _, errors = run("incidents", "assign", "i1", "--to", "nemo")
    assert status == 2 and "no such person" in errors
    assert run("incidents", "list", "--tab", "x")[0] == 2 and run("incidents", "show", "none")[0] == 2


def test_a_silence_is_previewed_made_listed_and_ended(run: Run) -> None:
    scope = ("--robot", "go1-*", "--kind", "remote-control", "--critical", "--why", "gait tests")
    assert told(run, "silence", "preview", *scope)["preview"]["now"] == ["i1"]
    assert told(run, "silence", "list")["silences"] == []
    made = told(run, "silence", "add", *scope, "--until", "1h")["silence"]
    (listed,) = told(run, "silence", "list")["silences"]
    assert (listed["id"], listed["matches"], listed["state"]) == (made["id"], 1, "valid")
    assert told(run, "incidents", "list")["incidents"][0]["held"]["id"] == made["id"]
    _, line, _ = run("silence", "list")
    assert "gait tests" in line and "matches 1 now" in line
    assert run("silence", "end", made["id"], "--why", "done")[0] == 0
    assert told(run, "incidents", "list")["incidents"][0]["rings"]
    status, _, errors = run("silence", "end", made["id"], "--why", "again")
    assert status == 2 and "over already" in errors


def test_a_silence_that_is_too_long_or_of_everything_is_refused(run: Run) -> None:
    status, _, errors = run("silence", "add", "--kind", "tunnel", "--critical", "--until", "5h", "--why", "x")
    assert status == 2 and "4 hours at most" in errors
    status, _, errors = run("silence", "add", "--why", "x")
    assert status == 2 and "would silence everything" in errors
