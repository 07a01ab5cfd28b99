"""Observations that rules are run over a second, with all packs, beside a plain SQL scan of the same rows.

Two loads: what a stock robot repeats all day, and programs of which no two are alike. CPU time of one core.
"""

import os
import random
import sqlite3
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.figure import Figure
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.fields import CATEGORIES
from wachhund.judge.matching import Row, RuleMatcher
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import BUILT_IN, load_rules
from wachhund_evidence import Observation

BATCH = 1_000
SIGMA = Path(os.environ.get("WACHHUND_SIGMA") or Path(__file__).resolve().parents[3] / "shared" / "sigma")
AIM = "40,000 observations/s on one core"
_NOISE = (
    ("/bin/ps", "ps", "aux"), ("/bin/grep", "grep", "Legged_sport"), ("/bin/grep", "grep", "-v", "grep"),
    ("/usr/bin/awk", "awk", "{print $2}"), ("/bin/sleep", "sleep", "0.2"),
)  # fmt: skip
_PROGRAMS = ("python3", "node", "bash", "ls", "find", "rosrun", "gcc")


def _facts(number: int, alike: bool) -> Iterator[Fact]:
    draw = random.Random(1)
    letters = string.ascii_lowercase + string.digits + "/.-_"
    for place in range(number):
        if alike:
            exe, *argv = draw.choice(_NOISE)
        else:
            exe = f"/usr/bin/{draw.choice(_PROGRAMS)}"
            argv = ["".join(draw.choices(letters, k=draw.randint(3, 30))) for _ in range(5)]
        fields = {
            "puid": f"{place}-9", "pid": place + 100, "ppid": 50, "exe": exe, "argv": argv, "cwd": "/", "user": "root",
            "parent_exe": "/bin/bash", "unit": None, "exe_sha256": None, "ancestry": [[50, "/bin/bash"]],
        }  # fmt: skip
        t = 1.7e9 + place / 100
        yield Fact("r", t, None, LineRef(place + 1), Observation("process.start", t, place / 100, "bench", fields))


def _rows(facts: list[Fact]) -> list[Row]:
    columns = list(CATEGORIES["process_creation"].columns)
    made: list[Row] = []
    for place, fact in enumerate(facts):
        told = fact.observation.fields
        values = {
            "Image": told["exe"], "CommandLine": " ".join(told["argv"]), "ParentImage": told["parent_exe"],
            "User": told["user"], "ProcessId": told["pid"], "ParentProcessId": told["ppid"],
        }  # fmt: skip
        made.append((place, "process_creation", tuple(values.get(column) for column in columns)))
    return made


def _plain_scan(rows: list[Row]) -> Callable[[], None]:
    """One LIKE over the same rows, inserted and thrown away as a batch is."""
    columns = list(CATEGORIES["process_creation"].columns)
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute(f"CREATE TABLE scanned (place, {', '.join(columns)})")
    marks = ", ".join("?" * (len(columns) + 1))

    def scan() -> None:
        for start in range(0, len(rows), BATCH):
            db.execute("BEGIN")
            batch = [(place, *values) for place, _, values in rows[start : start + BATCH]]
            db.executemany(f"INSERT INTO scanned VALUES ({marks})", batch)
            db.execute("SELECT count(*) FROM scanned WHERE CommandLine LIKE '%never%'").fetchone()
            db.execute("ROLLBACK")

    return scan


def _rate(number: int, work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return number / (time.process_time() - started)


def run(quick: bool) -> list[Figure]:
    """Interleaved rounds of all, by CPU time."""
    rules: list[Rule] = list(load_rules((BUILT_IN, *([SIGMA] if SIGMA.is_dir() else []))).rules)
    number, rounds = (5_000, 1) if quick else (20_000, 5)
    figures = []
    for name, alike in (("a robot's noise", True), ("no two alike", False)):
        facts = list(_facts(number, alike))
        rows = _rows(facts)
        scan = _plain_scan(rows)
        rates: dict[str, list[float]] = {"rules": [], "judge": [], "scan": []}
        for _ in range(rounds):
            matcher, judge = RuleMatcher(rules), Judge(rules)
            batches = range(0, number, BATCH)
            rates["rules"].append(_rate(number, lambda: [matcher.match(rows[at : at + BATCH]) for at in batches]))  # noqa: B023
            rates["judge"].append(_rate(number, lambda: [judge.feed(facts[at : at + BATCH]) for at in batches]))  # noqa: B023
            rates["scan"].append(_rate(number, scan))
        note = f"{len(rules)} rules"
        figures += [
            Figure("rules", f"rules, {name}", "observations/s", tuple(rates["rules"]), AIM, note),
            Figure("rules", f"whole judge, {name}", "observations/s", tuple(rates["judge"]), AIM, note),
            Figure("rules", f"one plain SQL scan, {name}", "observations/s", tuple(rates["scan"]), "", "the peer"),
        ]
    return figures
