"""Observations of a ledger that a hunt looks at a second, beside one plain SQL scan of the same rows. CPU time."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.figure import Figure
from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import load_rules
from wachhund.rulebook.history import Span, look_back
from wachhund_evidence import Observation

TOKEN = 200  # observations
_PROGRAMS = ("/usr/bin/python3", "/usr/bin/ls", "/usr/bin/gcc")
AIM = "10 million in minutes"


def fill(bench: HostBench, number: int) -> None:
    """A robot that tells of so many programs, no two alike, signed and through the intake."""
    robot, draw = ScriptedRobot(), random.Random(1)
    row = bench.add("bench", robot)
    for start in range(0, number, TOKEN):
        told = [
            Observation("process.start", 1.7e9, 10.0, "bench", {
                "puid": f"{place}-9", "pid": place, "ppid": 50, "exe": draw.choice(_PROGRAMS),
                "argv": [f"{draw.getrandbits(64):x}" for _ in range(5)], "cwd": "/", "user": "root",
                "parent_exe": "/bin/bash", "exe_sha256": None, "ancestry": [[50, "/bin/bash"]],
            })
            for place in range(start, start + TOKEN)
        ]  # fmt: skip
        bench.take(row, robot.token(*told, mono=11.0), t=1_000_000.0 + start)


def _rate(number: int, work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return number / (time.process_time() - started)


def run(quick: bool) -> list[Figure]:
    """Interleaved rounds of all."""
    number, rounds = (10_000, 1) if quick else (100_000, 5)
    pack: list[Rule] = list(load_rules().rules)
    one = [rule for rule in pack if rule.title == "Reverse shell by its command"]
    rates: dict[str, list[float]] = {"one rule": [], "all rules of ours at once": [], "one plain SQL scan": []}
    with tempfile.TemporaryDirectory() as folder:
        bench = HostBench(Path(folder) / "host")
        fill(bench, number)

        def scan() -> None:
            with bench.ledger.moment() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM observations WHERE fields LIKE '%never%'").scalar()

        for _ in range(rounds):
            for name, rules in (("one rule", one), ("all rules of ours at once", pack)):
                rates[name].append(_rate(number, lambda: list(look_back(bench.ledger, rules, Span(0.0), None))))  # noqa: B023
            rates["one plain SQL scan"].append(_rate(number, scan))
        bench.close()
    return [
        Figure("hunt", name, "observations/s", tuple(samples), AIM if "rule" in name else "", f"{number} observations")
        for name, samples in rates.items()
    ]
