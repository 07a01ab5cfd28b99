"""What the agent costs, idle and under the stock robot's noise, beside psutil asked once a second.

The whole agent, with signing, journal and uplink to a real host, measured by the kernel's own accounts of both
processes over the same seconds. As root both live in a network namespace of their own, and the agent hears only of what
the bench starts (confined): it would else pay for its neighbours. psutil pays for all processes, as it would anywhere.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.bench import confined
from tests.bench.apart import measured_apart
from tests.bench.figure import Figure
from tests.bench.noise import Noise
from tests.bench.process_cost import cost_of, forks
from tests.robots.living import Living
from tests.waiting import until

HERE = Path(__file__).parent


def _rounds(pids: dict[str, int], rounds: int, seconds: float) -> tuple[dict[str, list[float]], list[float]]:
    """CPU of each process in % of one core, and forks a second, round by round."""
    cpu: dict[str, list[float]] = {name: [] for name in pids}
    forked = []
    for _ in range(rounds):
        before, started, made = {name: cost_of(pid).cpu_s for name, pid in pids.items()}, time.monotonic(), forks()
        time.sleep(seconds)
        took = time.monotonic() - started
        for name, pid in pids.items():
            cpu[name].append(100 * (cost_of(pid).cpu_s - before[name]) / took)
        forked.append((forks() - made) / took)
    return cpu, forked


def run(quick: bool) -> list[Figure]:
    """In a process of its own, which the other benches need not follow to its network."""
    return measured_apart(_measure, quick)


def _measure(quick: bool) -> list[Figure]:
    rounds, seconds = (2, 5.0) if quick else (6, 20.0)
    figures = []
    alone = os.geteuid() == 0
    if alone:
        confined.own_network()
    with ExitStack() as stack:
        living = stack.enter_context(Living(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        living.choose_profile("go1")  # it has every sense
        agent = living.start_agent()
        peer = stack.enter_context(subprocess.Popen([sys.executable, str(HERE / "psutil_peer.py")]))
        stack.callback(peer.kill)
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
        if alone:
            confined.hear_only(agent.pid, os.getpid())
        time.sleep(45)  # the first look at all processes and the hashing of their programs are over
        pids = {"agent": agent.pid, "psutil at 1 Hz": peer.pid}
        for situation, aim in (("idle", "< 0.3"), ("stock noise", "< 1, and never above psutil")):
            if situation == "idle":
                cpu, forked = _rounds(pids, rounds, seconds)
                note = ""
            else:
                with Noise() as noise:
                    time.sleep(10)
                    cpu, forked = _rounds(pids, rounds, seconds)
                note = f"{noise.per_s:.0f} programs/s of noise, "
            note += f"{sorted(forked)[len(forked) // 2]:.0f} forks/s on the machine"
            note += ", of which the agent hears its bench's" if alone else ""
            for process, samples in cpu.items():
                mine = aim if process == "agent" else ""
                figures.append(Figure("agent-cost", f"{situation}: {process}", "% core", tuple(samples), mine, note))
            ratios = tuple(a / b for a, b in zip(cpu["agent"], cpu["psutil at 1 Hz"], strict=True))
            figures.append(Figure("agent-cost", f"{situation}: agent / psutil", "ratio", ratios))
        for process, pid in pids.items():
            resident = cost_of(pid).rss_bytes / 2**20
            aim = "< 35" if process == "agent" else ""
            figures.append(Figure("agent-cost", f"memory: {process}", "MiB", (resident,), aim))
    return figures
