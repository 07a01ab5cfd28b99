"""SigmaHQ's rules, acted out: programs are started for real as the rules describe, the agent observes, the judge reads.

The programs are stand-ins (copies of `echo` under the names that the rules ask for, whose output nobody takes, so that
they live until they were seen): nothing is attacked. What a rule asks for is drawn from its own YAML, and the second
evaluator says beforehand whether the start must match.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.robots.agent_python import AGENT_PYTHON
from tests.sigma_evaluator import evaluator
from tests.waiting import until

pytestmark = pytest.mark.needs_root("kernel tracepoints")
WANTED = 100
DRAWS = 200
MAX_WORDS = 60  # of a command line: what the agent tells whole


@dataclass(frozen=True)
class Start:
    """A program's start that a rule must match."""

    title: str
    level: str
    program: Path
    words: tuple[str, ...]


def starts(sigma: Path, folder: Path) -> Iterator[Start]:
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
                yield Start(rule["title"], rule["level"], program, tuple(command.split(" ")))
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


def full_pipe() -> tuple[int, int]:
    """A pipe that takes nothing more: both its ends."""
    kept, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full, b"x" * 65_536)
    os.set_blocking(full, True)
    return kept, full


def test_a_hundred_of_sigmahqs_rules_match_programs_that_are_really_started(sigma: Path, tmp_path: Path) -> None:
    """From a start in the kernel to a match of somebody else's rule, unchanged; and whatever is started must match."""
    acted = list(starts(sigma, tmp_path / "programs"))
    out = tmp_path / "facts.jsonl"
    kept, full = full_pipe()
    running: list[subprocess.Popen[bytes]] = []
    with out.open("wb") as target:
        observing = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
    try:
        until(lambda: b'"kind":"coverage"' in out.read_bytes(), 20, "the senses are awake")
        for start in acted:
            start.program.parent.mkdir(parents=True)
            shutil.copy("/bin/echo", start.program)
            running.append(subprocess.Popen(start.words, executable=start.program, stdout=full, stderr=full, cwd="/"))
        told = [f'"exe":"{start.program}"'.encode() for start in acted]
        until(lambda: all(map(out.read_bytes().__contains__, told)), 20, "every start is told")
    finally:
        for one in running:
            one.kill()
            one.wait(20)
        os.close(full)
        os.close(kept)
        observing.send_signal(signal.SIGINT)
        observing.wait(20)
    judging = subprocess.run(
        [sys.executable, "-m", "wachhund", "judge", str(out), "--rules", str(sigma)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    matched = {title.rpartition(" (")[0] for line in judging.stdout.splitlines() for title in json.loads(line)["rules"]}
    due = {start.title for start in acted if start.level != "informational"}
    assert due - matched == set()
    assert len(due) >= WANTED
