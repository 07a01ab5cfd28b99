"""SigmaHQ's rules and the catalogue, acted out: programs are really started, the agent observes, the judge reads.

Nothing is attacked. Programs that any machine has are run themselves; others are stand-ins under their names. What a
rule of SigmaHQ asks of those is drawn from its own YAML. The second evaluator says beforehand what must match.
"""

import json
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sigma_evaluator import evaluator
from tests.system.judge import themselves
from tests.system.judge.acting_out import Start, acted_out
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.lookout import Lookout
from wachhund.judge.rule_loading import BUILT_IN, load_rules
from wachhund_evidence import observation_from_line

pytestmark = pytest.mark.needs_root("kernel tracepoints")
WANTED = 100
WANTED_THEMSELVES = 60
DRAWS = 200
MAX_WORDS = 60  # of a command line: what the agent tells whole


@dataclass(frozen=True)
class Asked:
    """A program's start that a rule must match."""

    title: str
    level: str
    start: Start


def starts(sigma: Path, folder: Path) -> Iterator[Asked]:
    """One for each rule that asks for nothing but a program's file and its command line."""
    draw = random.Random(11)
    for number, file in enumerate(sorted((sigma / "process_creation").glob("*.yml"))):
        rule = yaml.safe_load(file.read_text("utf-8"))
        matches = evaluator(rule)
        for _ in range(DRAWS):
            image, command = wished(rule["detection"], draw)
            name = image.rpartition("/")[2]
            if not name or "\0" in command or len(command.split(" ")) > MAX_WORDS:
                continue
            program = folder / str(number) / name
            if matches({"Image": str(program), "CommandLine": command, "User": "root", "CurrentDirectory": "/"}):
                yield Asked(rule["title"], rule["level"], Start(program, tuple(command.split(" "))))
                break


def wished(detection: Mapping[str, Any], draw: random.Random) -> tuple[str, str]:
    """A program's file and a command line that some of a rule's selections ask for."""
    made = {"Image": "", "CommandLine": ""}
    for name, given in detection.items():
        if name == "condition" or name.startswith("filter") or draw.random() < 0.3:
            continue
        items = draw.choice(given) if isinstance(given, list) else given
        for key, values in items.items():
            field, *modifiers = key.split("|")
            chosen = values if isinstance(values, list) else [values]
            for value in chosen if "all" in modifiers else [draw.choice(chosen)]:
                if field in made and "re" not in modifiers and value is not None:
                    text = str(value).replace("*", "x").replace("?", "x")
                    whole = "startswith" in modifiers or not modifiers
                    made[field] = text + made[field] if whole else made[field] + text
    return made["Image"] or "/program", made["CommandLine"] or "program"


def judged(out: Path, *more: str) -> list[dict[str, Any]]:
    """The incidents that `wachhund judge` makes of what was observed."""
    command = [sys.executable, "-m", "wachhund", "judge", str(out), *more]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert told.stderr == ""
    return [json.loads(line) for line in told.stdout.splitlines()]


def facts_in(out: Path) -> list[Fact]:
    """What was observed, as the judge takes it."""
    lines = [observation_from_line(line) for line in out.read_bytes().splitlines()]
    return [Fact(None, one.t, None, LineRef(number), one) for number, one in enumerate(lines, start=1)]


def matched(incidents: list[dict[str, Any]]) -> set[str]:
    """The titles of the rules that they name."""
    return {rule.rpartition(" (")[0] for incident in incidents for rule in incident["rules"]}


def test_a_hundred_of_sigmahqs_rules_match_programs_that_are_really_started(sigma: Path, tmp_path: Path) -> None:
    """From a start in the kernel to a match of somebody else's rule, unchanged; and whatever is started must match."""
    acted = list(starts(sigma, tmp_path / "programs"))
    out = tmp_path / "facts.jsonl"
    acted_out([asked.start for asked in acted], out)
    due = {asked.title for asked in acted if asked.level != "informational"}
    assert due - matched(judged(out, "--rules", str(sigma))) == set()
    assert len(due) >= WANTED


def test_rules_of_sigmahqs_match_the_programs_themselves_that_a_machine_has(sigma: Path, tmp_path: Path) -> None:
    """No stand-in: `base64 -d`, `find -exec /bin/sh`, `cat /etc/passwd` as somebody who looks around runs them."""
    rules = [yaml.safe_load(file.read_text("utf-8")) for file in (sigma / "process_creation").glob("*.yml")]
    starts = themselves.there()
    records = [
        {"Image": str(one.program), "CommandLine": " ".join(one.words), "User": "root", "CurrentDirectory": "/"}
        for one in starts
    ]
    due = {rule["title"] for rule in rules if any(map(evaluator(rule), records))}
    out = tmp_path / "facts.jsonl"
    acted_out(starts, out)
    matches = Lookout(load_rules((sigma,)).rules).look(facts_in(out))  # those of level informational too
    assert due - {match.rule.title for match in matches} == set()
    assert len(due) >= WANTED_THEMSELVES


def test_every_tool_of_the_catalogue_is_named_when_its_program_is_really_started(tmp_path: Path) -> None:
    """As it was seen elsewhere: file, arguments. Each start is named."""
    wanted: dict[str, str] = {}
    acted: list[Start] = []
    for tool in yaml.safe_load((BUILT_IN / "remote_access_tools.yml").read_text("utf-8"))["catalogue"]["tools"]:
        for line in tool["seen"]:
            exe, *arguments = shlex.split(line)
            program = tmp_path / "programs" / str(len(acted)) / exe.rpartition("/")[2]
            acted.append(Start(program, (program.name, *arguments)))
            wanted[str(program)] = tool["name"]
    out = tmp_path / "facts.jsonl"
    acted_out(acted, out)
    named: dict[object, str] = {}
    for match in Lookout(load_rules().rules).look(facts_in(out)):
        named[match.values.get("Image")] = f"{named.get(match.values.get('Image'), '')} {match.rule.label}"
    assert [program for program, name in wanted.items() if name not in named.get(program, "")] == []
    assert len(wanted) >= 130
