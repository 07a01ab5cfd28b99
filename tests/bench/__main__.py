"""`python -m tests.bench`: measures what we promise, beside a peer or a physical limit in the same run.

Prints a table and writes the same figures as JSON. Medians and ratios are what to quote: machines are noisy.
"""

import argparse
import json
import platform
import signal
import sys
from pathlib import Path

from tests.bench import (
    agent_cost,
    alert_time,
    backlog,
    campaigns,
    control_jitter,
    flood,
    hunt,
    incident_time,
    intake,
    keeping,
    live_viewers,
    long_hunt,
    rules,
    verify,
    wear,
)
from tests.bench.figure import Figure, table

BENCHES = {
    "verify": verify.run,
    "agent-cost": agent_cost.run,
    "alert-time": alert_time.run,
    "backlog": backlog.run,
    "campaigns": campaigns.run,
    "control-jitter": control_jitter.run,
    "flood": flood.run,
    "hunt": hunt.run,
    "incident-time": incident_time.run,
    "intake": intake.run,
    "keeping": keeping.run,
    "live-viewers": live_viewers.run,
    "long-hunt": long_hunt.run,
    "rules": rules.run,
    "wear": wear.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Wachhund on this machine.")
    parser.add_argument("--only", action="append", choices=sorted(BENCHES), help="measure only this (repeatable)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it runs, not to quote")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="where the figures go as JSON")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is mounted and what runs goes as with Ctrl-C
    figures: list[Figure] = []
    for name in arguments.only or sorted(BENCHES):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        figures += BENCHES[name](quick=arguments.quick)
    print(table(figures))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    machine = {"kernel": platform.release(), "machine": platform.machine(), "python": platform.python_version()}
    document = {"machine": machine, "quick": arguments.quick, "figures": [figure.to_json() for figure in figures]}
    arguments.out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written: {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
