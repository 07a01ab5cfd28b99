"""`wachhund hunt` over a ledger of ten million observations: the command as a person runs it, and one plain SQL scan.

The first of them go in as a robot's do, signed and through the intake; the rest are their rows copied within the file,
each with a place and a time of its own, because that is what a hunt reads. Another size:
`python -m tests.bench.long_hunt --observations N`. Its folder lies in the working directory; 0.9 KB an observation.
"""

import argparse
import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.figure import Figure, table
from tests.bench.hunt import fill
from tests.bench.scratch import scratch
from tests.robots.host_bench import HostBench

OBSERVATIONS = 10_000_000
SIGNED = 100_000
BYTES_EACH = 900
SINCE = "1970-01-02"  # before the first
# By words that a text must hold, and by what is known only of a whole fact.
RULES = {
    "by a command": """
id: 5f0e6a52-6c4e-4f0b-9a4d-0b7c2f8f9a01
title: Netcat that runs a shell
logsource: {category: process_creation, product: linux}
detection:
  selection: {Image|endswith: /ncat, CommandLine|contains: --exec}
  condition: selection
level: high
""",
    "by a parent's command": """
id: 5f0e6a52-6c4e-4f0b-9a4d-0b7c2f8f9a02
title: A child of a shell that fetches
logsource: {category: process_creation, product: linux}
detection:
  selection: {ParentCommandLine|contains: 'curl http'}
  condition: selection
level: high
""",
}
_COPIED = (
    """INSERT INTO tokens SELECT id + :tokens, robot, chain, seq + :tokens, hash || '-' || :turn, prev, bootseed, mono,
    iat, nonce_t, received_t + :seconds, profile, swname, swversion, text FROM tokens WHERE id <= :tokens_signed""",
    """INSERT INTO observations SELECT id + :observations, token + :tokens, item, robot, kind, t + :seconds, mono,
    sensor, fields FROM observations WHERE id <= :observations_signed""",
)


def _grown(ledger: Path, wanted: int, seconds_each: float) -> int:
    """Copy what is there until there is enough. Returns how many observations there are."""
    with contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as db:
        most = {name: db.execute(f"SELECT max(id) FROM {name}").fetchone()[0] for name in ("tokens", "observations")}
        signed = {f"{name}_signed": last for name, last in most.items()}
        turns = max(1, wanted // most["observations"])
        for turn in range(1, turns):
            step = {name: turn * last for name, last in most.items()}
            db.execute("BEGIN")
            for copied in _COPIED:
                db.execute(copied, {**signed, **step, "turn": turn, "seconds": turn * seconds_each})
            db.execute("COMMIT")
        return int(db.execute("SELECT count(*) FROM observations").fetchone()[0])


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processors in our children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _hunted(rule: Path, data: Path, number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wachhund", "hunt", str(rule), "--since", SINCE, "--data", str(data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0 or f"in {number} observations" not in done.stdout:
        raise RuntimeError(f"hunt: {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")


def _scanned(ledger: Path) -> None:
    query = "SELECT count(*) FROM observations WHERE fields LIKE '%never-there%'"
    program = f"import sqlite3; print(sqlite3.connect({str(ledger)!r}).execute({query!r}).fetchone())"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def measured(wanted: int, rounds: int = 1) -> list[Figure]:
    """Interleaved rounds of all. Without the room on this disk: figures without samples."""
    room = shutil.disk_usage(Path.cwd()).free
    needed = 2 * wanted * BYTES_EACH  # and as much again for everybody else
    if room < needed:
        note = f"not measured: {room >> 30} GiB are free, {needed >> 30} wanted"
        return [Figure("long-hunt", f"{wanted} observations", "s", (), "minutes", note)]
    took: dict[str, list[tuple[float, float]]] = {f"hunt {name}": [] for name in RULES} | {"one plain SQL scan": []}
    with scratch() as folder:
        bench = HostBench(folder / "host")
        fill(bench, min(SIGNED, wanted))
        bench.close()
        ledger = folder / "host" / "ledger.sqlite"
        number = _grown(ledger, wanted, SIGNED)
        size = sum(path.stat().st_size for path in ledger.parent.glob("ledger.sqlite*"))
        print(f"  {number} observations, {size >> 20} MiB", file=sys.stderr, flush=True)
        for _ in range(rounds):
            for what, text in RULES.items():
                rule = folder / "rule.yml"
                rule.write_text(text)
                took[f"hunt {what}"].append(_spent(lambda: _hunted(folder / "rule.yml", folder / "host", number)))
            took["one plain SQL scan"].append(_spent(lambda: _scanned(ledger)))
    load = f"{number} observations, {size >> 20} MiB; load {os.getloadavg()[0]:.1f}"
    made = []
    for what, samples in took.items():
        aim = "minutes" if what.startswith("hunt") else "the peer"
        made.append(Figure("long-hunt", what, "s", tuple(wall for wall, _ in samples), aim, load))
        made.append(Figure("long-hunt", f"{what}, processor", "s", tuple(cpu for _, cpu in samples)))
    return made


def run(quick: bool) -> list[Figure]:
    return measured(OBSERVATIONS // 100 if quick else OBSERVATIONS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.long_hunt", description=__doc__)
    parser.add_argument("--observations", type=int, default=OBSERVATIONS, metavar="N")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    asked = parser.parse_args()
    print(table(measured(asked.observations, asked.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
