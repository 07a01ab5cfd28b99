"""Heartbeats verified and durably committed per second, by batch: what group commit gains over one sync each."""

import tempfile
import time
from pathlib import Path

from tests.bench.figure import Figure
from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.registration import new_robot
from wachhund.intake.waiting import Message
from wachhund_evidence import pack_message

_ROBOTS = 64


def run(quick: bool) -> list[Figure]:
    """Messages of 64 robots in turn, as a fleet sends them; timed from the message to the end of the commit."""
    figures = []
    # The working directory, not /tmp, which often is memory: the sync to disk is what is measured.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        bench = HostBench(Path(folder) / "data")
        robots = [ScriptedRobot() for _ in range(_ROBOTS)]
        rows = []
        for number, robot in enumerate(robots):
            row, _ = new_robot(f"robot-{number}", robot.public_pem)
            bench.ledger.add_robot(row)
            rows.append(row)
        bench.roster.refresh()
        for batch in (1, 32, 512):
            rounds = (3 if quick else 15) if batch > 1 else (50 if quick else 200)
            samples = []
            for _ in range(rounds):
                messages = [
                    Message(rows[n % _ROBOTS].id, pack_message(robots[n % _ROBOTS].heartbeat()), time.time())
                    for n in range(batch)
                ]
                start = time.perf_counter()
                standings = bench.intake.take(messages)
                samples.append(len(standings) / (time.perf_counter() - start))
                if len(standings) != batch:
                    raise RuntimeError("the intake refused its own benchmark")
            figures.append(Figure("intake", f"verified and committed, {batch} a batch", "1/s", tuple(samples)))
        bench.close()
    return figures
