"""`python -m tests.bench.sense_cost`: where the agent's processor time goes, by sense, idle and under stock noise.

The whole agent with signing, journal and uplink to a real host, with a meter around each sense (metered_agent), kept
apart from whatever else runs on this machine (confined). Needs root. WACHHUND_AGENT_PYTHON names another Python.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import confined
from tests.bench.process_cost import cost_of, forks
from tests.robots.living import Living, until

ROOT = Path(__file__).resolve().parents[2]
NOISE = Path(__file__).parent / "noise.sh"
_SETTLE_S = 45.0  # the first look at all processes and the hashing of their programs are over


@dataclass(frozen=True)
class Reading:
    """CPU seconds so far: by part of the sensing thread, of each thread, and of the whole process."""

    at: float
    spent: dict[str, float]
    calls: dict[str, int]
    threads: dict[str, float]
    process: float
    rss_bytes: int


def read(agent: int, meter: Path) -> Reading:
    """Ask the metered agent for its figures."""
    meter.unlink(missing_ok=True)
    at, cost = time.monotonic(), cost_of(agent)
    os.kill(agent, signal.SIGUSR1)
    until(meter.exists, 10, "the agent wrote its figures")
    found: dict[str, Any] = json.loads(meter.read_text())
    return Reading(at, found["spent"], found["calls"], found["threads"], cost.cpu_s, cost.rss_bytes)


def shares(before: Reading, after: Reading) -> dict[str, float]:
    """% of one core by part, between two readings. The main thread's rest is the loop's own."""
    took = after.at - before.at
    found = {name: spent - before.spent.get(name, 0.0) for name, spent in after.spent.items()}
    threads = {name: spent - before.threads.get(name, 0.0) for name, spent in after.threads.items()}
    found["loop"] = threads.pop("MainThread") - sum(found.values())
    for name, spent in threads.items():
        found["attester: sign, journal" if name == "attester" else "uplink (paho)"] = spent
    found["all"] = after.process - before.process
    return {name: 100 * spent / took for name, spent in found.items()}


def measure(seconds: float, profile: str) -> dict[str, Any]:
    confined.own_network()
    with tempfile.TemporaryDirectory(prefix="wachhund-senses-") as name, Living(Path(name)) as living:
        living.choose_profile(profile)
        meter = Path(name) / "meter.json"
        os.environ.update(WACHHUND_METER=str(meter), PYTHONPATH=str(ROOT))
        agent = living.start_agent("tests.bench.metered_agent")
        with_noise = None
        try:
            ledger = living.ledger()
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
            ledger.close()
            how = confined.hear_only(agent.pid, os.getpid())
            time.sleep(_SETTLE_S)
            made: dict[str, Any] = {"confined": how, "profile": profile, "seconds": seconds}
            for situation in ("idle", "noise"):
                if situation == "noise":
                    with_noise = subprocess.Popen(["sh", str(NOISE)], start_new_session=True)
                    time.sleep(10)
                before, made_before = read(agent.pid, meter), forks()
                time.sleep(seconds)
                after, made_after = read(agent.pid, meter), forks()
                found = shares(before, after)
                made[situation] = {name: round(found[name], 3) for name in sorted(found, key=lambda name: -found[name])}
                made[situation + ", machine's forks a second"] = round((made_after - made_before) / seconds)
            made["rss_mib"] = round(after.rss_bytes / 2**20, 1)
            return made
        finally:
            if with_noise is not None:
                os.killpg(with_noise.pid, signal.SIGKILL)
                with_noise.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sense_cost", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each situation")
    parser.add_argument("--profile", default="go1")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.seconds, asked.profile), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
