"""How often a relay is recognised, and a harmless program accused, over scenes drawn from a seed.

`python -m tests.bench.relay_rates [--draws 100] [--seed 1] [--at-once 10] [--seconds 30] [--out FILE]`. Every scene is
played with real processes in two network namespaces of its own. A miss is a line, never a changed draw.
"""

import argparse
import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from tests.system.relay_scenes import network

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXTRA_S = 30.0  # for starting and ending one scene's processes


def play(scene: str, seed: int, seconds: float) -> dict[str, Any]:
    """One scene's outcome as the stage tells it, or {"error": ...}."""
    command = [*network.enter(), sys.executable, "-m", "tests.system.relay_scenes.stage", scene, str(seed),
               "--seconds", str(seconds)]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds + EXTRA_S, cwd=ROOT, check=False)
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome
    except (subprocess.TimeoutExpired, ValueError) as error:
        return {"error": f"{error}", "plan": {"scene": scene, "seed": seed}}


def verdict(outcome: dict[str, Any]) -> str:
    """The last word on the scene: a server's relaying is its job, and not an accusation."""
    if "error" in outcome:
        return "scene failed"
    told = outcome["told"]
    if not told:
        return "no pair"
    if any(one["verdict"] == "relay" and not one["structure"]["server"] for one in told):
        return "relay"
    if any(one["verdict"] == "relay" for one in told):
        return "server"
    return str(told[-1]["verdict"])


def delays(outcome: dict[str, Any]) -> tuple[float | None, float | None]:
    """Seconds from the inner connection to the first word, and from its 4096th byte to certainty (0 when before)."""
    told, opened, full = outcome["told"], outcome["opened"], outcome["four_kilobytes"]
    suspected = told[0]["mono"] - opened if told and opened else None
    certain = next((one["mono"] for one in told if one["verdict"] == "relay"), None)
    return suspected, None if certain is None or full is None else max(0.0, certain - full)


def _describe(plan: dict[str, Any]) -> str:
    if plan["scene"] == "benign":
        shown = ("kind", "latency_s", "pause_s", "loop_pause_s", "burst", "sizes", "request", "reply")
    else:
        shown = ("session_kind", "direction", "buffer", "wrap", "tls", "delay_ms", "split", "threads")
    return ", ".join(f"{key} {plan[key]}" for key in shown if key in plan)


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    return (f"median {statistics.median(ordered):.2f} s, p90 {ordered[int(0.9 * (len(ordered) - 1))]:.2f} s, "
            f"longest {ordered[-1]:.2f} s ({len(ordered)})")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100, help="of relays, and as many of harmless programs")
    parser.add_argument("--seed", type=int, default=1, help="the first draw; the others follow it")
    parser.add_argument("--at-once", type=int, default=10, help="scenes played at the same time")
    parser.add_argument("--seconds", type=float, default=30.0, help="a scene is watched for")
    parser.add_argument("--out", type=pathlib.Path, help="write every outcome to this file, JSON lines")
    args = parser.parse_args()
    why = network.why_not()
    if why is not None:
        print(f"relay_rates: {why}", file=sys.stderr)
        return 2
    began = time.monotonic()
    work = [(scene, seed) for seed in range(args.seed, args.seed + args.draws) for scene in ("relay", "benign")]
    with concurrent.futures.ThreadPoolExecutor(args.at_once) as pool:
        outcomes = list(pool.map(lambda one: play(one[0], one[1], args.seconds), work))
    if args.out is not None:
        args.out.write_text("".join(json.dumps(outcome) + "\n" for outcome in outcomes))
    for scene, wrong in (("relay", lambda said: said != "relay"), ("benign", lambda said: said == "relay")):
        mine = [outcome for outcome in outcomes if outcome["plan"]["scene"] == scene]
        counted = Counter(verdict(outcome) for outcome in mine)
        print(f"{scene}: {len(mine)} scenes: " + ", ".join(f"{count} {said}" for said, count in counted.most_common()))
        for outcome in mine:
            if wrong(verdict(outcome)):
                told = outcome.get("told") or [{}]
                numbers = {key: value for key, value in told[-1].get("evidence", {}).items() if key != "windows"}
                what = outcome.get("error") or f"{_describe(outcome['plan'])}: {numbers}"
                print(f"  {'missed' if scene == 'relay' else 'accused'}: seed {outcome['plan']['seed']}: "
                      f"{verdict(outcome)}: {what}")  # fmt: skip
    found = [delays(outcome) for outcome in outcomes if outcome["plan"]["scene"] == "relay" and "error" not in outcome]
    print("suspected after its inner connection opened:", _spread([one for one, _ in found if one is not None]))
    print("certain after its 4096th byte:", _spread([other for _, other in found if other is not None]))
    rungs = Counter(outcome["rung"] for outcome in outcomes if "rung" in outcome)
    print("sensed by:", ", ".join(f"{source} ({count} scenes)" for source, count in rungs.items()))
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
