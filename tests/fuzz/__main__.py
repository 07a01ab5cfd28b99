"""`python -m tests.fuzz`: every parser, the cases shared evenly, one line each; exit status 1 at a crash or a gap."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.parsers import PARSERS

WANTED_COVERAGE = 0.9
_RSS = re.compile(r"stat::peak_rss_mb:\s+(\d+)")
_RUNS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


def fuzz(name: str, cases: int, corpus: Path) -> dict[str, object]:
    """One parser: cases run, crashes, peak memory, and the share of its branches that they reached."""
    started = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(cases), str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    runs, rss = _RUNS.search(said), _RSS.search(said)
    replayed = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.replay", name, str(corpus)], capture_output=True, text=True, check=False
    )
    reached = json.loads(replayed.stdout) if replayed.returncode == 0 else {"covered": 0, "branches": 1}
    if done.returncode:
        at = max(said.find("=== Uncaught"), 0)
        print(said[at : at + 3000], file=sys.stderr)
    if replayed.returncode:
        print(replayed.stderr[-2000:], file=sys.stderr)
    return {
        "parser": name,
        "cases": int(runs.group(1)) if runs else 0,
        "crashed": done.returncode != 0,
        "peak_rss_mb": int(rss.group(1)) if rss else None,
        "seconds": round(time.monotonic() - started, 1),
        **reached,
        "coverage": round(reached["covered"] / reached["branches"], 3),
    }


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--cases", type=int, default=1_000_000, help="over all parsers (default %(default)s)")
    options.add_argument("--only", metavar="NAME", choices=sorted(PARSERS), help="one parser")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = options.parse_args()
    names = [asked.only] if asked.only else sorted(PARSERS)
    print(f"{'parser':28}{'cases':>9}{'crash':>7}{'MB':>6}{'s':>7}{'branches':>12}")
    results = []
    with tempfile.TemporaryDirectory(prefix="wachhund-fuzz-") as folder:
        for number, name in enumerate(names):
            row = fuzz(name, -(-asked.cases // len(names)), Path(folder) / str(number))
            results.append(row)
            print(
                f"{name:28}{row['cases']:>9}{'YES' if row['crashed'] else 'no':>7}{row['peak_rss_mb'] or 0:>6}"
                f"{row['seconds']:>7}{row['covered']:>6}/{row['branches']:<3}{row['coverage']:>5.0%}",
                flush=True,
            )
    print(f"cases over all: {sum(int(str(row['cases'])) for row in results)}")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2) + "\n")
    return int(any(row["crashed"] or float(str(row["coverage"])) < WANTED_COVERAGE for row in results))


if __name__ == "__main__":
    sys.exit(main())
