"""`wachhund authorise`: what it makes, shows, warns of and refuses, and what the judge does with it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import BUILT_IN
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.waiting import until
from wachhund.cli import main
from wachhund.judge.loop import JudgeLoop
from wachhund.ledger.authorisation_records import MAX_NAMED

RELAY = {"hop": "process", "role": "relay", "exe": "/opt/x/agentd", "pid": 812, "user": "root"}
SCOPE = ["--robot", "rex", "--surface", "ssh", "--from", "203.0.113.7"]
WHY = ["--why", "repairs the gait"]


class Host:
    """A ledger with one robot, and what the judge said of it, given by hand."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.robot = ScriptedRobot()
        self.row = self.bench.add("rex", self.robot)
        self.now = time.time()

    def run(self, *arguments: str) -> int:
        return main(["authorise", *arguments, "--data", str(self.bench.data.path)])

    def session(self, identity: str, **more: Any) -> dict[str, Any]:
        origin = [{"hop": "address", "address": "203.0.113.7", "port": 443}, RELAY]
        return {
            "id": identity, "robot": self.row.id, "surface": "ssh", "user": "pi", "first_t": self.now - 600,
            "last_t": None, "origin": origin, "carrier": "relay", "tunnel": None, "authorisation": None, "bytes_in": 1,
            "bytes_out": 1, "incident": "i1", **more,
        }  # fmt: skip

    def incident(self, *sessions: dict[str, Any], **more: Any) -> dict[str, Any]:
        first = sessions[0] if sessions else None
        return {
            "id": "i1", "robot": self.row.id, "kind": "remote-control", "title": "Remote control", "level": "critical",
            "state": "open", "first_t": self.now - 700, "last_t": self.now, "sessions": list(sessions),
            "surface": first and first["surface"], "origin": first["origin"] if first else [], "tunnel": None,
            "rules": ["behaviour: relay up"], "evidence": [], **more,
        }  # fmt: skip

    def keep(self, incident: dict[str, Any] | None, *sessions: dict[str, Any]) -> None:
        self.bench.ledger.save_judgement(1, [incident] if incident else [], sessions)

    def the_one(self) -> Any:
        (one,) = self.bench.ledger.authorisations.all()
        return one


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    yield made
    made.bench.close()


def test_one_is_made_with_who_and_why_and_lasts_two_hours(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Two hours are a visit; who needs longer says so."""
    assert host.run("add", *SCOPE, *WHY, "--carrier", "relay", "--who", "anna") == 0
    one = host.the_one()
    assert (one.who, one.robots, one.surfaces, one.sources, one.carrier) == (
        "anna", (host.row.id,), ("ssh",), ("203.0.113.7/32",), "relay",
    )  # fmt: skip
    assert one.until_t - one.from_t == pytest.approx(7_200)
    assert one.author.endswith("at the command line")
    said = capsys.readouterr()
    assert "a1 (valid): anna: ssh of rex, from 203.0.113.7/32, by relay" in said.out
    assert "covers 0 sessions now, and 0 of the last 30 days" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--robot", "all", "--surface", "ssh", "--from", "203.0.113.7"], "all robots"),
        (["--robot", "rex", "--surface", "all", "--from", "203.0.113.7"], "all surfaces"),
        (["--robot", "rex", "--surface", "ssh", "--from", "any"], "any address"),
        (["--robot", "rex", "--surface", "ssh", "--from", "0.0.0.0/0"], "every address"),
    ],
)
def test_a_wide_one_is_made_and_warns(
    host: Host, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert host.run("add", *arguments, *WHY) == 0
    assert words in capsys.readouterr().err
    host.the_one()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*SCOPE, "--why", " "], "give a reason"),
        ([*SCOPE, *WHY, "--until", "31d"], "30 days are the longest"),
        ([*SCOPE, *WHY, "--until", "2020-01-01"], "is over already"),
        ([*SCOPE, *WHY, "--until", "soon"], "or a length: 30m, 2h, 7d"),
        ([*SCOPE, *WHY, "--until", "0m"], "is over already"),
        ([*SCOPE, *WHY, "--begin", "2020-01-01"], "is over already"),
        ([*SCOPE, *WHY, "--who", "a\nb"], "give a name"),
        ([*SCOPE, *WHY, "--carrier", "<b>"], "give lan, internet, relay"),
        (["--robot", "nobody", *SCOPE[2:], *WHY], "no such robot"),
        (["--robot", "all", *SCOPE, *WHY], "all stands alone"),
        ([*SCOPE, "--surface", "kitchen", *WHY], "one of ssh, shell"),
        ([*SCOPE, "--from", "203.0.113.7/8", *WHY], "has host bits set"),
        ([*SCOPE, "--from", "fe80::1%eth0", *WHY], "zone"),
        ([*SCOPE[:2], "--surface", "none", "--from", "any", *WHY], "name it with --carrier"),
        ([*SCOPE, *["--from", "10.0.0.1"] * MAX_NAMED, *WHY], "make two authorisations"),
    ],
)
def test_what_it_cannot_take_is_one_clear_line_and_nothing_is_made(
    host: Host, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert host.run("add", *arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
    assert host.bench.ledger.authorisations.all() == []


def test_a_preview_makes_nothing_and_says_what_it_would_cover(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Now, in 30 days, and which open incident: what a person wants to know before it counts."""
    here = host.session("s1")
    was = host.session("s2", last_t=host.now - 86_400, first_t=host.now - 90_000, incident=None)
    old = host.session("s3", last_t=host.now - 40 * 86_400, first_t=host.now - 41 * 86_400, incident=None)
    other = host.session("s4", surface="web")
    host.keep(host.incident(here, other), here, was, old, other)
    assert host.run("preview", *SCOPE, "--carrier", "relay") == 0
    said = capsys.readouterr().out
    assert "covers 1 sessions now, and 1 of the last 30 days" in said
    assert "now: rex: ssh as pi from 203.0.113.7:443 by relay" in said
    assert "judges anew: incident i1: Remote control (1 of its 2 sessions, and its way in)" in said
    assert host.bench.ledger.authorisations.all() == []
    assert host.run("preview", *SCOPE, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["preview"]["now"] == [] and found["authorisation"] is None


def test_from_an_incident_it_takes_what_its_session_was(host: Host) -> None:
    """As narrow as what happened, and beginning with it, so that it covers it."""
    session = host.session("s1", tunnel="CloudSail")
    host.keep(host.incident(session, tunnel="CloudSail"), session)
    assert host.run("incident", "i1", "--until", "30m", *WHY) == 0
    one = host.the_one()
    assert (one.robots, one.surfaces, one.sources, one.carrier) == (
        (host.row.id,), ("ssh",), ("203.0.113.7/32",), "CloudSail",
    )  # fmt: skip
    assert one.from_t == session["first_t"]
    assert one.until_t == pytest.approx(time.time() + 1_800, abs=60)


def test_another_session_of_it_is_named_by_its_id(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = host.session("s1"), host.session("s2", surface="web", carrier="lan")
    host.keep(host.incident(one, two), one, two)
    assert host.run("incident", "i1", "--session", "s2", *WHY) == 0
    assert (host.the_one().surfaces, host.the_one().carrier) == (("web",), "lan")
    assert host.run("incident", "i1", "--session", "s9", *WHY) == 2
    assert "none of that id" in capsys.readouterr().err


def test_a_way_in_that_nobody_used_is_allowed_with_no_surface(host: Host) -> None:
    """That the tunnel is there; whoever comes through it is another matter."""
    origin = [{"hop": "address", "address": "203.0.113.7", "port": 443}, RELAY]
    host.keep(host.incident(origin=origin, tunnel="CloudSail"))
    assert host.run("incident", "i1", *WHY) == 0
    assert (host.the_one().surfaces, host.the_one().carrier) == ((), "CloudSail")


@pytest.mark.parametrize("address", [None, "any", "0.0.0.0/0", "fe80::1%203.0.113.7", "203.0.113.7 203.0.113.8"])
def test_an_origin_that_is_no_address_never_becomes_any(
    host: Host, capsys: pytest.CaptureFixture[str], address: str | None
) -> None:
    """A robot's text must not widen what a person allows."""
    unknown = {"hop": "unknown", "why": "not seen"}
    hop = unknown if address is None else {"hop": "address", "address": address, "port": 1}
    session = host.session("s1", origin=[hop])
    host.keep(host.incident(session), session)
    assert host.run("incident", "i1", *WHY) == 2
    assert "say --from ADDRESS" in capsys.readouterr().err
    assert host.run("incident", "i1", *WHY, "--from", "any") == 0
    assert host.the_one().sources is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"carrier": "unknown"}, "say --carrier NAME"),
        ({"surface": "../etc"}, "no surface that can be allowed"),
        ({"carrier": "tunnel", "tunnel": "\x1b[2J"}, "a name that nobody can type: say --carrier tunnel"),
    ],
)
def test_what_is_not_known_of_it_has_to_be_said(
    host: Host, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], words: str
) -> None:
    session = host.session("s1", **changed)
    host.keep(host.incident(session), session)
    assert host.run("incident", "i1", *WHY) == 2
    assert words in capsys.readouterr().err


def test_incidents_that_are_about_nobody_cannot_be_allowed(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """A fork of the evidence is nobody's visit; nor is an incident that does not exist."""
    host.keep(host.incident(rules=["evidence: fork"], kind="monitor"))
    assert host.run("incident", "i1", *WHY) == 2
    assert "nothing to allow" in capsys.readouterr().err
    assert host.run("incident", "i2", *WHY) == 2
    assert "no such incident" in capsys.readouterr().err


def test_the_list_shows_what_is_valid_and_with_all_what_was(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert host.run("list") == 0
    assert "nothing is allowed" in capsys.readouterr().out
    assert host.run("add", *SCOPE, *WHY) == 0
    assert host.run("add", *SCOPE, *WHY, "--begin", "2099-01-01") == 0
    assert host.run("end", "a1", "--why", "finished") == 0
    capsys.readouterr()
    assert host.run("list") == 0
    assert [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()] == ["a2 (planned)"]
    assert host.run("list", "--all", "--json") == 0
    (one, two) = json.loads(capsys.readouterr().out)["authorisations"]
    assert (one["state"], one["ended_why"], two["state"]) == ("withdrawn", "finished", "planned")


def test_an_end_is_said_once(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Who ended it stays on record; nobody takes his place."""
    assert host.run("end", "a1", "--why", "x") == 2
    assert "there is none" in capsys.readouterr().err
    assert host.run("add", *SCOPE, *WHY) == 0
    assert host.run("end", "a1", "--why", "x") == 0
    assert host.run("end", "a1", "--why", "y") == 2
    assert "withdrawn already" in capsys.readouterr().err
    assert host.the_one().ended_why == "x"


def test_the_incident_of_a_running_host_closes_and_comes_back(host: Host) -> None:
    """From evidence to incident, by the command to closed, by its end to open: with the real judge and ledger."""
    scene = ssh_through_a_relay()
    host.robot.clock = lambda: host.now
    ledger, judge = host.bench.ledger, JudgeLoop(host.bench.ledger, BUILT_IN.rules, retry_s=0.05)
    host.bench.take(host.row, host.robot.token(*[fact.observation for fact in scene.facts]), t=host.now)

    def stands() -> tuple[Any, Any]:
        (incident,) = ledger.incidents()
        return incident["state"], incident["close_reason"]

    judge.start()
    try:
        until(lambda: [one["level"] for one in ledger.incidents()] == ["critical"], 20, "the incident is there")
        (incident,) = ledger.incidents()
        assert host.run("incident", incident["id"], *WHY) == 0
        until(lambda: stands() == ("closed", "allowed"), 20, "it closed itself")
        assert ledger.sessions()[0]["authorisation"]["id"] == "a1"
        assert host.run("end", "a1", "--why", "enough") == 0
        until(lambda: stands() == ("open", None), 20, "it is open again")
    finally:
        judge.stop()
    assert ledger.sessions()[0]["authorisation"] is None
    (before,) = ledger.incidents()
    again = JudgeLoop(ledger, BUILT_IN.rules)
    again.start()
    again.stop()
    assert ledger.incidents() == [before]
