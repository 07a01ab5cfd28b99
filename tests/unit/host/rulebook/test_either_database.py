"""A hunt over the same evidence finds the same, whether the ledger is a file or on a PostgreSQL server."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.robots.throw_away_postgres import PROGRAMS
from tests.unit.host.judge.recording import BUILT_IN, Recording
from wachhund.cli import main
from wachhund.judge.examples import facts_of
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import rules_in
from wachhund.ledger import Ledger
from wachhund.ledger.place import shown
from wachhund.rulebook.history import Span, look_back, words_of
from wachhund_evidence import Observation

pytestmark = [
    pytest.mark.of_the_file,
    pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed"),
]

# What a pattern of SQL, a folding of case or an escape of JSON could read otherwise than Sigma does.
PROGRAMS_TOLD = [
    "/opt/A_B/tool", "/opt/AxB/tool", "/opt/a_b/tool", "/opt/100%/tool", "/opt/100x/tool", "/opt/100%",
    "/opt/1000/tool", "/opt/a/b/tool", "/opt/a//b/tool", "/opt/Straße/tool", "/opt/STRASSE/tool", "/opt/STRAßE/tool",
    "/opt/ÄÖÜ/tool",
    "/opt/äöü/tool", "/opt/kelvin/tool", "/opt/\u212aelvin/tool", "/opt/İstanbul/tool", "/opt/istanbul/tool",
    "/opt/ıstanbul/tool", "/opt/q\"uote/tool", "/opt/back\\slash/tool", "/opt/new\nline/tool", "/opt/[ab]/tool",
    "/opt/*star/tool", "/opt/?mark/tool", "/opt/'; DROP TABLE tokens;--/tool", "/opt/\u202eesrever/tool",
    "/opt/\U0001f916/tool", "/opt/e\u0301/tool", "/opt/\u00e9/tool",
]  # fmt: skip
PATTERNS = [
    "/opt/A_B/*", "*a_b*", "*/a?b/*", "/opt/100%*", "*100%/*", "*%*", "*_*", "/opt/*/tool", "*stra*e*", "*straße*",
    "*STRASSE*", "*äöü*", "*kelvin*", "*\u212a*", "*istanbul*", "*İ*", '*q"u*', "*back\\\\slash*", "*new*line*",
    "*[ab]*", "*\\*star*", "*\\?mark*", "*'; drop*", "*\u202e*", "*\U0001f916*", "*\u00e9*", "*e\u0301*", "TOOL",
    "*TOOL", "*a/b*",
]  # fmt: skip


def patterns() -> list[Rule]:
    """A rule for each pattern, on the program and on its command line."""
    made = []
    for number, pattern in enumerate(PATTERNS):
        for at, field in enumerate(("Image", "CommandLine")):
            text = f"""
title: Pattern {number} of {field}
id: 5b2a8a54-6f4c-4b8e-9d5d-{number:08d}{at:04d}
logsource: {{product: linux, category: process_creation}}
detection: {{a: {{{field}: {json.dumps(pattern, ensure_ascii=False)}}}, condition: a}}
level: low
"""
            file = rules_in(text)
            assert file.faults == () and len(file.rules) == 1, (pattern, file.faults)
            made += file.rules
    return made


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Ledger]]:
    """The same evidence in a file and, moved there, on a server: what our rules' examples tell, and PROGRAMS_TOLD."""
    folder = tmp_path_factory.mktemp("either")
    bench, robot = HostBench(folder / "data"), ScriptedRobot()
    row = bench.add("rex", robot)
    told: list[Observation] = []
    for rule in BUILT_IN.rules:
        for example in (*rule.matching, *rule.silent):
            told += [fact.observation for fact in facts_of(example)]
    scene = Recording()
    for number, exe in enumerate(PROGRAMS_TOLD):
        scene.process(10_000 + number, exe, [exe, "--word", exe.upper()])
    told += [fact.observation for fact in scene.facts]
    for start in range(0, len(told), 50):
        mono = 100.0 + start
        part = [replace(one, t=1_000_000.0 + start, mono=mono) for one in told[start : start + 50]]
        bench.take(row, robot.token(*part, mono=mono + 1.0), t=1_000_000.0 + start)
    assert bench.ledger.faults(row.id) == []
    bench.close()
    shutil.copy(bench.data.ledger, folder / "file.sqlite")
    address = shown(ledger_place.server().empty_database())
    assert main(["ledger", "move", address, "--data", str(bench.data.path)]) == 0
    file, server = Ledger.open(folder / "file.sqlite"), Ledger.open(bench.data.ledger)
    yield file, server
    file.close()
    server.close()


def found(ledger: Ledger, rules: list[Rule]) -> tuple[list[tuple[str, object]], tuple[int, int]]:
    span = Span(0.0)
    told = [(match.rule.id, match.fact.ref) for match in look_back(ledger, rules, span, None)]
    return told, (span.read, span.unreadable)


@pytest.mark.parametrize("which", ["ours", "patterns"])
def test_all_rules_together_find_the_same_in_both(both: tuple[Ledger, Ledger], which: str) -> None:
    rules = list(BUILT_IN.rules) if which == "ours" else patterns()
    in_file, on_server = (found(ledger, rules) for ledger in both)
    assert in_file == on_server and len(in_file[0]) > 30


@pytest.mark.thorough
def test_each_rule_alone_finds_the_same_in_both_with_what_the_database_sieves_and_without(
    both: tuple[Ledger, Ledger],
) -> None:
    """Alone most rules have words by which the database leaves out what can't match: that must cost no match."""
    sieved = 0
    all_in_file, _ = found(both[0], [replace(rule, literals=()) for rule in patterns()])
    for rule in (*(one for one in BUILT_IN.rules if one.correlation is None and not one.feeds_only), *patterns()):
        sieved += bool(words_of([rule]))
        in_file, on_server = (found(ledger, [rule]) for ledger in both)
        assert in_file == on_server, rule.title
        if rule.title.startswith("Pattern "):
            assert in_file[0] == [one for one in all_in_file if one[0] == rule.id], rule.title
    assert sieved > 20
