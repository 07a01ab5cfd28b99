"""`python -m tests.bench.long_noise`: the stock robot's noise for an hour at real speed, then its recording many times.

Part 1: host, broker and agent as processes of their own, kept apart from what else runs on this machine (confined); a
sample a minute of memory, CPU, journal and drops. Needs root.
Part 2: what was recorded, looped with shifted clocks through attester, journal, intake and judge in one process.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.bench import confined
from tests.bench.noise import PROGRAMS, Noise
from tests.bench.process_cost import cost_of, forks
from tests.robots.host_bench import HostBench
from tests.robots.living import Living
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.rule_loading import BUILT_IN, load_rules
from wachhund_agent.attester import Attester
from wachhund_agent.config import Limits
from wachhund_agent.journal import Journal
from wachhund_evidence import Observation

SETTLE_S = 60.0


def observe(folder: Path, minutes: float, every_s: float, profile: str) -> tuple[dict[str, object], list[Observation]]:
    """Part 1. Returns the figures and everything that reached the ledger, in order."""
    samples: list[dict[str, float]] = []
    with Living(folder) as living:
        living.choose_profile(profile)
        agent = living.start_agent()
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
            how = confined.hear_only(agent.pid, os.getpid())
            with Noise() as noise:
                time.sleep(SETTLE_S)  # the first look at everything and the hashing of programs are over
                start, began, forked = cost_of(agent.pid), time.monotonic(), forks()
                last, apart = start, True
                while time.monotonic() - began < minutes * 60:
                    time.sleep(every_s)
                    now = cost_of(agent.pid)
                    size = sum(file.stat().st_size for file in (folder / "agent-data").rglob("*") if file.is_file())
                    share = (now.cpu_s - last.cpu_s) / every_s
                    samples.append({"s": round(time.monotonic() - began), "rss": now.rss_bytes, "journal": size,
                                    "cpu": round(share, 4)})  # fmt: skip
                    last, apart = now, apart and confined.is_apart(agent.pid)
                    print(json.dumps(samples[-1]), file=sys.stderr, flush=True)
                took = time.monotonic() - began
                cpu, machine_forks = (cost_of(agent.pid).cpu_s - start.cpu_s) / took, (forks() - forked) / took
            agent.terminate()
            agent.wait(30)
        engine = create_engine(f"sqlite:///{living.data / 'ledger.sqlite'}")
        with engine.connect() as connection:
            rows = connection.execute(text("select kind, t, mono, sensor, fields from observations order by mono"))
            seen = [Observation(kind, t, mono, sensor, json.loads(fields)) for kind, t, mono, sensor, fields in rows]
        engine.dispose()
    coverage = [one.fields["sensors"] for one in seen if one.kind == "coverage"]
    beats = [one.fields for one in seen if one.kind == "heartbeat"]
    half = len(samples) // 2
    told = sum(
        one.fields.get("count", 1)
        for one in seen
        if one.kind in ("process.start", "process.repeat")
        and not one.fields.get("existing")
        and str(one.fields["exe"]).rsplit("/", 1)[-1] in PROGRAMS
    )
    figures: dict[str, object] = {
        "confined": how if apart else "LOST: the agent made its instances anew, and heard the whole machine",
        "profile": profile,
        "minutes": minutes,
        "cpu_share_of_a_core": round(cpu, 4),
        "cpu_largest_minute": max(s["cpu"] for s in samples),
        "machine_forks_per_s": round(machine_forks, 1),
        "noise_programs_started": noise.programs,
        "noise_programs_told": told,
        "noise_programs_per_s": round(noise.per_s, 1),
        "cpu_us_per_program": round(cpu * 1e6 / noise.per_s, 1),
        "rss_first_half_mib": round(statistics.median(s["rss"] for s in samples[:half] or samples) / 2**20, 2),
        "rss_second_half_mib": round(statistics.median(s["rss"] for s in samples[half:]) / 2**20, 2),
        "rss_largest_mib": round(max(s["rss"] for s in samples) / 2**20, 2),
        "observations": len(seen),
        "dropped": {name: max(said[name]["dropped"] for said in coverage if name in said) for name in coverage[-1]},
        "lost": sum(one.fields.get("lost") or 0 for one in seen if one.kind == "agent.gap"),
        "journal_mib": round(samples[-1]["journal"] / 2**20, 2),
        "sent_bytes": max((beat.get("sent_bytes") or 0 for beat in beats), default=0),
        "written_bytes": max((beat.get("written_bytes") or 0 for beat in beats), default=0),
    }
    return figures, seen


def loop(folder: Path, seen: list[Observation], times: int, journal_mib: int) -> dict[str, object]:
    """Part 2: the recording `times` over, each time later by its length, through everything that keeps something."""
    span = max(one.mono for one in seen) - min(one.mono for one in seen) + 1
    bench = HostBench(folder / "host")
    robot = ScriptedRobot()
    row = bench.add("rex", robot)
    limits = Limits(journal_bytes=journal_mib << 20)
    journal = Journal(folder / "journal", limits)
    attester = Attester(journal, robot.key, bench.nonce(robot, 1_000_000.0), robot.bootseed, {}, limits)
    judge = Judge(load_rules((BUILT_IN,)).rules)
    sizes, resident = [], []
    incidents: dict[str, str] = {}
    for turn in range(times):
        shift = turn * span
        batch = [Observation(o.kind, o.t + shift, o.mono + shift, o.sensor, o.fields) for o in seen]
        for start in range(0, len(batch), 200):
            attester.attest(batch[start : start + 200])
            while True:
                first, last = journal.receipted + 1, journal.next_seq - 1
                pending = journal.read(first, last, limits.in_flight_tokens, limits.in_flight_bytes)
                if not pending:
                    break
                bench.take(row, *(stored.token for stored in pending), t=1_000_000.0 + shift)
                journal.heard(pending[-1].seq, [])
            judged = judge.feed([Fact(None, o.t, None, LineRef(0), o) for o in batch[start : start + 200]])
            incidents.update((one["id"], one["title"]) for one in judged.incidents)
        resident.append(cost_of(os.getpid()).rss_bytes / 2**20)
        sizes.append(sum(file.stat().st_size for file in (folder / "journal").rglob("*") if file.is_file()) / 2**20)
        print(
            f"loop {turn + 1}: {resident[-1]:.1f} MiB, journal {sizes[-1]:.1f} MiB, {len(incidents)} incidents",
            file=sys.stderr,
        )
    journal.close()
    bench.close()
    return {
        "loops": times,
        "rss_mib": [round(x, 1) for x in resident],
        "journal_bound_mib": journal_mib,
        "journal_mib": [round(x, 1) for x in sizes],
        "incidents": sorted(incidents.values()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.long_noise", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--profile", default="go1", help="go1 has every sense")
    parser.add_argument("--loops", type=int, default=24)
    parser.add_argument("--journal-mib", type=int, default=32, help="of the loops' journal; a robot's is 256")
    parser.add_argument("--out", type=Path, default=Path("build/long-noise.json"))
    asked = parser.parse_args()
    confined.own_network()
    with tempfile.TemporaryDirectory(prefix="wachhund-noise-") as name:
        (Path(name) / "live").mkdir()
        every_s = 60.0 if asked.minutes >= 10 else 5.0
        figures, seen = observe(Path(name) / "live", asked.minutes, every_s, asked.profile)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(figures, indent=1) + "\n")  # an hour is not lost by what fails after it
        figures["replay"] = loop(Path(name), seen, asked.loops, asked.journal_mib) if asked.loops else None
    asked.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
