"""`python -m tests.bench.storm_seen`: how much of a storm of short processes and connections the agent sees.

Needs root. WACHHUND_AGENT_PYTHON names another Python for the agent, such as the robot's. One JSON line.
"""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.process_cost import cost_of
from tests.robots.agent_python import AGENT_PYTHON
from tests.system.storm import PROGRAM
from tests.waiting import until

STORM = Path(__file__).resolve().parents[1] / "system" / "storm.py"


def facts(out: Path) -> Iterator[dict[str, Any]]:
    with out.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield json.loads(line)


def closed(out: Path, port: int) -> int:
    return sum(fact["kind"] == "flow.close" and port in (fact["local"][1], fact["remote"][1]) for fact in facts(out))


def is_of_storm(fact: dict[str, Any]) -> bool:
    """One of its programs and of nobody else's: by its arguments, or by its path as it stood in the call where the
    program had gone before they could be read."""
    argv, exe = fact["argv"], fact["exe"]
    return exe == PROGRAM[0] if argv is None else argv == list(PROGRAM)


def seen(out: Path, made: dict[str, int]) -> dict[str, Any]:
    """What was told of a storm. Each connection has two ends here, and each is a flow of its own."""
    count: Counter[str] = Counter()
    dropped: dict[str, int] = {}
    for fact in facts(out):
        kind = fact["kind"]
        if kind == "coverage":
            dropped = {name: sense["dropped"] for name, sense in fact["sensors"].items() if sense["dropped"]}
        elif kind in ("process.start", "process.repeat") and is_of_storm(fact):
            count["processes told whole" if kind == "process.start" else "processes counted"] += fact.get("count", 1)
            count["processes without their arguments"] += (fact["argv"] is None) * fact.get("count", 1)
        elif kind in ("flow.open", "flow.close") and made["port"] in (fact["local"][1], fact["remote"][1]):
            count["flows opened" if kind == "flow.open" else "flows closed"] += 1
            count["flows closed with owner"] += kind == "flow.close" and fact["puid"] is not None
    count["processes"] = count["processes told whole"] + count["processes counted"]
    return {"made": made, **count, "dropped": dropped}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.storm_seen", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="processes, and connections, a second")
    parser.add_argument("--seconds", type=float, default=50.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wachhund-storm-") as folder:
        out = Path(folder) / "facts.jsonl"
        with out.open("wb") as target:
            agent = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
        try:
            until(lambda: any(fact["kind"] == "coverage" for fact in facts(out)), 30, "the senses are awake")
            storm = subprocess.run(
                [sys.executable, str(STORM), "--rate", str(arguments.rate), "--seconds", str(arguments.seconds)],
                capture_output=True, check=True,
            )  # fmt: skip
            made = json.loads(storm.stdout)
            with contextlib.suppress(AssertionError):  # what is missing the figures say
                until(lambda: closed(out, made["port"]) >= 2 * made["connections"], 30, "all flows are closed")
            cost = cost_of(agent.pid)
        finally:
            agent.send_signal(signal.SIGINT)
            agent.wait(30)
        figures = {"python": AGENT_PYTHON, **seen(out, made)}
        print(json.dumps({**figures, "agent_cpu_s": round(cost.cpu_s, 1), "agent_rss_bytes": cost.rss_bytes}))


if __name__ == "__main__":
    main()
