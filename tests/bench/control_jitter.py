"""How late a 500 Hz control loop wakes up, with the agent on its core and without it, under the stock robot's noise.

The loop is cyclictest (rt-tests, of the kernel's real-time developers), once as an ordinary program, as the Go1's own
is, and once under SCHED_FIFO. Host and noise are there in both cases; the noise runs on all cores, the host on the
others. The agent is bound to the loop's core, which is worse than on a robot: there it keeps off cores to which
real-time work is bound. Without the agent before and after it, so that a drift of the machine is seen.
"""

import json
import os
import shutil
import subprocess
import time
from contextlib import closing
from pathlib import Path

from tests.bench.confined import threads_below
from tests.bench.figure import Figure
from tests.bench.noise import Noise
from tests.bench.scratch import scratch
from tests.robots.living import Living
from tests.waiting import until

_INTERVAL_US = 2_000
_MOST_US = 100_000  # of the histogram; what is later is counted as that late
_POLICIES = {"ordinary": ("--policy=other",), "SCHED_FIFO 50": ("--policy=fifo", "--priority=50")}
_SETTLE_S = 45.0  # the agent's first look at all processes and the hashing of their programs are over


def run(quick: bool) -> list[Figure]:
    """Raises RuntimeError where there is no cyclictest, or one core only."""
    if shutil.which("cyclictest") is None:
        raise RuntimeError("control-jitter: needs cyclictest (Debian: apt-get install rt-tests)")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise RuntimeError("control-jitter: needs two cores: the host would run on the loop's")
    rounds, seconds = (1, 5) if quick else (3, 20)
    core = cores[-1]
    late: dict[tuple[str, str], list[dict[int, int]]] = {}
    with scratch() as folder, Living(folder) as living, Noise():
        _bind(living.host_pid, set(cores[:-1]))
        for situation in ("no agent", "agent", "no agent again"):
            agent = living.start_agent() if situation == "agent" else None
            if agent is not None:
                with closing(living.ledger()) as ledger:
                    until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
                _bind(agent.pid, {core})
                time.sleep(_SETTLE_S)
            for _ in range(rounds):
                for policy in _POLICIES:
                    late.setdefault((situation, policy), []).append(_histogram(folder, core, policy, seconds))
            if agent is not None:
                agent.terminate()
                agent.wait(30)
    return [figure for policy in _POLICIES for figure in _figures(policy, late)]


def _figures(policy: str, late: dict[tuple[str, str], list[dict[int, int]]]) -> list[Figure]:
    figures = []
    for what, share in (("median", 0.5), ("p99", 0.99), ("max", 1.0)):
        for situation in ("no agent", "agent", "no agent again"):
            samples = tuple(float(_quantile(one, share)) for one in late[situation, policy])
            figures.append(Figure("control-jitter", f"{policy}, {situation}: {what}", "us late", samples))
    return figures


def _histogram(folder: Path, core: int, policy: str, seconds: int) -> dict[int, int]:
    """How often the loop woke so many microseconds late."""
    told = folder / "cyclictest.json"
    command = ["cyclictest", "-q", "-t1", f"-a{core}", f"-i{_INTERVAL_US}", f"-D{seconds}", f"-h{_MOST_US}"]
    command += ["--default-system", *_POLICIES[policy], f"--json={told}"]
    subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)
    thread = json.loads(told.read_text())["thread"]["0"]
    found = {int(late): int(count) for late, count in thread["histogram"].items()}
    beyond = int(thread["cycles"]) - sum(found.values())
    return {**found, int(thread["max"]): found.get(int(thread["max"]), 0) + beyond} if beyond > 0 else found


def _quantile(histogram: dict[int, int], share: float) -> int:
    wanted, seen = share * sum(histogram.values()), 0
    for late, count in sorted(histogram.items()):
        seen += count
        if seen >= wanted:
            return late
    raise ValueError("an empty histogram")


def _bind(pid: int, cores: set[int]) -> None:
    for thread in threads_below(pid):
        os.sched_setaffinity(thread, cores)
