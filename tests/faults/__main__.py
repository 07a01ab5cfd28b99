"""`python -m tests.faults`: faults without number, from a seed; exit status 0 only when every invariant held.

In one process: a robot, a host and a wire under a clock of their own, 40 faults a life. With real processes: agents, a
host and its broker that are killed, starved, and put on full disks. What holds after each is in inner/invariants.py and
kills/invariants.py. A run that is broken off goes on with --resume.
"""

import argparse
import concurrent.futures
import contextlib
import io
import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.figures import Figures
from tests.faults.inner.lives import ROUNDS, life
from tests.faults.inner.world import Violation
from tests.faults.kills.ticks import ticks

IN_PROCESS, KILLS = "in one process", "real processes"


def one_life(seed: int, number: int, rounds: int) -> tuple[int, list[Any], str | None]:
    """A life in a folder of its own; its rounds, and what was violated in it."""
    logging.disable(logging.CRITICAL)  # the host and the agent tell of each fault, as they should
    done: list[Any] = []
    shared_memory = Path("/dev/shm")  # a ledger that nobody wants to keep
    base = shared_memory if os.access(shared_memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="wachhund-faults-", dir=base) as folder:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                done.extend(life(Path(folder), seed, number, rounds))
        except Violation as violation:
            return number, done, str(violation)
    return number, done, None


def in_one_process(figures: Figures, wanted: int, jobs: int) -> None:
    """Lives until there are so many rounds."""
    lives = [number for number in range(-(-wanted // ROUNDS)) if number not in figures.done(IN_PROCESS)]
    began = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(one_life, figures.seed, number, ROUNDS) for number in lives]
        try:
            for finished in concurrent.futures.as_completed(running):
                number, rounds, violation = finished.result()
                figures.add(IN_PROCESS, number, rounds, violation)
                count, seconds = len(figures.rounds(IN_PROCESS)), time.monotonic() - began
                print(f"life {number}: {len(rounds)} faults; {count} of {wanted}, {seconds:.0f} s", flush=True)
                if violation:
                    print(f"VIOLATED: {violation}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # the lives that run come to their end, and no other begins
            raise


def with_real_processes(figures: Figures, wanted: int) -> None:
    """Ticks on one stage, and on a new one after a violation, until there are so many rounds."""
    began = time.monotonic()
    while (count := len(figures.rounds(KILLS))) < wanted:
        first = max(figures.done(KILLS), default=-1) + 1
        with tempfile.TemporaryDirectory(prefix="wachhund-faults-") as folder:
            try:
                for tick, rounds in ticks(Path(folder), figures.seed, first, wanted - count):
                    figures.add(KILLS, tick, rounds, None)
                    what = ", ".join(sorted({fault for one in rounds for fault in one.faults}))
                    so_far, seconds = len(figures.rounds(KILLS)), time.monotonic() - began
                    print(f"tick {tick}: {what}; {so_far} of {wanted}, {seconds:.0f} s", flush=True)
            except Violation as violation:
                print(f"VIOLATED: {violation}", flush=True)
                figures.add(KILLS, max(figures.done(KILLS), default=-1) + 1, [], str(violation))


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.split("\n")[0])
    options.add_argument("--seed", type=int, help="the same faults again (default 1, or that of --resume)")
    options.add_argument("--in-process", type=int, default=10_000, metavar="N", help="faults (default %(default)s)")
    options.add_argument("--kills", type=int, default=500, metavar="N", help="faults (default %(default)s)")
    options.add_argument("--resume", type=Path, metavar="FILE", help="where the run is kept; begun if it is not there")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="lives at a time (default: one a core)")
    asked = options.parse_args()
    try:
        figures = Figures.load(asked.resume, asked.seed) if asked.resume else Figures(asked.seed or 1, None)
    except (ValueError, OSError) as error:
        print(f"python -m tests.faults: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is mounted and what runs goes as with Ctrl-C
    print(f"seed {figures.seed}", flush=True)
    in_one_process(figures, asked.in_process, asked.jobs)
    with_real_processes(figures, asked.kills)
    for part in figures.parts:
        print(figures.table(part))
    violations = figures.violations()
    print(f"violations: {len(violations)}")
    for violation in violations:
        print(f"  {violation}")
    return 1 if violations else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("python -m tests.faults: broken off; with --resume FILE a run goes on", file=sys.stderr)
        sys.exit(130)
