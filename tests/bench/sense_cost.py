"""`python -m tests.bench.sense_cost`: where the agent's processor time goes, by sense, idle and under stock noise.

The whole agent with signing, journal and uplink to a real host, with a meter around each sense (metered_agent), kept
apart from whatever else runs on this machine (confined). Needs root. WACHHUND_AGENT_PYTHON names another Python.
Prints a table for docs/cost.md.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import confined
from tests.bench.noise import Noise
from tests.bench.process_cost import cost_of, forks
from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.living import Living
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SETTLE_S = 45.0  # the first look at all processes and the hashing of their programs are over
NOISE_SETTLE_S = 10.0  # the first of each kind has been told
_LOOP = "the loop itself: waiting, waking"


@dataclass(frozen=True)
class Reading:
    """CPU seconds so far: by part of the sensing thread, of each thread, and of the whole process."""

    at: float
    forks: int
    spent: dict[str, float]
    threads: dict[str, float]
    process: float
    rss_bytes: int


@dataclass(frozen=True)
class Costs:
    """% of one core by part, over some seconds, while the whole machine forked so often a second."""

    parts: dict[str, float]
    all: float
    forks_per_s: float


def read(agent: int, meter: Path) -> Reading:
    """Ask the metered agent for its figures."""
    meter.unlink(missing_ok=True)
    at, cost, forked = time.monotonic(), cost_of(agent), forks()
    os.kill(agent, signal.SIGUSR1)
    until(meter.exists, 10, "the agent wrote its figures")
    found: dict[str, Any] = json.loads(meter.read_text())
    return Reading(at, forked, found["spent"], found["threads"], cost.cpu_s, cost.rss_bytes)


def between(before: Reading, after: Reading) -> Costs:
    """What was used between two readings. What no meter counted of the sensing thread is the loop's own."""
    parts = {name: spent - before.spent.get(name, 0.0) for name, spent in after.spent.items()}
    threads = {name: spent - before.threads.get(name, 0.0) for name, spent in after.threads.items()}
    parts[_LOOP] = threads.pop("MainThread") - sum(parts.values())
    for name, spent in threads.items():
        parts["attester: sign, journal" if name == "attester" else "uplink (paho)"] = spent
    seconds = after.at - before.at
    shares = {name: 100 * spent / seconds for name, spent in parts.items()}
    return Costs(shares, 100 * (after.process - before.process) / seconds, (after.forks - before.forks) / seconds)


def measure(seconds: float, profile: str) -> str:
    """The table, as Markdown."""
    confined.own_network()
    with tempfile.TemporaryDirectory(prefix="wachhund-senses-") as name, Living(Path(name)) as living:
        living.choose_profile(profile)
        meter = Path(name) / "meter.json"
        os.environ.update(WACHHUND_METER=str(meter), PYTHONPATH=str(ROOT))
        agent = living.start_agent("tests.bench.metered_agent")
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
        how = confined.hear_only(agent.pid, os.getpid())

        def over(settle_s: float) -> tuple[Costs, Reading]:
            time.sleep(settle_s)
            before = read(agent.pid, meter)
            time.sleep(seconds)
            after = read(agent.pid, meter)
            return between(before, after), after

        idle, _ = over(SETTLE_S)
        with Noise() as noise:
            busy, last = over(NOISE_SETTLE_S)
        return table(idle, busy, noise, last.rss_bytes, how, profile, seconds)


def table(idle: Costs, busy: Costs, noise: Noise, rss_bytes: int, how: str, profile: str, seconds: float) -> str:
    """What was measured, for people. Dearest first."""
    version = subprocess.run([AGENT_PYTHON, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    names = sorted(set(idle.parts) | set(busy.parts), key=lambda name: -busy.parts.get(name, 0.0))
    rows = [f"| {name} | {idle.parts.get(name, 0.0):.3f} | {busy.parts.get(name, 0.0):.3f} |" for name in names]
    program_us = (busy.all - idle.all) * 1e4 / noise.per_s
    return "\n".join(
        (
            f"{version} for the agent, Linux {platform.release()} {platform.machine()}, profile {profile}, "
            f"{seconds:.0f} s of each. Noise: {noise.per_s:.0f} programs/s; the whole machine forked "
            f"{idle.forks_per_s:.0f} times a second (idle) and {busy.forks_per_s:.0f}. "
            f"Confined: {how}.",
            "",
            "| part | idle, % of a core | under noise |",
            "|---|---|---|",
            *rows,
            f"| **all** | **{idle.all:.2f}** | **{busy.all:.2f}** |",
            "",
            f"A program that starts and ends costs {program_us:.0f} us of a core more than rest. "
            f"Resident: {rss_bytes / 2**20:.1f} MiB.",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sense_cost", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each situation")
    parser.add_argument("--profile", default="go1", help="the robot model; go1 has every sense")
    asked = parser.parse_args()
    print(measure(asked.seconds, asked.profile))
    return 0


if __name__ == "__main__":
    sys.exit(main())
